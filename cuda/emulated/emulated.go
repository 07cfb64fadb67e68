//go:build m2ptemu

// Package emulated is the driver.Driver that needs no GPU: it runs the kernels of package
// kernels on the host through package emu, and matrix products through the loops of the
// CPU device.
//
// It is there for tests: strict in what it checks, a thousand times slower than a GPU. A
// run is finished when it returns. Memory lies between red zones, which are looked at
// after each run; pointer arguments are checked when a launch is bound.
package emulated

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"m2pt/cpu/kernel"
	"m2pt/cuda/driver"
	"m2pt/cuda/kernels"
	"m2pt/cuda/kernels/emu"
)

// Options are the choices about a driver.
type Options struct {
	Seed   uint64 // other than 0: threads, warps and blocks run in a random order
	Memory int    // bytes that Alloc gives at most; 0 is 4 GiB
}

// Open returns a driver.
func Open(o Options) (driver.Driver, error) {
	if o.Memory < 0 {
		return nil, fmt.Errorf("open emulated: %d bytes of memory, want 0 or more", o.Memory)
	}
	pool := kernel.NewPool(1)
	d := &emulated{
		seed: o.Seed, free: cmp.Or(o.Memory, 4<<30), kernels: make(map[string]emu.Kernel),
		pool: pool, work: kernel.NewWorkspace(kernel.Best(), pool),
	}
	for _, k := range kernels.Emulated() {
		d.kernels[k.Name] = k
	}
	return d, nil
}

// emulated implements driver.Driver.
type emulated struct {
	seed      uint64
	kernels   map[string]emu.Kernel
	memory    []allocation // in the order of addresses
	free      int          // bytes
	closed    bool
	recording *[]driver.Run // of a capture under way, or nil
	pool      *kernel.Pool
	work      *kernel.Workspace // of products
}

type allocation struct {
	at   driver.Pointer
	data []byte
}

func byAddress(a allocation, p driver.Pointer) int { return cmp.Compare(a.at, p) }

func (d *emulated) Name() string { return "emulated" }

// ready refuses calls at a wrong time.
func (d *emulated) ready() error {
	switch {
	case d.closed:
		return errors.New("the driver is closed")
	case d.recording != nil:
		return errors.New("a capture is under way")
	}
	return nil
}

func (d *emulated) Alloc(bytes int) (driver.Pointer, error) {
	data, err := d.alloc(bytes)
	if err != nil {
		return 0, fmt.Errorf("allocate %d bytes on %s: %w", bytes, d.Name(), err)
	}
	a := allocation{driver.Pointer(uintptr(unsafe.Pointer(unsafe.SliceData(data)))), data}
	i, _ := slices.BinarySearchFunc(d.memory, a.at, byAddress)
	d.memory = slices.Insert(d.memory, i, a)
	d.free -= bytes
	return a.at, nil
}

func (d *emulated) alloc(bytes int) ([]byte, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	if bytes < 1 {
		return nil, errors.New("want at least 1")
	}
	if bytes <= d.free {
		if data := emu.Alloc(bytes); data != nil {
			return data, nil
		}
	}
	total := d.free
	for _, a := range d.memory {
		total += len(a.data)
	}
	return nil, &driver.MemoryError{Asked: bytes, Room: d.free, Total: total}
}

// Free leaves addresses alone that Alloc did not return.
func (d *emulated) Free(p driver.Pointer) {
	i, found := slices.BinarySearchFunc(d.memory, p, byAddress)
	if !found {
		return
	}
	d.free += len(d.memory[i].data)
	emu.Free(d.memory[i].data)
	d.memory = slices.Delete(d.memory, i, i+1)
}

// find returns the memory from p to the end of its allocation, or nil.
func (d *emulated) find(p driver.Pointer) []byte {
	i, found := slices.BinarySearchFunc(d.memory, p, byAddress)
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	a := d.memory[i]
	if skip := uint64(p - a.at); skip < uint64(len(a.data)) {
		return a.data[skip:]
	}
	return nil
}

// at returns n bytes at p.
func (d *emulated) at(p driver.Pointer, n int) ([]byte, error) {
	data := d.find(p)
	if n > len(data) {
		return nil, fmt.Errorf("%d bytes at %#x, where %d bytes are this driver's memory", n, p, len(data))
	}
	return data[:n], nil
}

func (d *emulated) Write(dst driver.Pointer, src []byte) error {
	data, err := d.at(dst, len(src))
	if err = cmp.Or(d.ready(), err); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	copy(data, src)
	return nil
}

func (d *emulated) Read(dst []byte, src driver.Pointer) error {
	data, err := d.at(src, len(dst))
	if err = cmp.Or(d.ready(), err); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	copy(dst, data)
	return nil
}

func (d *emulated) Sync() error { return d.ready() }

// Close frees what Alloc returned, too. Closing again does nothing.
func (d *emulated) Close() error {
	if d.closed {
		return nil
	}
	if err := d.ready(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	for len(d.memory) > 0 {
		d.Free(d.memory[0].at)
	}
	d.pool.Close()
	d.closed = true
	return nil
}
