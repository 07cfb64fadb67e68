package checkpoint

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// littleEndian tells whether this machine stores numbers as files do, so that
// values and their bytes can share memory.
func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// bytesOf returns values as little-endian bytes, sharing memory where possible.
func bytesOf[T Element](values []T) []byte {
	if !littleEndian() {
		return encode(values)
	}
	var v T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(v)))
}

// number is an Element every bit pattern of which is a value.
type number interface {
	float32 | float64 | int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8
}

// valuesOf is the inverse of bytesOf. It copies when data is not aligned for T,
// which foreign files do not promise.
func valuesOf[T number](data []byte) []T {
	var v T
	p := unsafe.Pointer(unsafe.SliceData(data))
	if !littleEndian() || uintptr(p)%unsafe.Alignof(v) != 0 {
		return decode[T](data)
	}
	return unsafe.Slice((*T)(p), len(data)/int(unsafe.Sizeof(v)))
}

// encode copies values to little-endian bytes on any machine.
func encode[T Element](values []T) []byte {
	data, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(err) // every Element has a fixed size
	}
	return data
}

// decode copies little-endian bytes to values on any machine.
func decode[T number](data []byte) []T {
	var v T
	values := make([]T, len(data)/int(unsafe.Sizeof(v)))
	if _, err := binary.Decode(data, binary.LittleEndian, values); err != nil {
		panic(err) // values was made to fit data
	}
	return values
}

// convert changes the type of each element as Go does.
func convert[To, From number](values []From) []To {
	out := make([]To, len(values))
	for i, v := range values {
		out[i] = To(v)
	}
	return out
}

func truths(data []byte) []int64 {
	out := make([]int64, len(data))
	for i, b := range data {
		if b != 0 {
			out[i] = 1
		}
	}
	return out
}

// widen expands 16-bit floats, exactly.
func widen(data []byte, toFloat32 func(uint16) float32) []float32 {
	out := make([]float32, len(data)/2)
	for i := range out {
		out[i] = toFloat32(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return out
}

// bfloat16ToFloat32: bfloat16 is the upper half of a float32.
func bfloat16ToFloat32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// float16ToFloat32 expands IEEE 754 binary16: sign, 5 bits of exponent with
// bias 15, 10 bits of fraction. Payloads of NaNs are kept.
func float16ToFloat32(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero or subnormal: fraction * 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*(1.0/(1<<24))))
	case 31: // Inf or NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
