package image

import (
	stdimage "image"
	"math"

	"m2pt/data"
)

// Transform chooses the geometry of a sample. Random transforms draw from the
// key, so that a geometry is a function of (key, picture size).
type Transform interface {
	Size() int // side of the square result in pixels
	Geometry(key data.Key, w, h int) Geometry
}

// Eval resizes the short side to Short (the long side is truncated) and takes
// the central Crop x Crop.
type Eval struct {
	Short, Crop int
	Filter      Filter
}

// CropPct is the transform of evaluation by timm's rule: the short side becomes
// floor(size/pct). The reference uses pct = 224/256 up to 224 pixels and 1 above;
// pct 0 stands for that.
func CropPct(size int, pct float64, f Filter) Eval {
	switch {
	case pct == 0 && size <= 224:
		return Eval{size * 256 / 224, size, f}
	case pct == 0:
		return Eval{size, size, f}
	}
	return Eval{int(float64(size) / pct), size, f}
}

// Size returns Crop.
func (t Eval) Size() int { return t.Crop }

// Geometry uses no random numbers.
func (t Eval) Geometry(_ data.Key, w, h int) Geometry {
	nw, nh := t.Short, t.Short*h/w
	if w > h {
		nw, nh = t.Short*w/h, t.Short
	}
	x, y := centre(nw, t.Crop), centre(nh, t.Crop)
	return Geometry{
		Box: stdimage.Rect(0, 0, w, h), W: nw, H: nh,
		Window: stdimage.Rect(x, y, x+t.Crop, y+t.Crop),
		Filter: t.Filter,
	}
}

// centre is the offset of a centred crop, rounded half to even as in
// torchvision.
func centre(size, crop int) int { return int(math.RoundToEven(float64(size-crop) / 2)) }

// RandomResizedCrop takes a box of random area and shape, resizes it to
// Side x Side and mirrors it with probability Flip.
type RandomResizedCrop struct {
	Side   int
	Scale  [2]float64 // range of the box's share of the picture, (0.08, 1) in fine-tuning
	Ratio  [2]float64 // range of width/height, drawn log-uniformly, (3/4, 4/3)
	Flip   float64
	Filter Filter

	// Once draws a single box and cuts its sides to the picture's, as BYOL and
	// MAE's linear probing do, instead of trying again where it does not fit.
	Once bool
}

// Size returns Side.
func (t RandomResizedCrop) Size() int { return t.Side }

// Geometry draws the box by torchvision's rule: ten tries, then the largest
// central box whose shape is within Ratio; or by Once.
func (t RandomResizedCrop) Geometry(key data.Key, w, h int) Geometry {
	return Geometry{
		Box: t.box(key, w, h), W: t.Side, H: t.Side,
		Window: stdimage.Rect(0, 0, t.Side, t.Side),
		Flip:   flip(key, t.Flip),
		Filter: t.Filter,
	}
}

func (t RandomResizedCrop) box(key data.Key, w, h int) stdimage.Rectangle {
	r := key.Rand("crop")
	for range 10 {
		area := float64(w) * float64(h) * r.Range(t.Scale[0], t.Scale[1])
		ratio := math.Exp(r.Range(math.Log(t.Ratio[0]), math.Log(t.Ratio[1])))
		bw := int(math.RoundToEven(math.Sqrt(area * ratio)))
		bh := int(math.RoundToEven(math.Sqrt(area / ratio)))
		if t.Once {
			bw, bh = min(bw, w), min(bh, h)
		}
		if 0 < bw && bw <= w && 0 < bh && bh <= h {
			x, y := r.IntN(w-bw+1), r.IntN(h-bh+1)
			return stdimage.Rect(x, y, x+bw, y+bh)
		}
	}
	bw, bh := w, h
	switch ratio := float64(w) / float64(h); {
	case ratio < t.Ratio[0]:
		bh = int(math.RoundToEven(float64(w) / t.Ratio[0]))
	case ratio > t.Ratio[1]:
		bw = int(math.RoundToEven(float64(h) * t.Ratio[1]))
	}
	x, y := (w-bw)/2, (h-bh)/2
	return stdimage.Rect(x, y, x+bw, y+bh)
}

// Shift resizes to Side x Side where the picture has another size, moves it by
// up to Pad pixels in both directions, filling with zeros (the same as padding
// and cropping at random), and mirrors it with probability Flip. It is the usual
// transform of CIFAR.
type Shift struct {
	Side, Pad int
	Flip      float64
	Filter    Filter
}

// Size returns Side.
func (t Shift) Size() int { return t.Side }

// Geometry draws both offsets uniformly from -Pad..Pad.
func (t Shift) Geometry(key data.Key, w, h int) Geometry {
	r := key.Rand("crop")
	x, y := r.IntN(2*t.Pad+1)-t.Pad, r.IntN(2*t.Pad+1)-t.Pad
	return Geometry{
		Box: stdimage.Rect(0, 0, w, h), W: t.Side, H: t.Side,
		Window: stdimage.Rect(x, y, x+t.Side, y+t.Side),
		Flip:   flip(key, t.Flip),
		Filter: t.Filter,
	}
}

func flip(key data.Key, p float64) bool {
	r := key.Rand("flip")
	return r.Float64() < p
}
