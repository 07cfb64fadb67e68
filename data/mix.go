package data

import (
	"fmt"
	"math"

	"m2pt/internal/philox"
)

// MixMode says for how many samples one draw of mixup or cutmix holds.
type MixMode int

// The modes of timm's Mixup.
const (
	MixBatch MixMode = iota // one draw per batch
	MixPair                 // one per pair (j, B-1-j)
	MixElem                 // one per sample
)

// ParseMixMode returns the mode called "batch", "pair" or "elem".
func ParseMixMode(name string) (MixMode, error) {
	for i, s := range []string{"batch", "pair", "elem"} {
		if s == name {
			return MixMode(i), nil
		}
	}
	return 0, fmt.Errorf("mixup mode %q: want batch, pair or elem", name)
}

// Mix draws the parameters of mixup and cutmix, timm's rule. Sample j is mixed
// with sample B-1-j:
//
//	mixup:  x <- lam*x[j] + (1-lam)*x[B-1-j]
//	cutmix: x <- x[j] with a box of x[B-1-j] pasted in, lam = 1 - area/(H*W)
//
// and either way the target is lam*t[j] + (1-lam)*t[B-1-j].
type Mix struct {
	Mixup, Cutmix float64    // alpha of lam ~ Beta(alpha, alpha); 0: never
	Prob          float64    // that anything is mixed
	Switch        float64    // that it is cutmix, where both alphas are positive
	CutmixMinMax  [2]float64 // if not zero: range of the box's sides as shares of the picture's, instead of by lam
	Mode          MixMode
}

// Draw writes the parameters for pictures h x w of a batch with keys [B,2]: lam
// [B], and box [B,4] = (y0, y1, x0, x1). An empty box means mixup, or nothing at
// all where lam is 1. A draw depends on the key of the first row it holds for,
// so it does not depend on workers.
func (m Mix) Draw(seed uint64, keys []int32, h, w int, lam []float32, box []int32) {
	b := len(lam)
	for j := range b {
		from := j // the row this one's draw is shared with
		switch m.Mode {
		case MixBatch:
			from = 0
		case MixPair:
			from = min(j, b-1-j)
		}
		if from != j {
			lam[j] = lam[from]
			copy(box[4*j:4*j+4], box[4*from:])
			continue
		}
		r := philox.New(seed, "mix", uint64(keys[2*j]), uint64(keys[2*j+1]))
		l, region := m.one(&r, h, w)
		lam[j] = float32(l)
		copy(box[4*j:4*j+4], region[:])
	}
}

// one draws lam and box once.
func (m Mix) one(r *philox.Rand, h, w int) (lam float64, box [4]int32) {
	if r.Float64() >= m.Prob {
		return 1, box
	}
	alpha, cut := m.Mixup, false
	if m.Cutmix > 0 && (m.Mixup <= 0 || r.Float64() < m.Switch) {
		alpha, cut = m.Cutmix, true
	}
	if alpha <= 0 {
		return 1, box
	}
	lam = r.Beta(alpha, alpha)
	if !cut {
		return lam, box
	}
	if m.CutmixMinMax != [2]float64{} {
		box = m.boxBySide(r, h, w)
	} else {
		box = CutBox(lam, h, w, r.IntN(h), r.IntN(w))
	}
	if lam = Kept(box, h, w); lam == 1 {
		return 1, [4]int32{} // an empty box is mixup's sign
	}
	return lam, box
}

// CutSize is height and width of cutmix's box of share 1-lam in a picture h x w.
func CutSize(lam float64, h, w int) (ch, cw int) {
	share := math.Sqrt(1 - lam)
	return int(float64(h) * share), int(float64(w) * share)
}

// CutBox is that box around the pixel (y, x), cut off at the borders.
func CutBox(lam float64, h, w, y, x int) [4]int32 {
	ch, cw := CutSize(lam, h, w)
	y0, y1 := span(y, ch, h)
	x0, x1 := span(x, cw, w)
	return [4]int32{y0, y1, x0, x1}
}

// Kept is the share of a picture h x w outside a box: cutmix's lam.
func Kept(box [4]int32, h, w int) float64 {
	return 1 - float64(box[1]-box[0])*float64(box[3]-box[2])/float64(h*w)
}

// span is [centre-length/2, centre+length/2) within 0..n, halves truncated.
func span(centre, length, n int) (lo, hi int32) {
	return int32(max(centre-length/2, 0)), int32(min(centre+length/2, n))
}

// boxBySide is a box with sides drawn uniformly from CutmixMinMax, wholly
// inside.
func (m Mix) boxBySide(r *philox.Rand, h, w int) [4]int32 {
	side := func(n int) (lo, hi int32) {
		least, most := int(float64(n)*m.CutmixMinMax[0]), int(float64(n)*m.CutmixMinMax[1])
		length := least + r.IntN(max(most-least, 1))
		at := r.IntN(max(n-length, 1))
		return int32(at), int32(at + length)
	}
	y0, y1 := side(h)
	x0, x1 := side(w)
	return [4]int32{y0, y1, x0, x1}
}
