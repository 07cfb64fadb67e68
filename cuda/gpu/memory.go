//go:build m2ptcuda

package gpu

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
	"m2pt/cuda/driver"
)

// Alloc returns zeroed memory; cuMemAlloc aligns to 256 bytes.
func (d *Driver) Alloc(bytes int) (driver.Pointer, error) {
	var at driver.Pointer
	err := d.within(func() error {
		p, err := allocate(bytes)
		if err != nil {
			return err
		}
		at = driver.Pointer(p)
		if err := cu.MemsetD8Async(p, 0, int64(bytes), d.stream); err != nil {
			return errors.Join(failed(err, "cuMemsetD8Async"), failed(cu.MemFree(p), "cuMemFree"))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	d.memory[at] = bytes
	return at, nil
}

func allocate(bytes int) (cu.DevicePtr, error) {
	if bytes <= 0 {
		return 0, fmt.Errorf("allocate %d bytes of GPU memory: want at least 1", bytes)
	}
	p, err := cu.MemAlloc(int64(bytes))
	if errors.Is(err, cu.OutOfMemory) {
		free, total, _ := cu.MemInfo()
		return 0, &driver.MemoryError{Asked: bytes, Room: int(free), Total: int(total)}
	}
	if err != nil {
		return 0, fmt.Errorf("allocate %s of GPU memory: %w", size(int64(bytes)), failed(err, "cuMemAlloc"))
	}
	return p, nil
}

// size is a number of bytes for people.
func size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// Free waits for what runs and gives p back. An address that Alloc did not return is left
// alone, and so is 0.
func (d *Driver) Free(p driver.Pointer) {
	if _, ok := d.memory[p]; !ok {
		return
	}
	delete(d.memory, p)
	// An error here is one of the GPU, which every later call reports.
	_ = d.within(func() error { return errors.Join(d.sync(), failed(cu.MemFree(cu.DevicePtr(p)), "cuMemFree")) })
}

// Read waits for all that was run, then copies to the host.
func (d *Driver) Read(dst []byte, src driver.Pointer) error {
	return d.within(func() error {
		if err := d.sync(); err != nil || len(dst) == 0 {
			return err
		}
		err := cu.MemcpyDtoH(unsafe.Pointer(unsafe.SliceData(dst)), cu.DevicePtr(src), int64(len(dst)))
		return failed(err, "cuMemcpyDtoH")
	})
}
