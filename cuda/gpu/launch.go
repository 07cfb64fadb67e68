//go:build m2ptcuda

package gpu

// #include "native.h"
import "C"

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"gorgonia.org/cu"
	"m2pt/cuda/driver"
)

// kernel is a kernel on the GPU.
type kernel struct {
	f       cu.Function
	params  int
	threads int // of a block, at most
	static  int // bytes of shared memory
	dynamic int // bytes of shared memory that may be asked for
}

// load compiles a module for the GPU and lists its kernels. The driver keeps what it
// compiled in a cache of its own, so this takes time once.
func (d *Driver) load(ptx []byte) error {
	entries, err := entries(ptx)
	if err != nil {
		return err
	}
	log := &cu.JITErrorLogBuffer{Buffer: make([]byte, 1<<14)}
	module, err := cu.LoadDataEx(string(ptx), log)
	runtime.KeepAlive(log)
	if err != nil {
		text, _, _ := bytes.Cut(log.Buffer, []byte{0})
		return fmt.Errorf("load kernels (%d, from %s on): %w\n%s", len(entries), entries[0].name, failed(err, "cuModuleLoadDataEx"), text)
	}
	d.modules = append(d.modules, module)
	for _, e := range entries {
		if d.kernels[e.name] != nil {
			return fmt.Errorf("load kernel %q: another module has one of this name", e.name)
		}
		k, err := find(module, e)
		if err != nil {
			return fmt.Errorf("load kernel %q: %w", e.name, err)
		}
		d.kernels[e.name] = k
	}
	return nil
}

func find(module cu.Module, e entry) (*kernel, error) {
	if e.params > C.M2PT_MAX_PARAMS {
		return nil, fmt.Errorf("it has %d parameters, want at most %d", e.params, C.M2PT_MAX_PARAMS)
	}
	f, err := module.Function(e.name)
	if err != nil {
		return nil, failed(err, "cuModuleGetFunction")
	}
	k := &kernel{f: f, params: e.params, dynamic: 48 << 10}
	if k.threads, err = f.Attribute(cu.FnMaxThreadsPerBlock); err != nil {
		return nil, failed(err, "cuFuncGetAttribute")
	}
	if k.static, err = f.Attribute(cu.SharedSizeBytes); err != nil {
		return nil, failed(err, "cuFuncGetAttribute")
	}
	k.dynamic -= k.static
	return k, nil
}

// Launch binds a kernel call. A run of it is one call into C and allocates nothing.
func (d *Driver) Launch(l driver.Launch) (driver.Run, error) {
	k := d.kernels[l.Kernel]
	if k == nil {
		return nil, fmt.Errorf("launch %q: there is no such kernel in the PTX", l.Kernel)
	}
	if err := k.check(l); err != nil {
		return nil, fmt.Errorf("launch %q: %w", l.Kernel, err)
	}
	if err := d.reserve(k, l.Shared); err != nil {
		return nil, fmt.Errorf("launch %q: %w", l.Kernel, err)
	}
	context, stream, f := d.cContext(), d.cStream(), k.c()
	x, y, z := C.uint(l.Grid[0]), C.uint(l.Grid[1]), C.uint(l.Grid[2])
	block, shared := C.uint(l.Block), C.uint(l.Shared)
	cells := slices.Grow(slices.Clone(l.Args), 1)
	first, n := (*C.uint64_t)(unsafe.SliceData(cells)), C.int(len(cells))
	return func() error {
		if !d.held {
			return errClosed
		}
		r := C.m2pt_launch(context, stream, f, x, y, z, block, shared, first, n)
		if r == C.CUDA_SUCCESS {
			return nil
		}
		return fmt.Errorf("launch %q (grid %v, block %d, %d bytes shared): %w",
			l.Kernel, l.Grid, l.Block, l.Shared, check(r, "cuLaunchKernel"))
	}, nil
}

// c is k's function, the one field of cu.Function.
func (k *kernel) c() C.CUfunction { return *(*C.CUfunction)(unsafe.Pointer(&k.f)) }

func (k *kernel) check(l driver.Launch) error {
	largest := [3]int{1<<31 - 1, 1<<16 - 1, 1<<16 - 1}
	for i, n := range l.Grid {
		if n < 1 || n > largest[i] {
			return fmt.Errorf("grid %v: want 1 to %v", l.Grid, largest)
		}
	}
	if l.Block < 32 || l.Block%32 != 0 || l.Block > k.threads {
		return fmt.Errorf("block of %d threads: want a multiple of 32, at most %d", l.Block, k.threads)
	}
	if len(l.Args) != k.params {
		return fmt.Errorf("%d arguments, want %d", len(l.Args), k.params)
	}
	return nil
}

// reserve lets k ask for that many bytes of dynamic shared memory: more than 48 KiB in
// all must be agreed upon.
func (d *Driver) reserve(k *kernel, bytes int) error {
	if bytes >= 0 && bytes <= k.dynamic {
		return nil
	}
	return d.within(func() error {
		most, err := d.device.Attribute(C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
		if err != nil {
			return failed(err, "cuDeviceGetAttribute")
		}
		if bytes < 0 || bytes+k.static > most {
			return fmt.Errorf("%d bytes of shared memory beside %d static ones: %s has at most %d for a block", bytes, k.static, d.name, most)
		}
		r := C.cuFuncSetAttribute(k.c(), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(bytes))
		if r == C.CUDA_SUCCESS {
			k.dynamic = bytes
		}
		return check(r, "cuFuncSetAttribute")
	})
}
