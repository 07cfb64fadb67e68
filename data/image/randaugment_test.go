package image

import (
	"math"
	"testing"

	"m2pt/data"
	"m2pt/internal/randaug"
)

// TestArguments has what timm 0.3.2 computes for a magnitude, both ways round.
func TestArguments(t *testing.T) {
	for _, c := range []struct {
		op                 opKind
		magnitude          float64
		increasing         bool
		positive, negative float64
	}{
		{opAutoContrast, 9, true, 0, 0},
		{opRotate, 9, true, 27, -27},
		{opRotate, 0, true, 0, 0},
		{opPosterize, 9, true, 1, 1},
		{opPosterize, 10, true, 0, 0},
		{opPosterize, 0, true, 4, 4},
		{opPosterize, 9, false, 3, 3},
		{opSolarize, 9, true, 26, 26}, // 256 - 230
		{opSolarize, 9, false, 230, 230},
		{opSolarizeAdd, 9, true, 99, 99},
		{opColor, 9, true, 1.81, 0.19},
		{opColor, 9, false, 1.72, 1.72},
		{opContrast, 5, true, 1.45, 0.55},
		{opBrightness, 0, true, 1, 1},
		{opSharpness, 0, false, 0.1, 0.1},
		{opShearX, 9, true, 0.27, -0.27},
		{opShearY, 10, false, 0.3, -0.3},
		{opTranslateXRel, 9, true, 0.405, -0.405},
		{opTranslateYRel, 10, true, 0.45, -0.45},
	} {
		for negate, want := range map[bool]float64{false: c.positive, true: c.negative} {
			got := newStep(c.op, c.magnitude/10, negate, c.increasing)
			if got.op != c.op || math.Abs(got.arg-want) > 1e-15 {
				t.Errorf("%s, magnitude %g, increasing %v, negated %v: %v, want %v", opNames()[c.op], c.magnitude, c.increasing, negate, got.arg, want)
			}
		}
	}
}

func TestFillColour(t *testing.T) {
	for mean, want := range map[[3]float64][3]uint8{
		{0.485, 0.456, 0.406}: {124, 116, 104},
		{0, 1, 0.5}:           {0, 255, 128},
		{-1, 2, 0.1}:          {0, 255, 26},
	} {
		if got := FillColour(mean); got != want {
			t.Errorf("mean %v: %v, want %v", mean, got, want)
		}
	}
}

// TestPosterizeToNothing: at magnitude 10 no bit is kept.
func TestPosterizeToNothing(t *testing.T) {
	c := canvas(noise(3, 3))
	c.do(step{opPosterize, 0}, Bicubic, [3]uint8{})
	for _, v := range pixels(c) {
		if v != 0 {
			t.Fatalf("level %d, want black", v)
		}
	}
}

// steps draws n steps of an operation.
func steps(a RandAugment, op opKind, n int) (all []step, skipped float64) {
	for i := range n {
		r := data.Key{Seed: 5, Sample: i}.Rand("augment")
		s, skip := a.step(&r, op)
		if skip {
			skipped++
		}
		all = append(all, s)
	}
	return all, skipped / float64(n)
}

func TestStepDistribution(t *testing.T) {
	const n = 20000
	all, skipped := steps(recipe(), opRotate, n)
	near(t, "skipped", skipped, 0.5, 0.015)
	var negative, sum, square, most float64
	for _, s := range all {
		m := math.Abs(s.arg) / 3
		sum, square, most = sum+m/n, square+m*m/n, max(most, m)
		if s.arg < 0 {
			negative += 1.0 / n
		}
	}
	// min(N(9, 0.25), 10) has mean 9 - 0.5*0.00849 and variance 0.2400
	near(t, "negative", negative, 0.5, 0.015)
	near(t, "magnitude", sum, 8.9958, 0.012)
	near(t, "its variance", square-sum*sum, 0.24, 0.01)
	if most > 10+1e-12 || most < 10-1e-12 {
		t.Errorf("largest magnitude %v, want 10", most)
	}
	fixed, _ := steps(RandAugment{Policy: randaug.Policy{Magnitude: 4, Ops: 1, Increasing: true}}, opShearX, 100)
	for _, s := range fixed {
		near(t, "shear without deviation", math.Abs(s.arg), 0.12, 1e-15)
	}
}

// TestMagnitudeEnds: no draw leaves 0..10.
func TestMagnitudeEnds(t *testing.T) {
	for _, m := range []int{0, 10} {
		all, _ := steps(RandAugment{Policy: randaug.Policy{Magnitude: m, Std: 5, Ops: 1}}, opSolarizeAdd, 2000)
		ends := map[float64]float64{}
		for _, s := range all {
			if s.arg < 0 || s.arg > 110 {
				t.Fatalf("magnitude %d: solarize adds %g", m, s.arg)
			}
			ends[s.arg]++
		}
		near(t, "clipped share", ends[float64(11*m)]/2000, 0.51, 0.04)
	}
}

// TestChoice: operations come equally often, or by weight and each once.
func TestChoice(t *testing.T) {
	const n = 30000
	var uniform, weighted [numOps]float64
	for i := range n {
		r := data.Key{Sample: i}.Rand("augment")
		uniform[r.IntN(numOps)] += 1.0 / n
		weights := opWeights()
		weighted[choose(&r, &weights)] += 1.0 / n
	}
	for op, w := range opWeights() {
		near(t, "share of "+opNames()[op], uniform[op], 1.0/numOps, 0.006)
		near(t, "weighted share of "+opNames()[op], weighted[op], w, 0.01)
		if w == 0 && weighted[op] > 0 {
			t.Errorf("%s has no weight, but is chosen", opNames()[op])
		}
	}
	r := data.Key{}.Rand("augment")
	weights, seen := opWeights(), map[opKind]bool{}
	for range randaug.MaxWeighted {
		seen[choose(&r, &weights)] = true
	}
	if len(seen) != randaug.MaxWeighted || seen[opPosterize] || seen[opInvert] {
		t.Errorf("%d different operations of %d weighted draws: %v", len(seen), randaug.MaxWeighted, seen)
	}
}

// TestPolicyCounts: Apply carries out Ops operations, each half of the time, so a
// picture stays as it is in about 1/2^Ops of the cases, and some more where an
// operation happens to change nothing.
func TestPolicyCounts(t *testing.T) {
	const n = 2000
	src := noise(10, 10)
	for _, ops := range []int{1, 2, 5} {
		a, same := recipe(), 0.0
		a.Ops = ops
		for i := range n {
			c := canvas(src)
			a.Apply(data.Key{Sample: i}, c)
			if string(pixels(c)) == string(src.Pix) {
				same++
			}
		}
		p := math.Pow(0.5+0.5/numOps, float64(ops)) // Equalize leaves so few pixels alone
		near(t, "unchanged", same/n, p, 0.035)
	}
}
