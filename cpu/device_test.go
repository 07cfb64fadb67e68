package cpu

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"m2pt/engine"
	"m2pt/ops"
	"m2pt/ops/opstest"
)

func open(t testing.TB, o Options) *Device {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestPortable(t *testing.T) {
	opstest.Run(t, open(t, Options{Threads: 2, Portable: true}), opstest.Options{Full: 1e-5})
}

// probe is a device that puts checks of its own around the kernels of another:
// with it a test sees everything that the conformance suite runs.
type probe struct {
	*Device
	checks []func(k ops.Kind, in, out []engine.Tensor, run engine.Kernel) error
}

func (p probe) Kernel(k ops.Kind, in, out []engine.Tensor) (engine.Kernel, error) {
	run, err := p.Device.Kernel(k, in, out)
	if err != nil {
		return nil, err
	}
	return func() error {
		before := contents(out)
		for _, check := range p.checks {
			restore(out, before)
			if err := check(k, in, out, run); err != nil {
				return err
			}
		}
		restore(out, before)
		return run()
	}, nil
}

func contents(ts []engine.Tensor) (all [][]byte) {
	for _, t := range ts {
		all = append(all, bytes.Clone(engine.HostBuf(t).Raw()))
	}
	return all
}

func restore(ts []engine.Tensor, all [][]byte) {
	for i, t := range ts {
		copy(engine.HostBuf(t).Raw(), all[i])
	}
}

// TestBest runs the conformance suite on the fastest kernels and checks on the
// way that the number of threads does not change a bit, that running allocates
// nothing, and which kinds have no kernel of their own.
func TestBest(t *testing.T) {
	d := open(t, Options{Threads: 1})
	var others []*Device
	for _, threads := range []int{2, 3, 5} {
		others = append(others, open(t, Options{Threads: threads}))
	}
	references := map[string]bool{}
	opstest.Run(t, probe{d, []func(ops.Kind, []engine.Tensor, []engine.Tensor, engine.Kernel) error{
		func(k ops.Kind, in, out []engine.Tensor, run engine.Kernel) error {
			if (call{d, engine.HostBufs(in), engine.HostBufs(out)}).bind(k) == nil {
				references[fmt.Sprintf("%T", k)] = true
			}
			return nil
		},
		func(k ops.Kind, in, out []engine.Tensor, run engine.Kernel) error {
			return sameBits(others, k, in, out, run)
		},
		noAllocations,
	}}, opstest.Options{Full: 1e-5})
	want := []string{"ops.BCE", "ops.BCEGrad", "ops.ClipFactor", "ops.MixTargets", "ops.OneHot", "ops.PatchesGrad",
		"ops.SplitBias", "ops.SplitBiasGrad", "ops.Uniform"}
	if got := slices.Sorted(maps.Keys(references)); !slices.Equal(got, want) {
		t.Errorf("run by their references: %v, want %v", got, want)
	}
}

func sameBits(others []*Device, k ops.Kind, in, out []engine.Tensor, run engine.Kernel) error {
	before := contents(out)
	if err := run(); err != nil {
		return err
	}
	want := contents(out)
	for _, d := range others {
		again, err := d.Kernel(k, in, out)
		if err != nil {
			return err
		}
		restore(out, before)
		if err := again(); err != nil {
			return err
		}
		if !slices.EqualFunc(contents(out), want, bytes.Equal) {
			return fmt.Errorf("%s differs from one thread", d.Name())
		}
	}
	return nil
}

// noAllocations excuses PatchesGrad, whose reference allocates: nothing trains
// pixels.
func noAllocations(k ops.Kind, _, _ []engine.Tensor, run engine.Kernel) (err error) {
	if _, ok := k.(ops.PatchesGrad); ok {
		return nil
	}
	if n := testing.AllocsPerRun(1, func() { err = run() }); n != 0 {
		return fmt.Errorf("%v allocations per run", n)
	}
	return err
}

func place(t testing.TB, d *Device, s ops.Spec) engine.Tensor {
	t.Helper()
	mem, err := d.Alloc(s.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return engine.Tensor{Spec: s, Mem: mem}
}

func TestRefusals(t *testing.T) {
	d := open(t, Options{Threads: 1})
	x, turned := place(t, d, ops.F32(2, 3)), place(t, d, ops.F32(3, 2))
	wide := place(t, d, ops.Spec{Shape: []int{2, 3}, Dtype: ops.Float64})
	labels := place(t, d, ops.Spec{Shape: []int{2}, Dtype: ops.Int32})
	foreign := engine.Tensor{Spec: x.Spec, Mem: otherMemory{}}
	for _, c := range []struct {
		name    string
		kind    ops.Kind
		in, out []engine.Tensor
		want    string
	}{
		{"float64", ops.Add{}, []engine.Tensor{wide, wide}, []engine.Tensor{wide}, "float32"},
		{"float64 of integers", ops.OneHot{Classes: 3, To: ops.Float64}, []engine.Tensor{labels}, []engine.Tensor{wide}, "float32"},
		{"operands", ops.Add{}, []engine.Tensor{x, turned}, []engine.Tensor{x}, "differ"},
		{"output", ops.Add{}, []engine.Tensor{x, x}, []engine.Tensor{turned}, "output 0"},
		{"outputs", ops.Add{}, []engine.Tensor{x, x}, []engine.Tensor{x, x}, "2 outputs"},
		{"memory", ops.Add{}, []engine.Tensor{x, foreign}, []engine.Tensor{x}, "Alloc"},
	} {
		if _, err := d.Kernel(c.kind, c.in, c.out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", c.name, err, c.want)
		}
	}
}

func TestAllocRefuses(t *testing.T) {
	d := open(t, Options{Threads: 1})
	for _, bytes := range []int{-1, 1 << 50} {
		if m, err := d.Alloc(bytes); m != nil || err == nil {
			t.Errorf("%d bytes: %v, %v, want an error", bytes, m, err)
		}
	}
}

type otherMemory struct{}

func (otherMemory) Size() int { return 24 }
func (otherMemory) Free()     {}

// TestIndexOutside: an index outside a sample is an error, not the next sample's
// token, and the device works on.
func TestIndexOutside(t *testing.T) {
	d := open(t, Options{Threads: 2})
	f := ops.F32
	for _, c := range []struct {
		kind ops.Kind
		in   []ops.Spec // the last of integers is the index
	}{
		{ops.Gather{}, []ops.Spec{f(3, 5, 4), ints(3, 5)}},
		{ops.Scatter{N: 5}, []ops.Spec{f(3, 5, 4), ints(3, 5)}},
		{ops.Gather{}, []ops.Spec{f(1, 5, 4), ints(3, 5)}},
		{ops.Scatter{N: 5, Shared: true}, []ops.Spec{f(3, 5, 4), ints(3, 5)}},
		{ops.ChamferGrad{}, []ops.Spec{f(3, 5, 3), f(3, 5, 3), f(3), ints(3, 5), ints(3, 5)}},
		{ops.MaxPoolGrad{N: 5}, []ops.Spec{f(3, 4), ints(3, 4)}},
		{ops.Group{}, []ops.Spec{f(3, 5, 3), ints(3, 2, 4)}},
		{ops.InterpolateGrad{G: 5}, []ops.Spec{f(3, 7, 4), ints(3, 7, 3), f(3, 7, 3)}},
		{ops.OneHot{Classes: 5, To: ops.Float32}, []ops.Spec{ints(3, 5)}},
	} {
		var in, out []engine.Tensor
		var index []int32
		for _, s := range c.in {
			in = append(in, place(t, d, s))
			if s.Dtype == ops.Int32 {
				index = ops.Of[int32](engine.HostBuf(in[len(in)-1]))
			}
		}
		specs, err := c.kind.Infer(c.in)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range specs {
			out = append(out, place(t, d, s))
		}
		run, err := d.Kernel(c.kind, in, out)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int32{-1, 5, 4, 1 << 30} {
			index[7] = i
			if err := run(); (i == 4) != (err == nil) || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%d", i)) {
				t.Errorf("%v: index %d of 5: error %v", c.kind, i, err)
			}
		}
	}
}

func ints(shape ...int) ops.Spec { return ops.Spec{Shape: shape, Dtype: ops.Int32} }

func TestName(t *testing.T) {
	for threads, want := range map[int]string{1: "cpu (go, 1 thread)", 3: "cpu (go, 3 threads)"} {
		if got := open(t, Options{Threads: threads, Portable: true}).Name(); got != want {
			t.Errorf("%d threads: %q, want %q", threads, got, want)
		}
	}
}
