package engine

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"m2pt/ops"
)

// idle is a device that does nothing, to see what the engine itself costs.
type idle struct{ Planner }

func (idle) Kernel(ops.Kind, []Tensor, []Tensor) (Kernel, error) {
	return func() error { return nil }, nil
}
func (idle) Upload(Tensor, []byte) error   { return nil }
func (idle) Download([]byte, Tensor) error { return nil }

// counting is the reference with a count of the kernel calls per op.
type counting struct {
	Reference
	calls map[string]int
}

func (d counting) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	kernel, err := d.Reference.Kernel(k, in, out)
	return func() error { d.calls[k.String()]++; return kernel() }, err
}

// TestAllocHost: sizes that no host has are errors.
func TestAllocHost(t *testing.T) {
	for _, bytes := range []int{-1, math.MinInt, math.MaxInt, 1 << 50} {
		if m, err := AllocHost(bytes); m != nil || err == nil {
			t.Errorf("%d bytes: %v, %v, want an error", bytes, m, err)
		}
		if m, err := (Reference{}).Alloc(bytes); m != nil || err == nil {
			t.Errorf("reference, %d bytes: %v, %v, want an error", bytes, m, err)
		}
	}
	for _, bytes := range []int{0, 1, 100} {
		if m, err := AllocHost(bytes); err != nil || m.Size() != bytes {
			t.Errorf("%d bytes: %v, %v", bytes, m, err)
		}
	}
}

// TestFirstNonFiniteNamesTheCulprit, and leaves sums and running statistics as they are.
func TestFirstNonFiniteNamesTheCulprit(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name  string
		x, w  float32
		spoil string // op
		want  string
	}{
		{"clean", 1, 1, "", ""},
		{"feed", nan, 1, "", `feed "x"`},
		{"parameter", 1, float32(math.Inf(1)), "", `parameter "w"`},
		{"micro op", 1, 1, "softmax(log=false)", "micro blocks.3 softmax(log=false)"},
		{"prepare op", 1, 1, "gelu(0)", "prepare blocks.3 gelu(0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			x, w := g.Feed("x", 2), g.Param("w", 2)
			leave := g.Enter("blocks.3")
			y := g.Softmax(g.Add(x, g.GELU(w)))
			leave()
			grad := g.ReLU(y)
			sum := g.Accumulated(grad)
			moved := g.Add(g.Param("running", 2), g.ReLU(x))
			dev := spoiling{op: c.spoil}
			state := newState(t, dev, g)
			must(t, Set(state, "w", []float32{1, c.w}))
			p := compile(t, Job{Graph: g, Accumulate: 2, Fetches: []Fetch{{"y", y}, {"grad", grad}, {"sum", sum}}, Assigns: []Assign{{"running", moved}}}, state)
			must(t, Feed(p, "x", []float32{1, c.x}))
			must(t, p.Micro())
			before, running := fetch(t, p, "sum"), get(t, state, "running")
			got, err := p.FirstNonFinite()
			if err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
			if c.want == "" && !slices.Equal(fetch(t, p, "sum"), before) {
				t.Errorf("the search changed the sum from %v to %v", before, fetch(t, p, "sum"))
			}
			same(t, "running statistics", get(t, state, "running"), running)
		})
	}
}

// spoiling is the reference with an op whose output is NaN.
type spoiling struct {
	Reference
	op string
}

func (d spoiling) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	kernel, err := d.Reference.Kernel(k, in, out)
	return func() error {
		if err := kernel(); k.String() != d.op {
			return err
		}
		fill(HostBuf(out[0]))
		return nil
	}, err
}

// failing is the reference with something wrong: no memory, no kernel, or a
// kernel that fails or panics.
type failing struct {
	Reference
	how string
}

var errDevice = errors.New("device on fire")

func (d failing) Alloc(bytes int) (Memory, error) {
	if d.how == "no memory" && bytes > 64 {
		return nil, errDevice
	}
	return d.Reference.Alloc(bytes)
}

func (d failing) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	if k.String() == "gelu(0)" {
		switch d.how {
		case "no kernel":
			return nil, errDevice
		case "kernel fails":
			return func() error { return errDevice }, nil
		case "kernel panics":
			return func() error { panic(errDevice.Error()) }, nil
		}
	}
	return d.Reference.Kernel(k, in, out)
}

// TestDeviceTroubleIsNamed: what goes wrong on the device is an error that
// names the step, and a panic does not get past the engine.
func TestDeviceTroubleIsNamed(t *testing.T) {
	for _, c := range []struct{ how, want string }{
		{"no memory", "arena"},
		{"no kernel", `gelu(0) in "blocks.3"`},
		{"kernel fails", "micro blocks.3 gelu(0)"},
		{"kernel panics", "micro blocks.3 gelu(0)"},
	} {
		t.Run(c.how, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			x := g.Feed("x", 4)
			leave := g.Enter("blocks.3")
			y := g.Softmax(g.GELU(g.Softmax(x)))
			leave()
			p, err := Compile(Job{Graph: g, Fetches: []Fetch{{"y", y}}}, newState(t, failing{how: c.how}, g))
			if err == nil {
				err = p.Micro()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), errDevice.Error()) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestStepsDoNotAllocate: after Compile, feeds, micro-steps, updates and reads
// leave the heap alone.
func TestStepsDoNotAllocate(t *testing.T) {
	v := small()
	v.accumulate = 2
	m := v.training()
	p := compile(t, m.job, newState(t, idle{}, m.Graph))
	b, h, loss := v.micro(0, v.batch), hyper(1), make([]float32, v.batch)
	if n := testing.AllocsPerRun(20, func() {
		must(t, Feed(p, "hyper", h))
		for range v.accumulate {
			feed(t, p, b)
			must(t, p.Micro())
		}
		must(t, p.Update())
		must(t, Read(p, "loss", loss))
	}); n != 0 {
		t.Errorf("%v allocations per update", n)
	}
}

// cramped is the reference with little memory.
type cramped struct{ Reference }

type tooMuch struct{ error }

func (tooMuch) Free() int { return 100 }

func (cramped) Alloc(bytes int) (Memory, error) {
	if bytes > 100 {
		return nil, tooMuch{errors.New("no memory")}
	}
	return Reference{}.Alloc(bytes)
}

// TestCompileSaysWhichBatchFits where memory does not suffice.
func TestCompileSaysWhichBatchFits(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	y := g.GELU(g.Feed("x", 8, 4)) // 128 bytes, 16 a sample
	_, err := Compile(Job{Graph: g, Fetches: []Fetch{{"y", y}}}, NewState(cramped{}))
	if err == nil || !strings.Contains(err.Error(), "no memory: micro-batches of at most 6 instead of 8 fit") {
		t.Errorf("error %v does not tell the batch that fits", err)
	}
}
