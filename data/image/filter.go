package image

import (
	"fmt"
	"math"
)

// Filter is an interpolation kernel, named as in timm.
type Filter int

// The kernels. The first two are widened by the scale when a picture shrinks, so
// that every source pixel counts.
const (
	Bicubic  Filter = iota // Catmull-Rom, a = -0.5, support 2
	Bilinear               // triangle, support 1
	Linear                 // Bilinear never widened, as cv2.INTER_LINEAR and PyTorch's interpolate: it aliases
)

// ParseFilter returns the filter called "bicubic", "bilinear" or "linear".
func ParseFilter(name string) (Filter, error) {
	switch name {
	case "bicubic":
		return Bicubic, nil
	case "bilinear":
		return Bilinear, nil
	case "linear":
		return Linear, nil
	}
	return 0, fmt.Errorf("interpolation %q: want bicubic, bilinear or linear", name)
}

func (f Filter) support() float64 {
	if f == Bicubic {
		return 2
	}
	return 1
}

// at evaluates the kernel. Each product is rounded to float64 before it is added
// (no fused multiply-add), because Pillow's are.
func (f Filter) at(x float64) float64 {
	x = math.Abs(x)
	const a = -0.5
	switch {
	case f != Bicubic:
		return max(1-x, 0)
	case x < 1:
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return float64((float64((float64((x-5)*x)+8)*x) - 4) * a)
	}
	return 0
}

// weightBits is the fixed-point precision of the weights: 8 bits of pixel, 22 of
// weight and 2 to spare for overshoot make 32.
const weightBits = 32 - 8 - 2

// axis holds the weights of one direction of a resize: output o of a window is
// the sum over t of weights[t] * input[first+t], with first and weights from
// taps(o).
type axis struct {
	first, count []int
	weights      []int64 // stride per output, count used
	stride       int
	exact        []float64 // weights of one output before rounding
}

// plan computes the weights for outputs lo..hi-1 of n inputs resized to size
// outputs.
func (a *axis) plan(f Filter, n, size, lo, hi int) {
	scale := float64(n) / float64(size)
	widen := max(scale, 1)
	if f == Linear {
		widen = 1
	}
	support := f.support() * widen
	a.stride = int(math.Ceil(support))*2 + 1
	a.first, a.count = grow(a.first, hi-lo), grow(a.count, hi-lo)
	a.weights = grow(a.weights, (hi-lo)*a.stride)
	a.exact = grow(a.exact, a.stride)
	for o := range a.first {
		center := float64((float64(lo+o) + 0.5) * scale)
		first := max(int(center-support+0.5), 0)
		last := min(int(center+support+0.5), n)
		w := a.exact[:last-first]
		for t := range w {
			w[t] = f.at(float64((float64(first+t) - center + 0.5) * (1 / widen)))
		}
		a.first[o], a.count[o] = first, len(w)
		quantise(a.weights[o*a.stride:], w)
	}
}

// quantise writes w, scaled to sum 1, in fixed point, rounding half away from
// zero.
func quantise(dst []int64, w []float64) {
	total := 0.0
	for _, v := range w {
		total += v
	}
	for t, v := range w {
		if total != 0 {
			v /= total
		}
		dst[t] = int64(math.Copysign(0.5, v) + float64(v*(1<<weightBits)))
	}
}

// taps returns the first input of output o and its weights.
func (a *axis) taps(o int) (first int, weights []int64) {
	return a.first[o], a.weights[o*a.stride:][:a.count[o]]
}

// grow returns s with length n, its contents undefined.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
