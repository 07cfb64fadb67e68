package ops

import (
	"fmt"
	"slices"
	"unsafe"

	"gorgonia.org/tensor"
)

// Dtype is the element type of a tensor, in gorgonia's terms.
type Dtype = tensor.Dtype

// The element types ops know.
var (
	Float32 = tensor.Float32
	Float64 = tensor.Float64
	Int32   = tensor.Int32
	Uint8   = tensor.Uint8
)

// Float is the type set the references are generic over.
type Float interface{ float32 | float64 }

// Spec is the type of a tensor: shape and element type. There are no rank-0
// tensors; a scalar has shape [1].
type Spec struct {
	Shape []int
	Dtype Dtype
}

// F32 is shorthand for a float32 Spec.
func F32(shape ...int) Spec { return Spec{shape, Float32} }

// Len is the number of elements.
func (s Spec) Len() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Bytes is the size of the tensor in bytes.
func (s Spec) Bytes() int { return s.Len() * int(s.Dtype.Size()) }

// Equal reports whether shape and element type agree.
func (s Spec) Equal(t Spec) bool { return s.Dtype == t.Dtype && slices.Equal(s.Shape, t.Shape) }

func (s Spec) String() string { return fmt.Sprintf("%v %v", s.Dtype, s.Shape) }

// last is the size of the innermost dimension, rows how often it occurs.
func (s Spec) last() int { return s.Shape[len(s.Shape)-1] }
func (s Spec) rows() int { return s.Len() / max(s.last(), 1) }

// like is a Spec of the same element type with another shape.
func (s Spec) like(shape ...int) Spec { return Spec{shape, s.Dtype} }

// Buf is a tensor in host memory: what references read and write.
type Buf struct {
	Spec
	data unsafe.Pointer
}

// NewBuf allocates a zeroed tensor.
func NewBuf(s Spec) Buf {
	words := make([]uint64, (s.Bytes()+7)/8+1)
	return Buf{s, unsafe.Pointer(unsafe.SliceData(words))}
}

// View is the tensor of the given Spec that starts at p. The memory must hold
// Spec.Bytes() bytes and outlive the Buf.
func View(s Spec, p unsafe.Pointer) Buf { return Buf{s, p} }

// Of is the tensor's elements as a slice of T; T must match the Dtype.
func Of[T any](b Buf) []T {
	var t T
	if unsafe.Sizeof(t) != b.Dtype.Size() {
		panic(fmt.Sprintf("ops: %v read as %T", b.Spec, t))
	}
	return unsafe.Slice((*T)(b.data), b.Len())
}

// Raw is the tensor's memory as bytes.
func (b Buf) Raw() []byte { return unsafe.Slice((*byte)(b.data), b.Bytes()) }

// byDtype runs the reference f in the element type of the first output.
func byDtype[K any](k K, in, out []Buf, f32, f64 func(K, []Buf, []Buf)) {
	if out[0].Dtype == Float64 {
		f64(k, in, out)
	} else {
		f32(k, in, out)
	}
}
