package checkpoint

import (
	"fmt"
	"math"
)

// Tensor is one named array of a file.
type Tensor struct {
	// Name is unique within a file, for instance "blocks.0.attn.qkv.weight".
	Name string
	// Dtype is the type of the elements in Data.
	Dtype Dtype
	// Shape lists the dimensions, outermost first; a scalar has none.
	Shape []int
	// Data holds the elements, little endian and row-major:
	// product(Shape) * Dtype.Size() bytes.
	Data []byte
}

// Element lists the Go types that a tensor can be made of.
type Element interface {
	float32 | float64 | int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8 | bool
}

// New returns a tensor over values, row-major. It borrows both slices: they may
// not change while the tensor is in use. [Tensors.Add] checks that they fit
// each other.
func New[T Element](name string, shape []int, values []T) Tensor {
	return Tensor{Name: name, Dtype: dtypeOf[T](), Shape: shape, Data: bytesOf(values)}
}

func dtypeOf[T Element]() Dtype {
	switch any(*new(T)).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int64:
		return Int64
	case int32:
		return Int32
	case int16:
		return Int16
	case int8:
		return Int8
	case uint64:
		return Uint64
	case uint32:
		return Uint32
	case uint16:
		return Uint16
	case uint8:
		return Uint8
	}
	return Bool
}

// Len is the number of elements.
func (t Tensor) Len() int {
	if t.Dtype.Size() == 0 {
		return 0
	}
	return len(t.Data) / t.Dtype.Size()
}

// Float32s returns the elements of a floating tensor; float64 is rounded to
// nearest. The result is read only: it may share memory with Data.
func (t Tensor) Float32s() ([]float32, error) {
	switch t.Dtype {
	case Float32:
		return valuesOf[float32](t.Data), nil
	case Float64:
		return convert[float32](valuesOf[float64](t.Data)), nil
	case Float16:
		return widen(t.Data, float16ToFloat32), nil
	case BFloat16:
		return widen(t.Data, bfloat16ToFloat32), nil
	}
	return nil, t.wrongDtype("a floating dtype")
}

// Float64s returns the elements of a floating tensor, exactly. The result is
// read only: it may share memory with Data.
func (t Tensor) Float64s() ([]float64, error) {
	if t.Dtype == Float64 {
		return valuesOf[float64](t.Data), nil
	}
	v, err := t.Float32s()
	return convert[float64](v), err
}

// Numbers returns the elements of a tensor of any dtype: integers beyond 2^53 are
// rounded, bools are 0 and 1. The result is read only: it may share memory with
// Data.
func (t Tensor) Numbers() []float64 {
	if t.Dtype == Uint64 {
		return convert[float64](valuesOf[uint64](t.Data))
	}
	if v, err := t.Int64s(); err == nil {
		return convert[float64](v)
	}
	v, err := t.Float64s()
	if err != nil {
		panic(err) // what is neither floating nor an integer is no dtype
	}
	return v
}

// Int64s returns the elements of an integer tensor, or of a bool tensor as 0
// and 1. A uint64 above the largest int64 is an error. The result is read only:
// it may share memory with Data.
func (t Tensor) Int64s() ([]int64, error) {
	switch t.Dtype {
	case Int64:
		return valuesOf[int64](t.Data), nil
	case Int32:
		return convert[int64](valuesOf[int32](t.Data)), nil
	case Int16:
		return convert[int64](valuesOf[int16](t.Data)), nil
	case Int8:
		return convert[int64](valuesOf[int8](t.Data)), nil
	case Uint64:
		return t.signed(valuesOf[uint64](t.Data))
	case Uint32:
		return convert[int64](valuesOf[uint32](t.Data)), nil
	case Uint16:
		return convert[int64](valuesOf[uint16](t.Data)), nil
	case Uint8:
		return convert[int64](t.Data), nil
	case Bool:
		return truths(t.Data), nil
	}
	return nil, t.wrongDtype("an integer dtype or bool")
}

// Bytes returns the elements of a uint8 or bool tensor; they are Data itself.
func (t Tensor) Bytes() ([]byte, error) {
	if t.Dtype == Uint8 || t.Dtype == Bool {
		return t.Data, nil
	}
	return nil, t.wrongDtype("uint8 or bool")
}

func (t Tensor) signed(values []uint64) ([]int64, error) {
	for _, v := range values {
		if v > math.MaxInt64 {
			return nil, fmt.Errorf("tensor %q: %d does not fit int64", t.Name, v)
		}
	}
	return convert[int64](values), nil
}

func (t Tensor) wrongDtype(want string) error {
	return fmt.Errorf("tensor %q: dtype %v, want %s", t.Name, t.Dtype, want)
}

// check tells whether t is complete in itself.
func (t Tensor) check() error {
	if t.Name == "" {
		return fmt.Errorf("tensor without a name, shape %v", t.Shape)
	}
	n, err := byteSize(t.Dtype, t.Shape)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if n != len(t.Data) {
		return fmt.Errorf("tensor %q: %d bytes, want %d for shape %v of %v", t.Name, len(t.Data), n, t.Shape, t.Dtype)
	}
	return nil
}

// maxRank is the largest number of dimensions that PyTorch and NumPy handle.
const maxRank = 64

// byteSize is product(shape) * d.Size(). The product without the zeros among
// the dimensions must also fit an int, so that no order of multiplication
// overflows later.
func byteSize(d Dtype, shape []int) (int, error) {
	if !d.known() {
		return 0, fmt.Errorf("unknown dtype %v", d)
	}
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d dimensions, at most %d are supported", len(shape), maxRank)
	}
	n, empty := d.Size(), false
	for _, dim := range shape {
		switch {
		case dim < 0:
			return 0, fmt.Errorf("shape %v: negative dimension", shape)
		case dim == 0:
			empty = true
		case n > math.MaxInt/dim:
			return 0, fmt.Errorf("shape %v: too many elements", shape)
		default:
			n *= dim
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}
