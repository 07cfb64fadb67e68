package audio

import (
	"fmt"
	"math"
)

// Resampler changes the sampling rate of clips by band-limited interpolation,
// the rule and the parameters of torchaudio: with both rates divided by their
// greatest common divisor to from and to, and base = 0.99 min(from, to),
//
//	y[m] = sum_i x[i] h(base (i/from - m/to)) base/from
//	h(t) = sinc(t) cos(pi t/12)^2, |t| < 6
//
// It keeps the coefficients for the last pair of rates. It is not safe for
// concurrent use.
type Resampler struct {
	from, to int
	taps     int       // coefficients of one output sample
	first    []int32   // [to] input sample under the first one, as seen from sample m/to*from
	h        []float32 // [to, taps]
}

const (
	zeros   = 6    // zero crossings of the sinc on each side
	rolloff = 0.99 // of the lower rate
)

// Run writes src at another rate into dst. It fails where the result is larger
// than a clip may be.
func (r *Resampler) Run(dst, src *Clip, rate int) error {
	r.prepare(src.Rate, rate)
	n := (src.Len()*r.to + r.from - 1) / r.from
	if n > maxValues/src.Channels {
		return fmt.Errorf("resample from %d to %d Hz: %d samples of %d channels: want at most %d in all", src.Rate, rate, n, src.Channels, maxValues)
	}
	dst.Resize(rate, src.Channels, n)
	for m := range n {
		phase := m % r.to
		at := m/r.to*r.from + int(r.first[phase])
		h := r.h[phase*r.taps:][:r.taps]
		lo, hi := max(0, -at), min(len(h), src.Len()-at) // coefficients that fall on samples
		for k := range src.Channels {
			sum := float32(0)
			for j := lo; j < hi; j++ {
				sum += h[j] * src.Samples[(at+j)*src.Channels+k]
			}
			dst.Samples[m*src.Channels+k] = sum
		}
	}
	return nil
}

// prepare computes the coefficients of two rates.
func (r *Resampler) prepare(from, to int) {
	d := gcd(from, to)
	from, to = from/d, to/d
	if r.from == from && r.to == to {
		return
	}
	base := rolloff * float64(min(from, to))
	reach := zeros * float64(from) / base
	r.from, r.to, r.taps = from, to, int(2*reach)+1
	r.first, r.h = make([]int32, to), make([]float32, to*r.taps)
	for phase := range to {
		at := float64(phase) / float64(to)
		first := math.Ceil(at*float64(from) - reach)
		r.first[phase] = int32(first)
		for j := range r.taps {
			r.h[phase*r.taps+j] = float32(windowedSinc(base*((first+float64(j))/float64(from)-at)) * base / float64(from))
		}
	}
}

// windowedSinc is sinc(t) under a Hann window of 2*zeros.
func windowedSinc(t float64) float64 {
	if t == 0 {
		return 1
	}
	if math.Abs(t) >= zeros {
		return 0
	}
	window := math.Cos(math.Pi * t / (2 * zeros))
	return math.Sin(math.Pi*t) / (math.Pi * t) * window * window
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
