//go:build m2ptemu

// Package emu runs CUDA kernels on the host, without a GPU: their sources are compiled by
// a C++ compiler against device.h instead of by NVIDIA's. It knows no kernel; those that
// are linked into the program enter themselves in its table.
//
// It is there for tests and shows what a GPU would hide: shared memory that was not written,
// overruns of shared arrays, threads missing at a barrier, and with a seed, in which threads
// run in a random order, results that depend on the order. Built with the sanitizers of the
// C++ compiler it also finds races and overruns of any memory.
//
// What it does not do: weak memory ordering, progress between blocks that wait for each
// other (they hang), the accuracy of a GPU's approximate functions, time. Outside amd64 it
// switches between threads by ucontext, several times slower.
package emu

/*
#cgo CXXFLAGS: -std=c++17 -O2 -Wall -Wextra -Wno-unknown-pragmas
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"errors"
	"unsafe"
)

// Limits of a launch on a GPU of compute capability 8.0.
const (
	MaxThreads = 1024       // of a block
	MaxShared  = 163 * 1024 // bytes of a block, static and dynamic
)

// Kernel is an entry of the table.
type Kernel struct {
	Name    string
	Threads int    // of a block, at most
	Params  string // a letter for each: p pointer, l 64 and i 32 bits of integer, f float
	c       *C.emu_kernel
}

// Kernels lists the table, in no order.
func Kernels() []Kernel {
	var all []Kernel
	for k := C.emu_kernels(); k != nil; k = k.next {
		all = append(all, Kernel{C.GoString(k.name), int(k.threads), C.GoString(k.params), k})
	}
	return all
}

// Bind returns what launches k with the given arguments: a cell of 8 bytes for each
// parameter, in whose low bytes lie the bits of smaller ones. A seed other than 0 shuffles
// the order of the threads. What it returns does not allocate; a kernel that went wrong is
// its error.
func (k Kernel) Bind(grid [3]int, block, shared int, seed uint64, args []uint64) func() error {
	g := [3]C.uint{C.uint(grid[0]), C.uint(grid[1]), C.uint(grid[2])}
	cells := append(make([]uint64, 0, len(args)+1), args...)
	first := (*C.uint64_t)(unsafe.SliceData(cells))
	return func() error {
		msg := C.emu_run(k.c, &g[0], C.uint(block), C.size_t(shared), C.uint64_t(seed), first)
		if msg == nil {
			return nil
		}
		defer C.free(unsafe.Pointer(msg))
		return errors.New(C.GoString(msg))
	}
}

// Alloc returns zeroed memory for kernels, aligned to 256 bytes, or nil where the host has
// not that much.
func Alloc(bytes int) []byte {
	p := C.emu_alloc(C.size_t(bytes))
	if p == nil {
		return nil
	}
	return unsafe.Slice((*byte)(p), max(bytes, 1))[:bytes]
}

// Free gives back what Alloc returned.
func Free(memory []byte) {
	C.emu_free(unsafe.Pointer(unsafe.SliceData(memory)), C.size_t(len(memory)))
}

// Intact tells whether nothing was written just before or behind the memory.
func Intact(memory []byte) bool {
	return C.emu_intact(unsafe.Pointer(unsafe.SliceData(memory)), C.size_t(len(memory))) != 0
}

// Sanitizer is what the kernels were compiled with: "address", "thread" or nothing. It ends
// the program where a kernel does wrong.
func Sanitizer() string { return C.GoString(C.emu_sanitizer()) }
