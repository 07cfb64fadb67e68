// Package sketch draws samples and what a masked autoencoder tells of them, for
// people who look whether pretraining learns: original, masked and reconstructed,
// side by side.
//
// Vocabulary: a volume is one sample's numbers [C, T, H, W], pictures and
// spectrograms with T = 1; a patch is the part of it that one token shows; an
// [Answer] is what the network told of one sample; a [Sheet] is the drawing of
// several. NaN stands for what is not known and is drawn grey.
//
// Shape letters: C channels, T frames, H and W height and width, N patches or
// points, P numbers of a patch, V visible and M masked tokens, G groups, S points
// of a group.
//
// The package knows no model, reads no files and writes none.
package sketch

import (
	"fmt"
	"math"
)

// Patches are how volumes split into patches: those of pictures, spectrograms and
// clips. Volumes hold the numbers that the targets of reconstruction are made of.
type Patches struct {
	Channels int
	Size     [3]int // of the volume: time, height, width; of a spectrogram 1, frames, bands
	Kernel   [3]int // of a patch: time, height, width
	Stride   [3]int // from patch to patch; zero means Kernel
	// Norm says over what predictions are standardised, as heads.Pixels does: "patch",
	// "channel" or nothing.
	Norm string
	// Mean and Std are, per channel, what volumes were normalised with; without them
	// volumes are in [0, 1].
	Mean, Std []float64
	// Spectrogram draws in false colours, time to the right, low bands at the bottom.
	Spectrogram bool
}

// Answer is what a masked autoencoder told of one sample. Tokens are counted without
// the class token.
type Answer struct {
	Visible []int32   // [V]: the tokens it saw
	Masked  []int32   // [M]: those it told
	Pred    []float32 // [M, P], or [M, 3S] of point clouds: what it told of each
}

// grid is the number of patches along time, down and across.
func (p Patches) grid() (grid [3]int) {
	stride := p.stride()
	for i := range grid {
		grid[i] = (p.Size[i]-p.Kernel[i])/stride[i] + 1
	}
	return grid
}

func (p Patches) stride() [3]int {
	if p.Stride == [3]int{} {
		return p.Kernel
	}
	return p.Stride
}

// Numbers is the volume of stored pixels [C, T, H, W].
func (p Patches) Numbers(pixels []uint8) []float32 {
	volume := make([]float32, len(pixels))
	for i, v := range pixels {
		mean, std := p.scale(i * p.Channels / len(pixels))
		volume[i] = float32((float64(v)/255 - mean) / std)
	}
	return volume
}

// scale is what numbers of channel c were normalised with.
func (p Patches) scale(c int) (mean, std float64) {
	if c < min(len(p.Mean), len(p.Std)) {
		return p.Mean[c], p.Std[c]
	}
	return 0, 1
}

// entries is P.
func (p Patches) entries() int { return p.Kernel[0] * p.Kernel[1] * p.Kernel[2] * p.Channels }

// each calls f with the number of every entry of patch n, which run over time, row,
// column, channel, and its place in the volume.
func (p Patches) each(n int, f func(entry, place int)) {
	grid, stride, size := p.grid(), p.stride(), p.Size
	t0, y0, x0 := n/(grid[1]*grid[2])*stride[0], n/grid[2]%grid[1]*stride[1], n%grid[2]*stride[2]
	entry := 0
	for t := range p.Kernel[0] {
		for y := range p.Kernel[1] {
			for x := range p.Kernel[2] {
				for c := range p.Channels {
					f(entry, ((c*size[0]+t0+t)*size[1]+y0+y)*size[2]+x0+x)
					entry++
				}
			}
		}
	}
}

// cut takes the patches index out of a volume: [len(index), P].
func (p Patches) cut(volume []float32, index []int32) []float32 {
	P := p.entries()
	values := make([]float32, len(index)*P)
	for i, n := range index {
		p.each(int(n), func(entry, place int) { values[i*P+entry] = volume[place] })
	}
	return values
}

// join is the volume that patches values [len(index), P] make: where several overlap
// their mean, where none is NaN.
func (p Patches) join(values []float32, index []int32) []float32 {
	volume := make([]float32, p.Channels*p.Size[0]*p.Size[1]*p.Size[2])
	sum, count := make([]float64, len(volume)), make([]float64, len(volume))
	P := p.entries()
	for i, n := range index {
		p.each(int(n), func(entry, place int) {
			sum[place] += float64(values[i*P+entry])
			count[place]++
		})
	}
	for i := range volume {
		volume[i] = float32(sum[i] / count[i]) // 0/0 is NaN
	}
	return volume
}

// restore is what the network saw of a volume, and that with what it told of the
// rest. What it saw stays as it is, whatever it told of it.
func (p Patches) restore(volume []float32, a Answer) (seen, told []float32) {
	seen = p.join(p.cut(volume, a.Visible), a.Visible)
	told = p.join(p.undo(a.Pred, p.cut(volume, a.Masked)), a.Masked)
	for i, v := range seen {
		if v == v { // not NaN
			told[i] = v
		}
	}
	return seen, told
}

// undo takes standardised patches [M, P] back to the mean and deviation of the
// patches like, over whole patches or each channel of them:
//
//	x = y·√(variance + 1e-6) + mean     "patch"
//	x = y·(√variance + 1e-6) + mean     "channel"
//
// with the unbiased variance, the inverse of heads.Pixels.Targets.
func (p Patches) undo(values, like []float32) []float32 {
	channels, varEps, stdEps := 1, 1e-6, 0.0
	switch p.Norm {
	case "":
		return values
	case "channel":
		channels, varEps, stdEps = p.Channels, 0, 1e-6
	}
	out := make([]float32, len(values))
	P := p.entries()
	for i := 0; i < len(values); i += P {
		for c := range channels {
			mean, variance := moments(like[i+c:i+P], channels)
			scale := math.Sqrt(variance+varEps) + stdEps
			for k := i + c; k < i+P; k += channels {
				out[k] = float32(float64(values[k])*scale + mean)
			}
		}
	}
	return out
}

// moments are mean and unbiased variance of every step-th number.
func moments(x []float32, step int) (mean, variance float64) {
	n := float64((len(x) + step - 1) / step)
	for i := 0; i < len(x); i += step {
		mean += float64(x[i]) / n
	}
	for i := 0; i < len(x); i += step {
		d := float64(x[i]) - mean
		variance += d * d / (n - 1)
	}
	return mean, variance
}

// check reports what is wrong with the geometry or does not fit it.
func (p Patches) check(volume []float32) error {
	stride := p.stride()
	for i, k := range p.Kernel {
		if k <= 0 || stride[i] <= 0 || k > p.Size[i] || p.Channels <= 0 {
			return fmt.Errorf("patches %v with stride %v do not fit %d channels of size %v", p.Kernel, stride, p.Channels, p.Size)
		}
	}
	if want := p.Channels * p.Size[0] * p.Size[1] * p.Size[2]; len(volume) != want {
		return fmt.Errorf("volume of %d numbers, want %d: %d channels of size %v", len(volume), want, p.Channels, p.Size)
	}
	if len(p.Mean) != len(p.Std) || p.Mean != nil && len(p.Mean) != p.Channels {
		return fmt.Errorf("%d means and %d deviations, want %d of each", len(p.Mean), len(p.Std), p.Channels)
	}
	if p.Spectrogram && (p.Channels != 1 || p.Size[0] != 1) {
		return fmt.Errorf("spectrogram of %d channels and size %v, want 1 channel and size 1, frames, bands", p.Channels, p.Size)
	}
	switch p.Norm {
	case "", "patch", "channel":
		return nil
	}
	return fmt.Errorf("norm %q: want patch, channel or none", p.Norm)
}

// check reports what of an answer does not fit tokens of which size numbers are told.
func (a Answer) check(tokens, size int) error {
	for _, index := range [][]int32{a.Visible, a.Masked} {
		for _, n := range index {
			if n < 0 || int(n) >= tokens {
				return fmt.Errorf("token %d of %d: count them without the class token", n, tokens)
			}
		}
	}
	if want := len(a.Masked) * size; len(a.Pred) != want {
		return fmt.Errorf("%d numbers told, want %d: %d of each of %d masked tokens", len(a.Pred), want, size, len(a.Masked))
	}
	return nil
}
