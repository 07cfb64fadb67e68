package opstest

import (
	"math"
	"strings"
	"testing"

	"m2pt/engine"
	"m2pt/ops"
)

// broken is the reference with something done to its memory around a kernel.
type broken struct {
	engine.Reference
	spoil func(in, out []engine.Tensor, kernel func())
}

func (d broken) Kernel(k ops.Kind, in, out []engine.Tensor) (engine.Kernel, error) {
	kernel, err := d.Reference.Kernel(k, in, out)
	return func() (failed error) { d.spoil(in, out, func() { failed = kernel() }); return failed }, err
}

// TestBrokenDevicesAreFound: the suite finds every way to be wrong that it
// claims to.
func TestBrokenDevicesAreFound(t *testing.T) {
	add := Case{"broken", ops.Add{}, []operand{normal(3, 5), normal(3, 5)}}
	in := add.inputs()
	want := do(add.Kind, in)
	floats := func(t engine.Tensor) []float32 { return ops.Of[float32](engine.HostBuf(t)) }
	after := func(t engine.Tensor) []float32 {
		t.Off += t.Bytes()
		return floats(t)
	}
	runs := 0
	for _, c := range []struct {
		name  string
		err   string // part of it
		spoil func(in, out []engine.Tensor, kernel func())
	}{
		{"right", "", func(_, _ []engine.Tensor, kernel func()) { kernel() }},
		{"wrong value", "output 0: element 7", func(_, out []engine.Tensor, kernel func()) { kernel(); floats(out[0])[7] += 1e-3 }},
		{"nothing written", "output 0: element 0", func(_, _ []engine.Tensor, _ func()) {}},
		{"NaN", "is NaN", func(_, out []engine.Tensor, kernel func()) { kernel(); floats(out[0])[3] = float32(math.NaN()) }},
		{"past the end", "0 bytes past output 0", func(_, out []engine.Tensor, kernel func()) { kernel(); after(out[0])[0] = 1 }},
		{"changes an input", "byte 8 of input 1", func(in, _ []engine.Tensor, kernel func()) { kernel(); floats(in[1])[2] = 1 }},
		{"adds to the output", "element", func(_, out []engine.Tensor, kernel func()) {
			before := floats(out[0])[1]
			kernel()
			floats(out[0])[1] += before
		}},
		{"not repeatable", "a second run gives other bits", func(_, out []engine.Tensor, kernel func()) {
			kernel()
			runs++
			y := &floats(out[0])[0]
			*y = math.Float32frombits(math.Float32bits(*y) ^ uint32(runs&1))
		}},
	} {
		err := check(broken{spoil: c.spoil}, add.Kind, in, want, sharing{-1}, 1e-5)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.err)
		}
	}
}

// TestBrokenInPlaceIsFound: a kernel that reads its input after it has written
// the output is right apart and wrong in place.
func TestBrokenInPlaceIsFound(t *testing.T) {
	add := Case{"in place", ops.Add{}, []operand{normal(3, 5), normal(3, 5)}}
	in := add.inputs()
	want := do(add.Kind, in)
	d := broken{spoil: func(in, out []engine.Tensor, kernel func()) {
		clear(engine.HostBuf(out[0]).Raw())
		kernel()
	}}
	if err := check(d, add.Kind, in, want, sharing{-1}, 1e-5); err != nil {
		t.Errorf("apart: %v", err)
	}
	if err := check(d, add.Kind, in, want, sharing{1}, 1e-5); err == nil {
		t.Error("in place: no error")
	}
}

// mistaken is GELU with the gradient of ReLU.
type mistaken struct{ ops.Activation }

func (k mistaken) SymDiff(g *ops.Graph, in []*ops.Node, _, grad *ops.Node) []*ops.Node {
	return []*ops.Node{g.Apply(ops.ActivationGrad{Fn: "relu"}, in[0], grad)}
}

func TestWrongGradientIsFound(t *testing.T) {
	c := Case{"gelu", ops.Activation{Fn: "gelu"}, []operand{normal(3)}}
	if err := c.checkGradient(1e-6); err != nil {
		t.Errorf("right: %v", err)
	}
	c.Kind = mistaken{ops.Activation{Fn: "gelu"}}
	if err := c.checkGradient(1e-6); err == nil || !strings.Contains(err.Error(), "gradient of input 0") {
		t.Errorf("wrong gradient: error %v", err)
	}
}

func TestCasesAreNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		if c.Name == "" || seen[c.Name] {
			t.Errorf("name %q is not unique", c.Name)
		}
		seen[c.Name] = true
	}
}
