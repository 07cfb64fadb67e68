package data

import (
	"math"

	"m2pt/internal/philox"
)

// Erase draws the rectangles of random erasing (timm's RandomErasing, one
// rectangle per sample, of timm's sizes).
type Erase struct{ Prob float64 }

const (
	minArea, maxArea = 0.02, 1.0 / 3 // range of the rectangle's share of the picture
	minAspect        = 0.3           // height/width is log-uniform in minAspect .. 1/minAspect
)

// Draw writes box [B,4] = (y0, y1, x0, x1) for pictures h x w of a batch with
// keys [B,2]. The box is all zeros where nothing is erased: by Prob, or because
// ten tries gave no rectangle smaller than the picture in both directions.
func (e Erase) Draw(seed uint64, keys []int32, h, w int, box []int32) {
	for j := range len(keys) / 2 {
		r := philox.New(seed, "erase", uint64(keys[2*j]), uint64(keys[2*j+1]))
		region := e.one(&r, h, w)
		copy(box[4*j:4*j+4], region[:])
	}
}

func (e Erase) one(r *philox.Rand, h, w int) (box [4]int32) {
	if r.Float64() >= e.Prob {
		return box
	}
	span := math.Log(1 / minAspect)
	for range 10 {
		area := float64(h*w) * r.Range(minArea, maxArea)
		aspect := math.Exp(r.Range(-span, span))
		eh := int(math.RoundToEven(math.Sqrt(area * aspect)))
		ew := int(math.RoundToEven(math.Sqrt(area / aspect)))
		if eh < h && ew < w {
			y, x := r.IntN(h-eh+1), r.IntN(w-ew+1)
			return [4]int32{int32(y), int32(y + eh), int32(x), int32(x + ew)}
		}
	}
	return box
}
