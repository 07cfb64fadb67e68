package opstest

import (
	"math"

	"m2pt/internal/philox"
	"m2pt/ops"
)

// operand makes an input of a case. Floating-point values are float64 but exact
// in float32, so that oracle and kernel see the same numbers; prev are the
// inputs before it.
type operand func(r *philox.Rand, prev []ops.Buf) ops.Buf

func floats(shape []int, draw func(i int, r *philox.Rand) float64) operand {
	return func(r *philox.Rand, _ []ops.Buf) ops.Buf {
		b := ops.NewBuf(ops.Spec{Shape: shape, Dtype: ops.Float64})
		for i := range ops.Of[float64](b) {
			ops.Of[float64](b)[i] = float64(float32(draw(i, r)))
		}
		return b
	}
}

// normal draws N(0, 1).
func normal(shape ...int) operand { return gauss(0, 1, shape...) }

// gauss draws N(mean, std²).
func gauss(mean, std float64, shape ...int) operand {
	return floats(shape, func(_ int, r *philox.Rand) float64 { return mean + std*r.Norm() })
}

// uniform draws from [lo, hi).
func uniform(lo, hi float64, shape ...int) operand {
	return floats(shape, func(_ int, r *philox.Rand) float64 { return r.Range(lo, hi) })
}

// values is a vector of the given numbers.
func values(v ...float64) operand {
	return floats([]int{len(v)}, func(i int, _ *philox.Rand) float64 { return v[i] })
}

// distribution draws rows that are positive and sum to 1.
func distribution(shape ...int) operand { return saved(ops.Softmax{}, 0, normal(shape...)) }

// spoiled is an operand with every so many elements replaced by v.
func spoiled(o operand, every int, v float64) operand {
	return func(r *philox.Rand, prev []ops.Buf) ops.Buf {
		b := o(r, prev)
		for i := every - 1; i < b.Len(); i += every {
			ops.Of[float64](b)[i] = v
		}
		return b
	}
}

// input is input i of the same case.
func input(i int) operand {
	return func(_ *philox.Rand, prev []ops.Buf) ops.Buf { return prev[i] }
}

// saved is output out of kind k: what a forward op leaves for its gradient.
func saved(k ops.Kind, out int, in ...operand) operand {
	return func(r *philox.Rand, prev []ops.Buf) ops.Buf {
		bufs := make([]ops.Buf, len(in))
		for i, o := range in {
			bufs[i] = o(r, prev)
		}
		return round(do(k, bufs)[out])
	}
}

// round makes float64 values exact in float32.
func round(b ops.Buf) ops.Buf { return cast(cast(b, ops.Float32), ops.Float64) }

// ints draws int32 from [lo, hi).
func ints(lo, hi int, shape ...int) operand {
	return func(r *philox.Rand, _ []ops.Buf) ops.Buf {
		b := ops.NewBuf(ops.Spec{Shape: shape, Dtype: ops.Int32})
		for i := range ops.Of[int32](b) {
			ops.Of[int32](b)[i] = int32(lo + r.IntN(hi-lo))
		}
		return b
	}
}

// sampleKeys are large epochs and positions, one pair per sample.
func sampleKeys(batch int) operand { return ints(0, math.MaxInt32, batch, 2) }

// boxes are one box per sample: inside the picture, empty, the whole picture, a
// single pixel in the last corner, and so on in turn.
func boxes(batch, height, width int) operand {
	return func(r *philox.Rand, _ []ops.Buf) ops.Buf {
		b := ops.NewBuf(ops.Spec{Shape: []int{batch, 4}, Dtype: ops.Int32})
		for s := range batch {
			top, left := r.IntN(height), r.IntN(width)
			box := [][4]int{
				{top, top + 1 + r.IntN(height-top), left, left + 1 + r.IntN(width-left)},
				{},
				{0, height, 0, width},
				{height - 1, height, width - 1, width},
			}[s%4]
			for i, v := range box {
				ops.Of[int32](b)[4*s+i] = int32(v)
			}
		}
		return b
	}
}

// pixels draws uint8, the extremes first.
func pixels(shape ...int) operand {
	return func(r *philox.Rand, _ []ops.Buf) ops.Buf {
		b := ops.NewBuf(ops.Spec{Shape: shape, Dtype: ops.Uint8})
		for i := range b.Raw() {
			b.Raw()[i] = uint8(r.Uint32())
		}
		copy(b.Raw(), []byte{0, 255})
		return b
	}
}

// cast converts floating-point tensors and returns others as they are.
func cast(b ops.Buf, to ops.Dtype) ops.Buf {
	if b.Dtype == to || b.Dtype != ops.Float32 && b.Dtype != ops.Float64 {
		return b
	}
	c := ops.NewBuf(ops.Spec{Shape: b.Shape, Dtype: to})
	if to == ops.Float64 {
		convert[float64, float32](c, b)
	} else {
		convert[float32, float64](c, b)
	}
	return c
}

func convert[To, From ops.Float](to, from ops.Buf) {
	for i, v := range ops.Of[From](from) {
		ops.Of[To](to)[i] = To(v)
	}
}
