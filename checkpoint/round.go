package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Round returns t with its floating elements as d, which is Float32, Float16 or
// BFloat16: rounded to nearest, of two as near to the one that is even. A finite
// element that d has no finite one for is an error. Tensors of other elements are
// returned as they are.
func (t Tensor) Round(d Dtype) (Tensor, error) {
	switch t.Dtype {
	case d:
		return t, nil
	case Float64, Float32, Float16, BFloat16:
	default:
		return t, nil
	}
	v, err := t.rounding(d)
	if err != nil {
		return t, err
	}
	switch d {
	case Float32:
		return New(t.Name, t.Shape, v), nil
	case Float16:
		return t.narrow(d, v, float16OfFloat32, 0x7c00)
	case BFloat16:
		return t.narrow(d, v, bfloat16OfFloat32, 0x7f80)
	}
	return t, fmt.Errorf("tensor %q: round to %v: want float32, float16 or bfloat16", t.Name, d)
}

// rounding are the elements as float32, from which rounding to d gives what rounding the
// elements themselves would: those of float64 are rounded to odd where d is narrower
// still (Boldo and Melquiond 2008).
func (t Tensor) rounding(d Dtype) ([]float32, error) {
	if t.Dtype != Float64 {
		return t.Float32s()
	}
	wide, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	v := make([]float32, len(wide))
	for i, x := range wide {
		v[i] = float32(x)
		if math.IsInf(float64(v[i]), 0) && !math.IsInf(x, 0) {
			return nil, fmt.Errorf("tensor %q: %g is too large for %v", t.Name, x, d)
		}
		if d != Float32 && float64(v[i]) != x && x == x {
			bits := math.Float32bits(v[i])
			if math.Abs(float64(v[i])) > math.Abs(x) {
				bits--
			}
			v[i] = math.Float32frombits(bits | 1)
		}
	}
	return v, nil
}

// narrow is t with the elements v as 16-bit floats, of which inf is infinity.
func (t Tensor) narrow(d Dtype, v []float32, of func(float32) uint16, inf uint16) (Tensor, error) {
	data := make([]byte, 0, 2*len(v))
	for _, x := range v {
		h := of(x)
		if h&0x7fff == inf && !math.IsInf(float64(x), 0) {
			return t, fmt.Errorf("tensor %q: %g is too large for %v", t.Name, x, d)
		}
		data = binary.LittleEndian.AppendUint16(data, h)
	}
	return Tensor{Name: t.Name, Dtype: d, Shape: t.Shape, Data: data}, nil
}

// roundUp is what to add to x so that dropping its low bits rounds to nearest, ties
// to even.
func roundUp(x uint32, low int) uint32 { return 1<<(low-1) - 1 + x>>low&1 }

func bfloat16OfFloat32(f float32) uint16 {
	x := math.Float32bits(f)
	if f != f {
		return uint16(x>>16) | 0x40 // quiet, or the payload might become that of Inf
	}
	return uint16((x + roundUp(x, 16)) >> 16)
}

// float16OfFloat32 is the inverse of float16ToFloat32 where there is one.
func float16OfFloat32(f float32) uint16 {
	x := math.Float32bits(f)
	sign, x := uint16(x>>16)&0x8000, x&0x7fffffff
	const bias, smallest, beyond = (127 - 15) << 23, (127 - 14) << 23, (127 + 16) << 23 // 2^-14 and 2^16
	switch {
	case f != f:
		return sign | 0x7e00 | uint16(x>>13)&0x3ff
	case x >= beyond:
		return sign | 0x7c00
	case x < smallest: // a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(x))*(1<<24)))
	}
	return sign | uint16((x+roundUp(x, 13)-bias)>>13)
}
