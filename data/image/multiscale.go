package image

import (
	stdimage "image"

	"m2pt/data"
)

// MultiScaleCrop takes one of a few boxes, resizes it to Side x Side and mirrors it
// with probability Flip: the crop of TSN (Wang et al. 2016), with which VideoMAE
// pretrains. Width and height are shares 1, 0.875, 0.75 or 0.66 of the picture's
// short side, at most one step apart. The box lies at 13 of the 5x5 places that are
// a quarter of the remaining width and height from each other: in the corners, at the
// edges, in the middle, and at the four places between that and the corners.
type MultiScaleCrop struct {
	Side   int
	Flip   float64
	Filter Filter
}

// Size returns Side.
func (t MultiScaleCrop) Size() int { return t.Side }

// Geometry draws a shape of the box, then a place, both uniformly.
func (t MultiScaleCrop) Geometry(key data.Key, w, h int) Geometry {
	const shapes, places = 10, 13
	r := key.Rand("crop")
	shape, place := r.IntN(shapes)+1, 2*r.IntN(places) // of a band three wide; every other one of 25
	i := shape / 3
	bw, bh := t.side(i-1+shape%3, min(w, h)), t.side(i, min(w, h))
	x, y := place%5*((w-bw)/4), place/5*((h-bh)/4)
	return Geometry{
		Box: stdimage.Rect(x, y, x+bw, y+bh), W: t.Side, H: t.Side,
		Window: stdimage.Rect(0, 0, t.Side, t.Side),
		Flip:   flip(key, t.Flip),
		Filter: t.Filter,
	}
}

// side is share i of the short side, or Side where that is two pixels away at most
// and fits: pixels then stay what they are.
func (t MultiScaleCrop) side(i, short int) int {
	s := max(int(float64(short)*[4]float64{1, 0.875, 0.75, 0.66}[i]), 1)
	if max(s-t.Side, t.Side-s) <= 2 && t.Side <= short {
		return t.Side
	}
	return s
}
