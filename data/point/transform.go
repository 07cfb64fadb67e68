package point

import (
	"math"

	"m2pt/internal/philox"
)

// UnitSphere moves the mean of xyz [N,3] to the origin and divides by the largest
// distance from there, unless all points are in one place.
func UnitSphere(xyz []float32) {
	var mean [3]float64
	for i, v := range xyz {
		mean[i%3] += float64(v)
	}
	for k := range mean {
		mean[k] /= float64(len(xyz) / 3)
	}
	largest := 0.0
	for i := 0; i < len(xyz); i += 3 {
		x, y, z := float64(xyz[i])-mean[0], float64(xyz[i+1])-mean[1], float64(xyz[i+2])-mean[2]
		largest = max(largest, x*x+y*y+z*z)
	}
	scale := 1.0
	if largest > 0 {
		scale = 1 / math.Sqrt(largest)
	}
	for i, v := range xyz {
		xyz[i] = float32((float64(v) - mean[i%3]) * scale)
	}
}

// ScaleTranslate multiplies each axis of xyz [N,3] by its scale and then adds its
// shift.
func ScaleTranslate(xyz []float32, scale, shift [3]float32) {
	for i, v := range xyz {
		xyz[i] = v*scale[i%3] + shift[i%3]
	}
}

// Rotate turns xyz [N,3] about an axis, 0 to 2 for x to z, by an angle in radians, so
// that each of the others turns towards the one that comes next: x, y, z, x.
func Rotate(xyz []float32, axis int, angle float64) {
	sin, cos := math.Sincos(angle)
	s, c := float32(sin), float32(cos)
	a, b := (axis+1)%3, (axis+2)%3
	for i := 0; i < len(xyz); i += 3 {
		p := xyz[i : i+3]
		p[a], p[b] = c*p[a]-s*p[b], s*p[a]+c*p[b]
	}
}

// Flip mirrors an axis of xyz [N,3], 0 to 2 for x to z.
func Flip(xyz []float32, axis int) {
	for i := axis; i < len(xyz); i += 3 {
		xyz[i] = -xyz[i]
	}
}

// Jitter adds normal noise of standard deviation sigma, cut at ±clip, to each
// coordinate.
func Jitter(xyz []float32, sigma, clip float64, r *philox.Rand) {
	for i := range xyz {
		xyz[i] += float32(min(max(sigma*r.Norm(), -clip), clip))
	}
}

// Drop puts each point of xyz [N,3] with probability p in the place of the first
// one, so that their number stays.
func Drop(xyz []float32, p float64, r *philox.Rand) {
	for i := 0; i < len(xyz); i += 3 {
		if r.Float64() < p {
			copy(xyz[i:i+3], xyz[:3])
		}
	}
}
