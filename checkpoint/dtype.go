package checkpoint

import (
	"fmt"

	"m2pt/checkpoint/pickle"
)

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

// dtypes gives each dtype its name in PyTorch, in safetensors and npy headers,
// and as the class of storages in a pickle. NumPy has no bfloat16, and PyTorch
// no class for the larger unsigned integers.
var dtypes = [...]struct {
	name, safetensors, npy, storage string
	size                            int
}{
	Float32:  {"float32", "F32", "<f4", "torch.FloatStorage", 4},
	Float16:  {"float16", "F16", "<f2", "torch.HalfStorage", 2},
	BFloat16: {"bfloat16", "BF16", "", "torch.BFloat16Storage", 2},
	Float64:  {"float64", "F64", "<f8", "torch.DoubleStorage", 8},
	Int64:    {"int64", "I64", "<i8", "torch.LongStorage", 8},
	Int32:    {"int32", "I32", "<i4", "torch.IntStorage", 4},
	Int16:    {"int16", "I16", "<i2", "torch.ShortStorage", 2},
	Int8:     {"int8", "I8", "|i1", "torch.CharStorage", 1},
	Uint64:   {"uint64", "U64", "<u8", "", 8},
	Uint32:   {"uint32", "U32", "<u4", "", 4},
	Uint16:   {"uint16", "U16", "<u2", "", 2},
	Uint8:    {"uint8", "U8", "|u1", "torch.ByteStorage", 1},
	Bool:     {"bool", "BOOL", "|b1", "torch.BoolStorage", 1},
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
	return dtypeWhere(func(d Dtype) bool { return dtypes[d].safetensors == name })
}

func dtypeOfNPY(descr string) (Dtype, bool) {
	return dtypeWhere(func(d Dtype) bool { return dtypes[d].npy == descr && descr != "" })
}

func dtypeOfPyTorch(name string) (Dtype, bool) {
	return dtypeWhere(func(d Dtype) bool { return dtypes[d].name == name })
}

// dtypeOfStorage is the dtype of a class of storages. An untyped one holds bytes.
func dtypeOfStorage(class pickle.Global) (Dtype, bool) {
	name := class.String()
	if name == "torch.storage.UntypedStorage" {
		return Uint8, true
	}
	return dtypeWhere(func(d Dtype) bool { return dtypes[d].storage == name })
}

func dtypeWhere(holds func(Dtype) bool) (Dtype, bool) {
	for i := range dtypes {
		if holds(Dtype(i)) {
			return Dtype(i), true
		}
	}
	return 0, false
}
