//go:build m2ptcuda

// Package gpu is the driver.Driver of NVIDIA GPUs of compute capability 8.0 (Ampere) and
// later: gorgonia.org/cu for device, context, streams, events, modules and memory, a thin
// layer of C for what cu lacks, and cuBLASLt, found at run time, for matrix products.
//
// Runs go to one stream, in their order; uploads have a second one beside it, which the
// first waits for. A Driver may be used from any goroutine, by one at a time: every call
// makes the device's primary context current on the thread that it finds itself on.
//
// Nothing here waits but Read, Sync, Free, Close, binding a new product and a Write that
// finds its staging memory full or, being larger than those before it, too small; these
// wait for work that was submitted. Kernels wait for nothing, so that all work ends; a GPU that fails ends it with an error, which is
// then the answer to every later call.
//
// What the package does not do: start without the NVIDIA driver (cu ends the process when
// there is none), use several GPUs at once, know operations or kernels.
package gpu

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"gorgonia.org/cu"
	"m2pt/cuda/driver"
)

// Driver drives one GPU.
type Driver struct {
	name    string
	device  cu.Device
	context cu.CUContext
	held    bool      // context is retained
	stream  cu.Stream // runs
	copies  cu.Stream // uploads beside them
	modules []cu.Module
	kernels map[string]*kernel
	memory  map[driver.Pointer]int // bytes of what Alloc returned
	staging staging
	blas    blas
	graphs  []C.CUgraphExec
}

var _ driver.Driver = (*Driver)(nil)

// Algorithms says how the algorithm of a matrix product is chosen. It decides in which
// order sums are taken, hence the last bits of the result.
type Algorithms uint8

const (
	// Measured times what cuBLASLt proposes for a shape when it is bound first.
	Measured Algorithms = iota
	// Repeatable takes the first that cuBLASLt proposes, the same in every run on the same
	// GPU and libraries.
	Repeatable
)

// Open returns the GPU with the given index, from 0 in the driver's order, with the
// kernels of modules, each a PTX text.
func Open(index int, modules [][]byte, choice Algorithms) (*Driver, error) {
	d := &Driver{kernels: map[string]*kernel{}, memory: map[driver.Pointer]int{}}
	d.blas.choice = choice
	if err := d.open(index, modules); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Driver) open(index int, modules [][]byte) error {
	if err := d.find(index); err != nil {
		return err
	}
	if err := d.device.SetPrimaryCtxFlags(cu.SchedBlockingSync); err != nil { // waits leave the core to the loader
		return failed(err, "cuDevicePrimaryCtxSetFlags")
	}
	context, err := d.device.RetainPrimaryCtx()
	if err != nil {
		return failed(err, "cuDevicePrimaryCtxRetain")
	}
	d.context, d.held = context, true
	return d.within(func() error {
		for _, s := range []*cu.Stream{&d.stream, &d.copies} {
			if *s, err = cu.MakeStream(cu.NonBlocking); err != nil {
				return failed(err, "cuStreamCreate")
			}
		}
		for _, ptx := range modules {
			if err := d.load(ptx); err != nil {
				return err
			}
		}
		return d.blas.open()
	})
}

// find looks the device up and refuses GPUs that the kernels are not for.
func (d *Driver) find(index int) error {
	n, err := cu.NumDevices()
	if err != nil {
		return failed(err, "cuDeviceGetCount")
	}
	if index < 0 || index >= n {
		return fmt.Errorf("there is no GPU %d: the driver has %d, numbered from 0; CUDA_VISIBLE_DEVICES selects them", index, n)
	}
	if d.device, err = cu.GetDevice(index); err != nil {
		return failed(err, "cuDeviceGet")
	}
	if d.name, err = d.device.Name(); err != nil {
		return failed(err, "cuDeviceGetName")
	}
	major, err := d.device.Attribute(cu.ComputeCapabilityMajor)
	if err != nil {
		return failed(err, "cuDeviceGetAttribute")
	}
	if major < 8 {
		return fmt.Errorf("%s has compute capability %d.x: want 8.0 (Ampere) or later", d.name, major)
	}
	return nil
}

// within makes the context current for call, on one thread.
func (d *Driver) within(call func() error) error {
	if !d.held {
		return errClosed
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(d.context); err != nil {
		return failed(err, "cuCtxSetCurrent")
	}
	return call()
}

// Name is the GPU's, as the driver calls it: "NVIDIA H200".
func (d *Driver) Name() string { return d.name }

// Sync waits for all that was run.
func (d *Driver) Sync() error { return d.within(d.sync) }

func (d *Driver) sync() error {
	if err := d.stream.Synchronize(); err != nil {
		return failed(err, "cuStreamSynchronize")
	}
	return nil
}

// Close waits for what runs and frees all that the driver holds, memory that Alloc
// returned included.
func (d *Driver) Close() error {
	if !d.held {
		return nil
	}
	err := d.within(func() error {
		errs := []error{d.sync()}
		for _, g := range d.graphs {
			errs = append(errs, check(C.cuGraphExecDestroy(g), "cuGraphExecDestroy"))
		}
		errs = append(errs, d.blas.close(), d.staging.close())
		for p := range d.memory {
			errs = append(errs, failed(cu.MemFree(cu.DevicePtr(p)), "cuMemFree"))
		}
		for _, m := range d.modules {
			errs = append(errs, failed(m.Unload(), "cuModuleUnload"))
		}
		for _, s := range []cu.Stream{d.copies, d.stream} {
			if s != cu.NoStream {
				errs = append(errs, failed(s.Destroy(), "cuStreamDestroy"))
			}
		}
		return errors.Join(errs...)
	})
	d.held = false
	return errors.Join(err, failed(d.device.ReleasePrimaryCtx(), "cuDevicePrimaryCtxRelease"))
}

// The handles of cu, as this package's C calls want them.
func (d *Driver) cContext() C.CUcontext { return *(*C.CUcontext)(unsafe.Pointer(&d.context)) }
func (d *Driver) cStream() C.CUstream   { return C.CUstream(unsafe.Pointer(d.stream.C())) }
