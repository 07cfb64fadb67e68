package opstest

import (
	"math"
	"reflect"
	"slices"
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
	in := add.inputs(signature{})
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
		err := check(broken{spoil: c.spoil}, add.Kind, add.full(in), in, want, sharing{-1}, 1e-5)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.err)
		}
	}
}

// TestBrokenInPlaceIsFound: a kernel that reads its input after it has written
// the output is right apart and wrong in place.
func TestBrokenInPlaceIsFound(t *testing.T) {
	add := Case{"in place", ops.Add{}, []operand{normal(3, 5), normal(3, 5)}}
	in := add.inputs(signature{})
	want := do(add.Kind, in)
	d := broken{spoil: func(in, out []engine.Tensor, kernel func()) {
		clear(engine.HostBuf(out[0]).Raw())
		kernel()
	}}
	if err := check(d, add.Kind, add.full(in), in, want, sharing{-1}, 1e-5); err != nil {
		t.Errorf("apart: %v", err)
	}
	if err := check(d, add.Kind, add.full(in), in, want, sharing{1}, 1e-5); err == nil {
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

// halves is the reference that keeps all in bfloat16, but what a sum or a shape is made of
// as it comes.
type halves struct {
	engine.Reference
	storage func(k ops.Kind, in []engine.Storage) (want, out []engine.Storage)
}

func (d halves) Storage(k ops.Kind, in []engine.Storage) (want, out []engine.Storage) {
	return d.storage(k, in)
}

func halve(k ops.Kind, in []engine.Storage) (want, out []engine.Storage) {
	switch k.(type) {
	case ops.Add, ops.Reshape:
		return slices.Repeat(in[:1], len(in)), in[:1]
	}
	return slices.Repeat([]engine.Storage{engine.BF16}, len(in)), slices.Repeat([]engine.Storage{engine.BF16}, 8)
}

// modest is halves that counts the elements of its largest kernel.
type modest struct {
	halves
	most *int
}

func (d modest) Kernel(k ops.Kind, in, out []engine.Tensor) (engine.Kernel, error) {
	*d.most = max(*d.most, signature{in, out}.elements())
	return d.halves.Kernel(k, in, out)
}

// TestHalvesConform, with cases up to a size.
func TestHalvesConform(t *testing.T) {
	most := 0
	Run(t, modest{halves{storage: halve}, &most}, Options{Full: 1e-5, BF16: 2e-2, MaxElements: 5000})
	if most > 5000 || most < 4000 {
		t.Errorf("the largest case has %d elements", most)
	}
}

// TestSignatures: a kind that takes inputs as they come is tried in both storages; a cast
// is tried from both.
func TestSignatures(t *testing.T) {
	x := []operand{normal(2, 3)}
	for _, c := range []struct {
		kind ops.Kind
		in   []operand
		want []string
	}{
		{ops.Add{}, append(x, x...), []string{"kept [full full] -> [full]", "kept [bf16 bf16] -> [bf16]"}},
		{ops.Activation{Fn: "gelu"}, x, []string{"kept [bf16] -> [bf16]"}},
		{ops.MaxPool{Count: 2}, []operand{normal(1, 2, 3)}, []string{"kept [bf16] -> [bf16 full]"}},
		{engine.Cast{To: engine.BF16}, x, []string{"kept [full] -> [bf16]", "kept [bf16] -> [bf16]"}},
	} {
		k := Case{"signature", c.kind, c.in}
		list, err := k.signatures(halves{storage: halve}, k.full(k.inputs(signature{})))
		var got []string
		for _, s := range list {
			got = append(got, s.String())
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, %v, want %v", c.kind, got, err, c.want)
		}
	}
}

// TestBrokenHalvesAreFound: devices that keep less than their precision and are wrong.
func TestBrokenHalvesAreFound(t *testing.T) {
	gelu := Case{"gelu", ops.Activation{Fn: "gelu"}, []operand{normal(3, 5)}}
	fickle := halves{storage: func(_ ops.Kind, in []engine.Storage) (want, out []engine.Storage) {
		return []engine.Storage{engine.BF16 - in[0]}, nil
	}}
	full := gelu.full(gelu.inputs(signature{}))
	if _, err := gelu.signatures(fickle, full); err == nil || !strings.Contains(err.Error(), "given these") {
		t.Errorf("another answer each time: error %v", err)
	}
	s := full.given(engine.BF16)
	s.out[0].Store = engine.BF16
	in := gelu.inputs(s)
	want := do(gelu.Kind, in)
	for _, c := range []struct {
		name  string
		err   string // part of it
		spoil func(in, out []engine.Tensor, kernel func())
	}{
		{"right", "", func(_, _ []engine.Tensor, kernel func()) { kernel() }},
		{"wrong value", "element 4", func(_, out []engine.Tensor, kernel func()) { kernel(); engine.HostBytes(out[0])[9] ^= 1 }},
		{"as if in full", "bytes past output 0", func(_, out []engine.Tensor, kernel func()) {
			kernel()
			y := out[0]
			y.Store = engine.Full
			clear(engine.HostBytes(y))
		}},
	} {
		err := check(broken{spoil: c.spoil}, gelu.Kind, s, in, want, sharing{-1}, 2e-2)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.err)
		}
	}
}

// TestSharingNeedsOneStorage: an output lies in an input's memory only where both are kept
// alike.
func TestSharingNeedsOneStorage(t *testing.T) {
	c := Case{"gelu", ops.Activation{Fn: "gelu"}, []operand{normal(3)}}
	s := c.full(c.inputs(signature{}))
	if n := len(sharings(c.Kind, s)); n != 2 {
		t.Errorf("in full: %d ways to share, want none and one", n)
	}
	if n := len(sharings(c.Kind, s.given(engine.BF16))); n != 1 {
		t.Errorf("from bfloat16 to full: %d ways to share, want none", n)
	}
}

// TestEveryKindHasASmallCase, as Options tell.
func TestEveryKindHasASmallCase(t *testing.T) {
	least := map[reflect.Type]int{}
	for _, c := range Cases() {
		k, n := reflect.TypeOf(c.Kind), c.full(c.inputs(signature{})).elements()
		if have, ok := least[k]; !ok || n < have {
			least[k] = n
		}
	}
	for k, n := range least {
		if n > 256 {
			t.Errorf("%v: the smallest case has %d elements", k, n)
		}
	}
}

// joiner is the reference that does at once what the suite has cases for.
type joiner struct{ engine.Reference }

func (joiner) Fuses(engine.Fused) bool { return true }

// TestFused: pairs have cases on the devices that fuse them, and on no others.
func TestFused(t *testing.T) {
	if n := len(fusedBy(joiner{})); n != len(fused()) || n == 0 {
		t.Errorf("%d cases of %d", n, len(fused()))
	}
	for _, c := range fused() {
		t.Run(c.Name, func(t *testing.T) { c.run(t, joiner{}, Options{Full: 1e-5}) })
	}
}
