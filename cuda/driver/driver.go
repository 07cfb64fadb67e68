// Package driver is the border between package cuda, which decides what a GPU is to
// compute, and whatever launches it: a real GPU behind gorgonia.org/cu (package gpu), or
// the same kernels emulated on the host (package emulated).
//
// Vocabulary: a [Launch] is one kernel call with its operands, a [Product] one matrix
// product. Both are bound once, which may take its time, and then run any number of times
// in the order of the calls, on one stream; running returns before the work is done.
// Memory is addressed by [Pointer]. What the package does not do: know operations or
// shapes of tensors.
//
// A Driver and all that is made on it belong to one goroutine.
package driver

import "m2pt/engine"

// Pointer is an address in a driver's memory. 0 is none.
type Pointer uint64

// Launch is a call of a kernel.
type Launch struct {
	Kernel string // its name in package kernels
	Grid   [3]int // blocks
	Block  int    // threads of a block, a multiple of 32, at most 1024
	Shared int    // bytes of dynamic shared memory of a block
	// Args has one cell for each parameter: pointers, and the bits of integers and
	// float32 numbers in its low bytes.
	Args []uint64
}

// Matrix is a dense row-major matrix in the driver's memory.
type Matrix struct {
	At    Pointer
	Store engine.Storage // of its float32 elements
}

// Product is C = A·B [M, N], summed in float32 over K. Both A and B are kept in one
// storage.
type Product struct {
	M, N, K int
	// TransA tells that A is kept as [K, M] instead of [M, K], TransB that B is kept as
	// [N, K] instead of [K, N].
	TransA, TransB bool
	A, B, C        Matrix
	// Bias is float32 [N], added to every row of C, or 0. A driver may round it to the
	// storage of C first.
	Bias Pointer
}

// Run does what was bound.
type Run func() error

// Driver runs kernels on memory of its own.
type Driver interface {
	// Name says what it is, for logs: "NVIDIA H200".
	Name() string
	// Alloc returns zeroed memory aligned to 256 bytes. Where there is not enough of it
	// the error tells what was asked and what is free, and wraps ErrMemory.
	Alloc(bytes int) (Pointer, error)
	// Free gives memory back that Alloc returned, once all that was run before has
	// finished with it.
	Free(p Pointer)
	// Write copies host bytes to the driver's memory, after what was run before; src may
	// be reused at once. It may wait for runs to end.
	Write(dst Pointer, src []byte) error
	// Read waits for all that was run, then copies to the host.
	Read(dst []byte, src Pointer) error
	// Launch binds a kernel call. It refuses kernels that it has not, a wrong number of
	// arguments and sizes that the GPU cannot launch.
	Launch(l Launch) (Run, error)
	// Product binds a matrix product.
	Product(p Product) (Run, error)
	// Capture calls record, whose runs are not carried out but recorded, and returns what
	// replays them all in one call. Nothing else may be called in record.
	Capture(record func() error) (Run, error)
	// Sync waits for all that was run. An error of a kernel that ran since the last wait
	// may surface here or in Read.
	Sync() error
	// Close frees what the driver holds.
	Close() error
}
