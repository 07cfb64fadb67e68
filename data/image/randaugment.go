package image

import (
	"math"

	"m2pt/data"
	"m2pt/internal/philox"
	"m2pt/internal/randaug"
)

// RandAugment applies Policy.Ops operations in sequence, each drawn uniformly
// from the fifteen, with replacement, and skipped half of the time. Their
// magnitude is drawn from N(Magnitude, Std^2) and clipped to 0..10. It follows
// timm's RandAugment.
type RandAugment struct {
	randaug.Policy
	Filter Filter   // of the geometric operations
	Fill   [3]uint8 // colour of what they bring in from outside
}

// FillColour is a mean colour, given in shares of 255, in whole levels.
func FillColour(mean [3]float64) (fill [3]uint8) {
	for i, m := range mean {
		fill[i] = uint8(math.RoundToEven(min(max(m, 0), 1) * 255))
	}
	return fill
}

// Apply draws the operations and carries them out.
func (a RandAugment) Apply(key data.Key, c *Canvas) {
	r := key.Rand("augment")
	weights := opWeights()
	for range a.Ops {
		op := opKind(r.IntN(numOps))
		if a.Weighted {
			op = choose(&r, &weights)
		}
		s, skip := a.step(&r, op)
		if !skip {
			c.do(s, a.Filter, a.Fill)
		}
	}
}

// step draws the strength of an operation, and whether to leave it out.
func (a RandAugment) step(r *philox.Rand, op opKind) (s step, skip bool) {
	skip = r.Float64() >= 0.5
	m := float64(a.Magnitude) + float64(a.Std*r.Norm())
	return newStep(op, min(max(m, 0), 10)/10, r.Float64() < 0.5, a.Increasing), skip
}

// choose draws an operation by weight and sets its weight to 0.
func choose(r *philox.Rand, weights *[numOps]float64) opKind {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	x, op := total*r.Float64(), opKind(0)
	for i, w := range weights {
		if w == 0 {
			continue
		}
		if op = opKind(i); x < w {
			break
		}
		x -= w
	}
	weights[op] = 0
	return op
}

// opKind is an operation, named as in timm.
type opKind int

const (
	opAutoContrast opKind = iota
	opEqualize
	opInvert
	opRotate
	opPosterize
	opSolarize
	opSolarizeAdd
	opColor
	opContrast
	opBrightness
	opSharpness
	opShearX
	opShearY
	opTranslateXRel
	opTranslateYRel
	numOps = iota
)

// opWeights are those of timm's w0, by operation.
func opWeights() [numOps]float64 {
	return [numOps]float64{
		opAutoContrast: 0.025, opEqualize: 0.005, opRotate: 0.3, opSolarize: 0.005, opSolarizeAdd: 0.005,
		opColor: 0.025, opContrast: 0.005, opBrightness: 0.005, opSharpness: 0.025,
		opShearX: 0.2, opShearY: 0.2, opTranslateXRel: 0.1, opTranslateYRel: 0.1,
	}
}

// step is an operation with its argument: degrees (Rotate), bits kept
// (Posterize), a threshold (Solarize), an amount (SolarizeAdd), a factor (Color,
// Contrast, Brightness, Sharpness), a slope (Shear), a share of the side
// (Translate); otherwise it has none.
type step struct {
	op  opKind
	arg float64
}

// newStep is the operation at strength 0..1, a tenth of the magnitude. Negate
// turns those around that have a direction.
func newStep(op opKind, strength float64, negate, increasing bool) step {
	sign := 1.0
	if negate {
		sign = -1
	}
	arg := 0.0
	switch op {
	case opRotate:
		arg = sign * (strength * 30)
	case opPosterize:
		arg = stronger(4, strength, increasing)
	case opSolarize:
		arg = stronger(256, strength, increasing)
	case opSolarizeAdd:
		arg = float64(int(strength * 110))
	case opColor, opContrast, opBrightness, opSharpness:
		if arg = float64(strength*1.8) + 0.1; increasing {
			arg = 1 + float64(sign*(strength*0.9))
		}
	case opShearX, opShearY:
		arg = sign * (strength * 0.3)
	case opTranslateXRel, opTranslateYRel:
		arg = sign * (strength * 0.45)
	}
	return step{op, arg}
}

// stronger is floor(most*strength), or most minus that where a smaller argument
// has more effect and that is to grow.
func stronger(most, strength float64, increasing bool) float64 {
	n := float64(int(strength * most))
	if increasing {
		return most - n
	}
	return n
}

// do carries a step out.
func (c *Canvas) do(s step, f Filter, fill [3]uint8) {
	switch s.op {
	case opAutoContrast:
		c.autoContrast()
	case opEqualize:
		c.equalize()
	case opInvert:
		c.invert()
	case opPosterize:
		c.posterize(int(s.arg))
	case opSolarize:
		c.solarize(int(s.arg))
	case opSolarizeAdd:
		c.solarizeAdd(int(s.arg))
	case opColor:
		c.color(float32(s.arg))
	case opContrast:
		c.contrast(float32(s.arg))
	case opBrightness:
		c.brightness(float32(s.arg))
	case opSharpness:
		c.sharpness(float32(s.arg))
	default:
		c.transform(s.matrix(c.W, c.H), f, fill)
	}
}

// matrix is the affine map of a geometric step.
func (s step) matrix(w, h int) affine {
	m := affine{1, 0, 0, 0, 1, 0}
	switch s.op {
	case opRotate:
		return rotation(s.arg, w, h)
	case opShearX:
		m[1] = s.arg
	case opShearY:
		m[3] = s.arg
	case opTranslateXRel:
		m[2] = s.arg * float64(w)
	case opTranslateYRel:
		m[5] = s.arg * float64(h)
	}
	return m
}
