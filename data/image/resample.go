package image

import (
	"fmt"
	stdimage "image"
	"slices"
)

// Geometry says where the pixels of a sample come from: Box of the picture is
// resized to W x H; Window, in the coordinates of the resized box, is the
// sample, zero where it lies outside; Flip mirrors it left to right.
type Geometry struct {
	Box    stdimage.Rectangle
	W, H   int
	Window stdimage.Rectangle
	Flip   bool
	Filter Filter
}

// Resampler carries out geometries and keeps the memory that takes. The zero
// value is ready; it is not safe for concurrent use.
//
// It computes what Pillow's resize computes: a horizontal, then a vertical
// pass, each rounding to 8 bits, with weights of 22 fractional bits. Two sums
// share one 64-bit integer: lane sums stay below 2^31 in magnitude, so a single
// multiplication serves two pixels without one disturbing the other.
type Resampler struct {
	columns, rows axis
	source        [3][]int64 // one pair of source rows per colour, lanes (row y, row y+1)
	narrow        []int64    // [3, rows, half] after the horizontal pass, lanes (x, x+half)
	acc           []int64    // [half] sums of one output row
}

// Render writes the planes [3, Window.Dy, Window.Dx] of a geometry into dst.
func (r *Resampler) Render(dst []uint8, src *Picture, g Geometry) error {
	bounds := stdimage.Rect(0, 0, src.W, src.H)
	w, h := g.Window.Dx(), g.Window.Dy()
	switch {
	case g.Box.Empty() || !g.Box.In(bounds):
		return fmt.Errorf("box %v is not inside the %dx%d picture", g.Box, src.W, src.H)
	case g.W < 1 || g.H < 1:
		return fmt.Errorf("resize of %dx%d to %dx%d: the size must be positive", g.Box.Dx(), g.Box.Dy(), g.W, g.H)
	case len(dst) != 3*w*h:
		return fmt.Errorf("window %v: %d bytes to write into, want %d", g.Window, len(dst), 3*w*h)
	}
	inside := g.Window.Intersect(stdimage.Rect(0, 0, g.W, g.H))
	if inside != g.Window {
		clear(dst)
	}
	switch {
	case inside.Empty():
	case g.Box.Dx() == g.W && g.Box.Dy() == g.H:
		copyPlanes(dst, src, g, inside)
	default:
		r.resize(dst, src, g, inside)
	}
	if g.Flip {
		for row := range slices.Chunk(dst, w) {
			slices.Reverse(row)
		}
	}
	return nil
}

// copyPlanes is Render without a resize.
func copyPlanes(dst []uint8, src *Picture, g Geometry, inside stdimage.Rectangle) {
	w, plane := g.Window.Dx(), g.Window.Dx()*g.Window.Dy()
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		from := src.Pix[3*((g.Box.Min.Y+y)*src.W+g.Box.Min.X+inside.Min.X):][:3*inside.Dx()]
		to := (y-g.Window.Min.Y)*w + inside.Min.X - g.Window.Min.X
		for c := range 3 {
			row := dst[c*plane+to:][:inside.Dx()]
			for x := range row {
				row[x] = from[3*x+c]
			}
		}
	}
}

// resize fills the part of the window that lies inside the resized box.
func (r *Resampler) resize(dst []uint8, src *Picture, g Geometry, inside stdimage.Rectangle) {
	r.columns.plan(g.Filter, g.Box.Dx(), g.W, inside.Min.X, inside.Max.X)
	r.rows.plan(g.Filter, g.Box.Dy(), g.H, inside.Min.Y, inside.Max.Y)
	top := r.rows.first[0]
	last, taps := r.rows.taps(inside.Dy() - 1)
	n := (last + len(taps) - top + 1) &^ 1 // rows that the vertical pass reads, made even
	half := (inside.Dx() + 1) / 2
	r.narrow = grow(r.narrow, 3*n*half)
	for y := 0; y < n; y += 2 {
		r.pack(src, g.Box, top+y, min(top+y+1, g.Box.Dy()-1))
		r.horizontal(y, n, half, inside.Dx())
	}
	r.acc = grow(r.acc, half)
	w, plane := g.Window.Dx(), g.Window.Dx()*g.Window.Dy()
	at := inside.Min.Sub(g.Window.Min)
	for c := range 3 {
		for o := range inside.Dy() {
			first, weights := r.rows.taps(o)
			to := dst[c*plane+(at.Y+o)*w+at.X:][:inside.Dx()]
			vertical(to, r.narrow[(c*n+first-top)*half:], weights, r.acc)
		}
	}
}

// pack puts rows y0 and y1 of the box into the lanes of r.source, by colour.
func (r *Resampler) pack(src *Picture, box stdimage.Rectangle, y0, y1 int) {
	n := box.Dx()
	for c := range r.source {
		r.source[c] = grow(r.source[c], n)
	}
	red, green, blue := r.source[0], r.source[1][:n], r.source[2][:n]
	a := src.Pix[3*((box.Min.Y+y0)*src.W+box.Min.X):][:3*n]
	b := src.Pix[3*((box.Min.Y+y1)*src.W+box.Min.X):][:3*n]
	for x := range red {
		p, q := a[3*x:3*x+3], b[3*x:3*x+3]
		red[x] = int64(p[0]) | int64(q[0])<<32
		green[x] = int64(p[1]) | int64(q[1])<<32
		blue[x] = int64(p[2]) | int64(q[2])<<32
	}
}

// horizontal filters the packed rows into rows y and y+1 of r.narrow, where colours
// are n rows apart.
func (r *Resampler) horizontal(y, n, half, w int) {
	red, green, blue := r.narrow[y*half:][:2*half], r.narrow[(n+y)*half:][:2*half], r.narrow[(2*n+y)*half:][:2*half]
	for x := range half {
		r0, g0, b0 := r.pixel(x)
		r1, g1, b1 := r.pixel(min(x+half, w-1)) // one too many where w is odd
		red[x], red[x+half] = join(r0, r1)
		green[x], green[x+half] = join(g0, g1)
		blue[x], blue[x+half] = join(b0, b1)
	}
}

// pixel filters pixel x of both packed rows.
func (r *Resampler) pixel(x int) (red, green, blue int64) {
	first, weights := r.columns.taps(x)
	reds := r.source[0][first:][:len(weights)]
	greens := r.source[1][first:][:len(weights)]
	blues := r.source[2][first:][:len(weights)]
	red, green, blue = rounding, rounding, rounding
	for t, k := range weights {
		red += reds[t] * k
		green += greens[t] * k
		blue += blues[t] * k
	}
	return red, green, blue
}

// join exchanges lanes: from sums of two rows each, at x and at x+half, to a pair of
// pixels for each row.
func join(left, right int64) (row, below int64) {
	a, b := lanes(left)
	c, d := lanes(right)
	return int64(a) | int64(c)<<32, int64(b) | int64(d)<<32
}

// vertical filters len(weights) rows of narrow, each len(acc) long, into one
// row of a plane.
func vertical(dst []uint8, narrow, weights, acc []int64) {
	for i := range acc {
		acc[i] = rounding
	}
	for len(weights) > 0 {
		k := weights[0]
		row := narrow[:len(acc)]
		for i, v := range row {
			acc[i] += v * k
		}
		narrow, weights = narrow[len(acc):], weights[1:]
	}
	right := dst[len(acc):]
	for i, s := range acc {
		lo, hi := lanes(s)
		dst[i] = lo
		if i < len(right) {
			right[i] = hi
		}
	}
}

// rounding is one half in both lanes.
const rounding = 1<<(weightBits-1) | 1<<(weightBits-1)<<32

// lanes splits a sum into its lanes and brings them back to bytes, clamped.
func lanes(s int64) (lo, hi uint8) {
	l := int32(s)
	return clamp(l >> weightBits), clamp(int32((s-int64(l))>>32) >> weightBits)
}

func clamp(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
