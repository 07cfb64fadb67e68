package checkpoint

import "fmt"

// Dtype is the type of a tensor's elements.
type Dtype uint8

// The dtypes that files may hold. The program itself computes with Float32.
const (
	Float32 Dtype = iota
	Float16
	BFloat16
	Float64
	Int64
	Int32
	Int16
	Int8
	Uint64
	Uint32
	Uint16
	Uint8
	Bool
)

// dtypes gives each dtype its name in PyTorch, safetensors and npy headers.
// NumPy has no bfloat16.
var dtypes = [...]struct {
	name, safetensors, npy string
	size                   int
}{
	Float32:  {"float32", "F32", "<f4", 4},
	Float16:  {"float16", "F16", "<f2", 2},
	BFloat16: {"bfloat16", "BF16", "", 2},
	Float64:  {"float64", "F64", "<f8", 8},
	Int64:    {"int64", "I64", "<i8", 8},
	Int32:    {"int32", "I32", "<i4", 4},
	Int16:    {"int16", "I16", "<i2", 2},
	Int8:     {"int8", "I8", "|i1", 1},
	Uint64:   {"uint64", "U64", "<u8", 8},
	Uint32:   {"uint32", "U32", "<u4", 4},
	Uint16:   {"uint16", "U16", "<u2", 2},
	Uint8:    {"uint8", "U8", "|u1", 1},
	Bool:     {"bool", "BOOL", "|b1", 1},
}

func (d Dtype) known() bool { return int(d) < len(dtypes) }

// Size is the number of bytes of one element, 0 for a value that is no dtype.
func (d Dtype) Size() int {
	if !d.known() {
		return 0
	}
	return dtypes[d].size
}

// String is the dtype's name in PyTorch: "float32", "bfloat16", "uint8".
func (d Dtype) String() string {
	if !d.known() {
		return fmt.Sprintf("Dtype(%d)", uint8(d))
	}
	return dtypes[d].name
}

func dtypeOfSafetensors(name string) (Dtype, bool) {
	for d, names := range dtypes {
		if names.safetensors == name {
			return Dtype(d), true
		}
	}
	return 0, false
}

func dtypeOfNPY(descr string) (Dtype, bool) {
	for d, names := range dtypes {
		if names.npy == descr && descr != "" {
			return Dtype(d), true
		}
	}
	return 0, false
}
