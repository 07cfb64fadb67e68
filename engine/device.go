package engine

import (
	"fmt"
	"unsafe"

	"m2pt/ops"
)

// Memory is a range of a device's memory. It belongs to whoever allocated it.
type Memory interface {
	Size() int // bytes
	Free()
}

// Tensor is a typed place in device memory: Bytes() bytes at offset Off of Mem.
// Offsets are multiples of Align.
type Tensor struct {
	ops.Spec
	Mem   Memory
	Off   int     // bytes
	Store Storage // how the values are kept
}

// Bytes is the memory that the values take as they are kept.
func (t Tensor) Bytes() int { return t.Store.Bytes(t.Spec) }

// Align is the alignment of every tensor, in bytes: a cache line.
const Align = 64

func aligned(n int) int { return (n + Align - 1) &^ (Align - 1) }

// Kernel runs one bound operation. It may return before the result is there;
// Device.Download and Device.Sync wait.
type Kernel func() error

// Device runs kernels over its own memory. Kernels run in the order they are
// called. A Device and everything made on it belong to one goroutine.
type Device interface {
	// Name says what it is, for logs.
	Name() string
	// Alloc returns zeroed memory aligned to Align.
	Alloc(bytes int) (Memory, error)
	// Kernel binds the operation to its operands. Outputs may overlap an input
	// only where the kind is ops.InPlace and then coincide exactly.
	Kernel(k ops.Kind, in, out []Tensor) (Kernel, error)
	// Upload copies host bytes to a tensor of the same size.
	Upload(dst Tensor, src []byte) error
	// Download waits for the tensor and copies it to the host.
	Download(dst []byte, src Tensor) error
	// Sync waits for all kernels.
	Sync() error
	// Close frees what the device holds besides its memory.
	Close() error
}

// HostMemory is Memory of devices that compute on the host.
type HostMemory struct{ buf []byte }

// maxHost is more memory than a host has, in bytes.
const maxHost = 1 << 42

// AllocHost returns zeroed, aligned host memory, a [HostMemory].
func AllocHost(bytes int) (Memory, error) {
	if bytes < 0 || bytes > maxHost {
		return nil, fmt.Errorf("allocate %d bytes: want 0 to %d: use a smaller batch or model", bytes, maxHost)
	}
	raw := make([]byte, bytes+Align)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (Align - 1)
	return &HostMemory{raw[skip : skip+bytes : skip+bytes]}, nil
}

// Size is the number of bytes.
func (m *HostMemory) Size() int { return len(m.buf) }

// Free leaves the memory to the garbage collector.
func (m *HostMemory) Free() { m.buf = nil }

// HostBytes is the tensor as it is kept; t must lie in HostMemory.
func HostBytes(t Tensor) []byte { return t.Mem.(*HostMemory).buf[t.Off:][:t.Bytes():t.Bytes()] }

// HostBuf is the tensor as the references see it; t must lie in HostMemory, in Full.
func HostBuf(t Tensor) ops.Buf {
	return ops.View(t.Spec, unsafe.Pointer(unsafe.SliceData(HostBytes(t)[:t.Spec.Bytes()])))
}

// HostBufs are the tensors as the references see them.
func HostBufs(ts []Tensor) []ops.Buf {
	bufs := make([]ops.Buf, len(ts))
	for i, t := range ts {
		bufs[i] = HostBuf(t)
	}
	return bufs
}

// HostCopy implements the transfers of devices on the host.
type HostCopy struct{}

// Upload copies src to dst.
func (HostCopy) Upload(dst Tensor, src []byte) error { return copyExactly(HostBytes(dst), src) }

// Download copies src to dst.
func (HostCopy) Download(dst []byte, src Tensor) error { return copyExactly(dst, HostBytes(src)) }

func copyExactly(dst, src []byte) error {
	if len(dst) != len(src) {
		return fmt.Errorf("copy %d bytes to %d bytes", len(src), len(dst))
	}
	copy(dst, src)
	return nil
}

// Reference is the device that runs the ops' own references: slow, plain, and
// what other devices are compared with. It keeps all in Full, but takes operands that are
// kept otherwise: it computes on their values and rounds what it writes.
type Reference struct{ HostCopy }

var _ Device = Reference{}

// Name is "reference".
func (Reference) Name() string { return "reference" }

// Alloc allocates host memory.
func (Reference) Alloc(bytes int) (Memory, error) { return AllocHost(bytes) }

// Kernel binds the kind's Do.
func (Reference) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	bin, bout := wide(in), wide(out)
	return func() error {
		for i, t := range in {
			if t.Store != Full {
				t.Store.Decode(ops.Of[float32](bin[i]), HostBytes(t))
			}
		}
		k.Do(bin, bout)
		for i, t := range out {
			if t.Store != Full {
				t.Store.Encode(HostBytes(t), ops.Of[float32](bout[i]))
			}
		}
		return nil
	}, nil
}

// wide are the tensors in full: where they lie, or else in memory of their own.
func wide(ts []Tensor) []ops.Buf {
	bufs := make([]ops.Buf, len(ts))
	for i, t := range ts {
		if t.Store == Full {
			bufs[i] = HostBuf(t)
		} else {
			bufs[i] = ops.NewBuf(t.Spec)
		}
	}
	return bufs
}

// Sync does nothing: kernels have finished when they return.
func (Reference) Sync() error { return nil }

// Close does nothing.
func (Reference) Close() error { return nil }
