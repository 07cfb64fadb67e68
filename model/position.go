package model

import (
	"fmt"
	"math"
	"slices"
)

// SinCos2D is the fixed position table [1, N, dim] of MAE for a grid (rows,
// columns), tokens row by row, with a zero row in front where class is set. The
// first half of the channels encodes the column, the second the row, each half
// as [sin(p·ω), cos(p·ω)] with ω_k = 10000^(-k/(dim/4)), computed in float64.
func SinCos2D(dim int, grid [2]int, class bool) ([]float32, error) {
	if dim%4 != 0 {
		return nil, fmt.Errorf("sin-cos position table: width %d is not a multiple of 4", dim)
	}
	var table []float32
	if class {
		table = make([]float32, dim)
	}
	for n := range grid[0] * grid[1] {
		row, col := n/grid[1], n%grid[1]
		table = append(append(table, sinCos(dim/2, col)...), sinCos(dim/2, row)...)
	}
	return table, nil
}

func sinCos(d, pos int) []float32 {
	v := make([]float32, d)
	for k := range d / 2 {
		s, c := math.Sincos(float64(pos) * math.Pow(10000, -float64(k)/float64(d/2)))
		v[k], v[d/2+k] = float32(s), float32(c)
	}
	return v
}

// Sinusoid is the fixed position table [1, n, dim] of VideoMAE for tokens in one
// row: channel j of position p is the sine (j even) or cosine (j odd) of
// p/10000^(2·⌊j/2⌋/dim), computed in float64.
func Sinusoid(dim, n int) []float32 {
	table := make([]float32, n*dim)
	for i := range table {
		p, j := float64(i/dim), i%dim
		s, c := math.Sincos(p / math.Pow(10000, float64(j-j%2)/float64(dim)))
		table[i] = float32([2]float64{s, c}[j%2])
	}
	return table
}

// ResizePos resizes a position table [1, extra+h·w, dim] to another grid as
// PyTorch's bicubic interpolate does (a = -0.75, align_corners false, no
// anti-aliasing, borders clamped). The first extra rows are kept.
func ResizePos(table []float32, dim, extra int, from, to [2]int) ([]float32, error) {
	if len(table) != dim*(extra+from[0]*from[1]) {
		return nil, fmt.Errorf("resize position table: %d values are not %d rows of %d", len(table), extra+from[0]*from[1], dim)
	}
	out := append([]float32(nil), table[:extra*dim]...)
	src := table[extra*dim:]
	rows, cols := newTaps(from[0], to[0], cubic), newTaps(from[1], to[1], cubic)
	for _, r := range rows {
		for _, c := range cols {
			for d := range dim {
				var sum float64
				for i, y := range r.at {
					for j, x := range c.at {
						sum += r.weight[i] * c.weight[j] * float64(src[(y*from[1]+x)*dim+d])
					}
				}
				out = append(out, float32(sum))
			}
		}
	}
	return out, nil
}

// ResizePosTime resizes a position table [1, from·h·w, dim], whose tokens run
// over time first, to another number of time steps as PyTorch's linear
// interpolate does (align_corners false), each place of the frame by itself.
func ResizePosTime(table []float32, dim, from, to int) ([]float32, error) {
	if from < 1 || dim < 1 || len(table)%(from*dim) != 0 {
		return nil, fmt.Errorf("resize position table: %d values are not %d frames of rows of %d", len(table), from, dim)
	}
	frame := len(table) / from
	out := make([]float32, 0, to*frame)
	for _, t := range newTaps(from, to, triangle) {
		for i := range frame {
			var sum float64
			for k, at := range t.at {
				sum += t.weight[k] * float64(table[at*frame+i])
			}
			out = append(out, float32(sum))
		}
	}
	return out, nil
}

// ResizePosVolume resizes a position table [1, t·h·w, dim] of clips to another
// volume (time, rows, columns): every frame as [ResizePos], then along time as
// [ResizePosTime].
func ResizePosVolume(table []float32, dim int, from, to [3]int) ([]float32, error) {
	if len(table) != dim*from[0]*from[1]*from[2] {
		return nil, fmt.Errorf("resize position table: %d values are not %dx%dx%d rows of %d", len(table), from[0], from[1], from[2], dim)
	}
	var frames []float32
	for frame := range slices.Chunk(table, max(dim*from[1]*from[2], 1)) {
		resized, err := ResizePos(frame, dim, 0, [2]int(from[1:]), [2]int(to[1:]))
		if err != nil {
			return nil, err
		}
		frames = append(frames, resized...)
	}
	return ResizePosTime(frames, dim, from[0], to[0])
}

// CutPos is the leading corner, of the grid to, of a position table [1,
// extra+h·w, dim] of the grid from: what a model of long spectrograms gives one
// of shorter ones, whose grid is [time, frequency]. The first extra rows
// are kept.
func CutPos(table []float32, dim, extra int, from, to [2]int) ([]float32, error) {
	if len(table) != dim*(extra+from[0]*from[1]) {
		return nil, fmt.Errorf("cut position table: %d values are not %d rows of %d", len(table), extra+from[0]*from[1], dim)
	}
	if to[0] > from[0] || to[1] > from[1] {
		return nil, fmt.Errorf("cut position table: grid %dx%d does not hold %dx%d: resize it instead", from[0], from[1], to[0], to[1])
	}
	out := slices.Clone(table[:extra*dim])
	for row := range to[0] {
		out = append(out, table[(extra+row*from[1])*dim:][:to[1]*dim]...)
	}
	return out, nil
}

// taps are the four source positions and weights of one output position; borders
// are clamped.
type taps struct {
	at     [4]int
	weight [4]float64
}

func newTaps(from, to int, kernel func(distance float64) float64) []taps {
	ts := make([]taps, to)
	for i := range ts {
		x := (float64(i)+0.5)*float64(from)/float64(to) - 0.5
		base := int(math.Floor(x))
		for k := range 4 {
			p := base - 1 + k
			ts[i].at[k] = min(max(p, 0), from-1)
			ts[i].weight[k] = kernel(math.Abs(x - float64(p)))
		}
	}
	return ts
}

// triangle is the kernel of linear interpolation.
func triangle(x float64) float64 { return max(1-x, 0) }

// cubic is the convolution kernel of Keys (1981) with a = -0.75.
func cubic(x float64) float64 {
	const a = -0.75
	switch {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}
