package point

import (
	"fmt"
	"math"
	"strings"

	"m2pt/internal/philox"
)

// Augment is what training does to the points of a sample at random, in this order;
// the zero value does nothing.
type Augment struct {
	Flip           bool    // mirror each of the axes but Up with probability 1/2
	Rotate         bool    // turn about Up by any angle
	ScaleTranslate bool    // each axis by a factor of its own in [2/3, 3/2), then shifted by up to 0.2: classification
	ScaleShift     bool    // all axes by one factor in [0.8, 1.25), then each shifted by up to 0.1: part segmentation
	Jitter         bool    // normal noise of 0.01, at most 0.05
	Dropout        float64 // put a share of up to this much of the points, 0.5 in the reference, in the place of the first one
	Up             string  // axis that stays upright: "x", "y" or "z"; "" means "y", as in ShapeNet (ModelNet has z)
}

// check finds parameters that are out of range.
func (a *Augment) check() error {
	if a.Up != "" && (len(a.Up) != 1 || !strings.Contains("xyz", a.Up)) {
		return fmt.Errorf("up %q: want x, y or z", a.Up)
	}
	if !(a.Dropout >= 0 && a.Dropout < 1) {
		return fmt.Errorf("dropout %g: want 0 to below 1", a.Dropout)
	}
	return nil
}

// up returns the upright axis, 0 to 2.
func (a *Augment) up() int {
	if a.Up == "" {
		return 1
	}
	return strings.Index("xyz", a.Up)
}

// apply augments xyz [N,3].
func (a *Augment) apply(xyz []float32, r *philox.Rand) {
	if a.Flip {
		for k := 1; k <= 2; k++ {
			if r.IntN(2) == 0 {
				Flip(xyz, (a.up()+k)%3)
			}
		}
	}
	if a.Rotate {
		Rotate(xyz, a.up(), r.Range(0, 2*math.Pi))
	}
	if a.ScaleTranslate {
		scale, shift := triple(r, 2./3, 3./2), triple(r, -0.2, 0.2)
		ScaleTranslate(xyz, scale, shift)
	}
	if a.ScaleShift {
		s := float32(r.Range(0.8, 1.25))
		ScaleTranslate(xyz, [3]float32{s, s, s}, triple(r, -0.1, 0.1))
	}
	if a.Jitter {
		Jitter(xyz, 0.01, 0.05, r)
	}
	if a.Dropout > 0 {
		Drop(xyz, r.Range(0, a.Dropout), r)
	}
}

// triple returns three numbers in [lo, hi).
func triple(r *philox.Rand, lo, hi float64) (v [3]float32) {
	for k := range v {
		v[k] = float32(r.Range(lo, hi))
	}
	return v
}
