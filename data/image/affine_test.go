package image

import (
	"math"
	"math/big"
	"testing"

	"m2pt/internal/fixture"
)

// TestSincos compares with sums of Taylor in 200 bits: nearly all results must be
// the nearest float64.
func TestSincos(t *testing.T) {
	const n = 2000
	wrong := 0
	for i := range n {
		degrees := float64(i)*60/n - 30.0123
		if degrees < 0 {
			degrees += 360
		}
		x := -degrees * math.Pi / 180
		sin, cos := sincos(x)
		wantSin, wantCos := taylor(x, 1), taylor(x, 0)
		near(t, "sine", sin, wantSin, 2e-16)
		near(t, "cosine", cos, wantCos, 2e-16)
		if sin != wantSin || cos != wantCos {
			wrong++
		}
	}
	if wrong > n/50 {
		t.Errorf("%d of %d angles are not rounded to nearest", wrong, n)
	}
}

// TestRotation compares with matrices that Pillow computed
// (scripts/pillow_augment.py).
func TestRotation(t *testing.T) {
	f := fixture.OpenNPZ(t, "testdata/augment.npz")
	angles, _ := fixture.Read[float64](t, f, "rotation/degrees")
	matrices, shape := fixture.Read[float64](t, f, "rotation/matrices")
	if len(angles) < 100 || shape[0] != len(angles) || shape[1] != 6 {
		t.Fatalf("%d angles, matrices %v", len(angles), shape)
	}
	for i, degrees := range angles {
		if got, want := rotation(degrees, 224, 200), affine(matrices[6*i:]); got != want {
			t.Errorf("%v degrees: %v, want %v", degrees, got, want)
		}
	}
}

// taylor is the sum of (-1)^k x^(2k+first) / (2k+first)!
func taylor(x float64, first int) float64 {
	exact := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
	term, sum := exact(1), exact(0)
	if first == 1 {
		term = exact(x)
	}
	for k := first; k < 60; k += 2 {
		sum.Add(sum, term)
		term.Mul(term, exact(-x)).Mul(term, exact(x)).Quo(term, exact(float64((k+1)*(k+2))))
	}
	v, _ := sum.Float64()
	return v
}

// TestRound15 has the values of Python's round(x, 15).
func TestRound15(t *testing.T) {
	for _, c := range []struct{ x, want float64 }{
		{0, 0}, {1, 1}, {-1, -1}, {0.5, 0.5},
		{0.1234567890123456, 0.123456789012346},
		{-0.1234567890123454, -0.123456789012345},
		{3.0000000000005e-4, 0.0003},            // 300000000000.05e-15
		{0.2424076583217965, 0.242407658321797}, // above a half that the product hides
		{0.1462186465510135, 0.146218646551013}, // and below one
		{-0.2424076583217965, -0.242407658321797},
		{2.5e-15, 2e-15},             // the float64 lies below the half
		{3.5e-15, 4e-15},             // and this one above
		{0x1p-16, 0.000015258789062}, // 15258789062.5e-15: to even
		{0x3p-16, 0.000045776367188}, // 45776367187.5e-15
	} {
		if got := round15(c.x); got != c.want {
			t.Errorf("%v: %v, want %v", c.x, got, c.want)
		}
	}
}
