// Package cpu is the device that computes on the host's cores, in float32.
//
// It binds every kind of package ops to the loops of package kernel: [Device]
// implements engine.Device, one function per kind builds the closure that runs
// it. Binding may allocate; running does not, once the buffers that kernels
// share have grown. A kind without a kernel of its own (it is tiny, or nobody's
// inner loop) runs by its reference, Do.
//
// Results depend on shapes alone, to the bit, never on the number of threads:
// work is shared out over independent outputs in pieces whose borders follow
// from the shape, and what is summed across pieces is summed in their order.
//
// Shape letters are those of package ops. What the package does not do: float64
// (the reference device does), choosing what to compute, or keeping memory
// between steps other than scratch.
package cpu

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"

	"m2pt/cpu/kernel"
	"m2pt/engine"
	"m2pt/ops"
)

// Options are the choices about a device.
type Options struct {
	Threads  int  // how many cores work; below 1 all that Go may use
	Portable bool // plain Go instead of the processor's vector instructions
}

// Device computes on the host. It and all that is made on it belong to one
// goroutine. Its memory is engine.HostMemory.
type Device struct {
	engine.HostCopy
	k       *kernel.Kernels
	pool    *kernel.Pool
	work    *kernel.Workspace
	scratch [][]float32 // by worker; see reserve
	labels  bool        // see LabelSamples
}

var _ engine.Device = (*Device)(nil)

// Open starts a device's threads. Close it when done.
func Open(o Options) (*Device, error) {
	if o.Threads < 1 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	k := kernel.Best()
	if o.Portable {
		k = kernel.Portable()
	}
	p := kernel.NewPool(o.Threads)
	return &Device{k: k, pool: p, work: kernel.NewWorkspace(k, p), scratch: make([][]float32, o.Threads)}, nil
}

// Name is, for example, "cpu (avx2, 2 threads)".
func (d *Device) Name() string {
	if n := d.pool.Threads(); n > 1 {
		return fmt.Sprintf("cpu (%s, %d threads)", d.k.Name(), n)
	}
	return fmt.Sprintf("cpu (%s, 1 thread)", d.k.Name())
}

// Alloc allocates host memory.
func (d *Device) Alloc(bytes int) (engine.Memory, error) { return engine.AllocHost(bytes) }

// Kernel binds k to its operands. It refuses float64, memory of other devices
// and outputs that are not of the type k infers.
func (d *Device) Kernel(k ops.Kind, in, out []engine.Tensor) (engine.Kernel, error) {
	if err := check(k, in, out); err != nil {
		return nil, fmt.Errorf("%v on cpu: %w", k, err)
	}
	c := call{d, engine.HostBufs(in), engine.HostBufs(out)}
	run := c.bind(k)
	if run == nil {
		run = func() { k.Do(c.in, c.out) }
	}
	kernel := func() (err error) {
		defer rescue(k, &err)
		run()
		return nil
	}
	if d.labels {
		return d.labelled(k, kernel), nil
	}
	return kernel, nil
}

// LabelSamples makes the kernels bound from now on label what they do: samples of CPU
// profiles carry op=NAME on every thread, as in op=attention.grad. The goroutine that
// runs a kernel loses labels of its own.
func (d *Device) LabelSamples() { d.labels = true }

func (d *Device) labelled(k ops.Kind, run engine.Kernel) engine.Kernel {
	ctx := pprof.WithLabels(context.Background(), pprof.Labels("op", ops.Name(k)))
	return func() error {
		d.pool.Label(ctx)
		defer d.pool.Unlabel()
		return run()
	}
}

func check(k ops.Kind, in, out []engine.Tensor) error {
	if err := engine.CheckOperands(k, in, out); err != nil {
		return err
	}
	return checkTensors(slices.Concat(in, out))
}

func checkTensors(ts []engine.Tensor) error {
	for _, t := range ts {
		if t.Dtype == ops.Float64 {
			return fmt.Errorf("operand is %v: this device computes in float32; build the graph with ops.Float32 or run it on engine.Reference", t.Spec)
		}
		if t.Store != engine.Full {
			return fmt.Errorf("operand %v is kept as %v: this device keeps all in full", t.Spec, t.Store)
		}
		if _, ok := t.Mem.(*engine.HostMemory); !ok {
			return fmt.Errorf("operand %v lies in %T: allocate it with this device's Alloc", t.Spec, t.Mem)
		}
	}
	return nil
}

// rescue turns a panic into an error: what the operands are to blame for
// without the stack.
func rescue(k ops.Kind, err *error) {
	r := recover()
	if r == nil {
		return
	}
	if p, ok := r.(*kernel.Panic); ok {
		if e, ok := p.Value.(indexError); ok {
			r = e
		}
	}
	*err = fmt.Errorf("%v on cpu: %v", k, r)
}

// reserve makes every worker's scratch hold n elements. It is called when a
// kernel is bound, so that running one allocates nothing.
func (d *Device) reserve(n int) {
	for i, s := range d.scratch {
		if len(s) < n {
			d.scratch[i] = make([]float32, n)
		}
	}
}

// Sync does nothing: kernels have finished when they return.
func (d *Device) Sync() error { return nil }

// Close ends the threads. The device's kernels must not be run afterwards.
func (d *Device) Close() error {
	d.pool.Close()
	return nil
}
