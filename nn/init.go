package nn

import (
	"math"

	"m2pt/internal/philox"
)

// Init writes a parameter's initial values, reading random numbers from r.
type Init func(v []float32, r *philox.Rand)

// Zeros leaves all elements 0.
func Zeros([]float32, *philox.Rand) {}

// Ones sets all elements to 1.
func Ones(v []float32, _ *philox.Rand) { Constant(1)(v, nil) }

// Constant sets all elements to c.
func Constant(c float64) Init {
	return func(v []float32, _ *philox.Rand) {
		for i := range v {
			v[i] = float32(c)
		}
	}
}

// Values copies a table.
func Values(table []float32) Init {
	return func(v []float32, _ *philox.Rand) { copy(v, table) }
}

// Normal draws N(0, std²): timm's truncated normal, whose cut at ±2 is out of
// reach for the usual std of 0.02.
func Normal(std float64) Init {
	return func(v []float32, r *philox.Rand) {
		for i := range v {
			v[i] = float32(std * r.Norm())
		}
	}
}

// FanIn draws U(±1/√fanIn): PyTorch's default for weights and biases of linear
// and convolution layers (Kaiming uniform with a = √5).
func FanIn(fanIn int) Init { return uniform(1 / math.Sqrt(float64(fanIn))) }

// Xavier draws U(±√(6/(in+out))) for a matrix [out, in] (Glorot and Bengio
// 2010).
func Xavier(in, out int) Init { return uniform(math.Sqrt(6 / float64(in+out))) }

func uniform(limit float64) Init {
	return func(v []float32, r *philox.Rand) {
		for i := range v {
			v[i] = float32(r.Range(-limit, limit))
		}
	}
}
