package ops

import (
	"fmt"
	"math"
	"slices"
)

// GradNorm is the Euclidean norm of all its inputs together, shape [1].
type GradNorm struct{}

// GradNorm is the global norm of the gradients.
func (g *Graph) GradNorm(grads ...*Node) *Node { return g.Apply(GradNorm{}, grads...) }

func (k GradNorm) String() string { return "grad_norm" }

func (k GradNorm) Infer(in []Spec) ([]Spec, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("no gradients")
	}
	return []Spec{in[0].like(1)}, nil
}

func (k GradNorm) Do(in, out []Buf) { byDtype(k, in, out, gradNorm[float32], gradNorm[float64]) }

func gradNorm[T Float](_ GradNorm, in, out []Buf) {
	var s float64
	for _, g := range in {
		for _, v := range Of[T](g) {
			s += float64(v) * float64(v)
		}
	}
	Of[T](out[0])[0] = T(math.Sqrt(s))
}

// ClipFactor is min(1, Max/(‖g‖+1e-6)) of a gradient norm, 1 where Max is 0. A
// norm, or any further input [1] such as the loss, that is not finite gives NaN,
// on which AdamW and EMA leave their state as it is: a bad step never reaches
// the weights, on any device, without asking the host.
type ClipFactor struct{ Max float64 }

// ClipFactor is the factor that clips gradients of the given norm, NaN unless
// all guards are finite too.
func (g *Graph) ClipFactor(norm *Node, limit float64, guards ...*Node) *Node {
	return g.Apply(ClipFactor{limit}, append([]*Node{norm}, guards...)...)
}

func (k ClipFactor) String() string { return fmt.Sprintf("clip_factor(%g)", k.Max) }

func (k ClipFactor) Infer(in []Spec) ([]Spec, error) {
	for _, s := range in {
		if s.Len() != 1 || s.Dtype != in[0].Dtype {
			return nil, fmt.Errorf("%v and %v, want single numbers", in[0], s)
		}
	}
	return in[:1], nil
}

func (k ClipFactor) Do(in, out []Buf) { byDtype(k, in, out, clipFactor[float32], clipFactor[float64]) }

func clipFactor[T Float](k ClipFactor, in, out []Buf) {
	norm, factor := float64(Of[T](in[0])[0]), 1.0
	if k.Max > 0 {
		factor = min(1, k.Max/(norm+1e-6))
	}
	for _, guard := range in {
		if v := float64(Of[T](guard)[0]); v-v != 0 { // NaN or infinite
			factor = math.NaN()
		}
	}
	Of[T](out[0])[0] = T(factor)
}

// AdamW is one step of AdamW (Loshchilov and Hutter 2019) with decoupled decay
// first, as PyTorch orders it. With η = lr·LRScale and g clipped:
//
//	p ← p·(1 - η·WeightDecay)
//	m ← β₁·m + (1-β₁)·g,  v ← β₂·v + (1-β₂)·g²
//	p ← p - η/(1-β₁ᵗ) · m / (√v/√(1-β₂ᵗ) + ε)
//
// Inputs p, g, m, v, hyper = [lr, 1-β₁ᵗ, 1-β₂ᵗ], clip factor [1]; outputs p, m, v.
type AdamW struct {
	Beta1, Beta2, Eps    float64
	WeightDecay, LRScale float64
}

func (k AdamW) String() string {
	return fmt.Sprintf("adamw(%g,%g,%g,wd=%g,scale=%g)", k.Beta1, k.Beta2, k.Eps, k.WeightDecay, k.LRScale)
}

func (k AdamW) Infer(in []Spec) ([]Spec, error) { return inferUpdate(in, 2, 3) }

// inferUpdate is the shape rule of one step of an optimizer: inputs p, g, as
// many slots, all alike, hyper of the given length and clip factor; outputs p
// and the slots.
func inferUpdate(in []Spec, slots, hyper int) ([]Spec, error) {
	if len(in) != slots+4 {
		return nil, fmt.Errorf("%d operands, want %d", len(in), slots+4)
	}
	p, h, clip := in[0], in[slots+2], in[slots+3]
	for i, s := range in[1 : slots+2] {
		if !s.Equal(p) {
			return nil, fmt.Errorf("parameter is %v, operand %d %v", p, i+1, s)
		}
	}
	if h.Len() != hyper || clip.Len() != 1 {
		return nil, fmt.Errorf("hyper %v, clip %v, want [%d] and [1]", h.Shape, clip.Shape, hyper)
	}
	return slices.Repeat([]Spec{p}, slots+1), nil
}

// InPlace lets parameter and slots be updated where they are.
func (k AdamW) InPlace(out int) []int { return [][]int{{0}, {2}, {3}}[out] }

func (k AdamW) Do(in, out []Buf) { byDtype(k, in, out, adamW[float32], adamW[float64]) }

func adamW[T Float](k AdamW, in, out []Buf) {
	hyper, clip := Of[T](in[4]), float64(Of[T](in[5])[0])
	p, g, m, v := Of[T](in[0]), Of[T](in[1]), Of[T](in[2]), Of[T](in[3])
	if math.IsNaN(clip) {
		for i, from := range []int{0, 2, 3} {
			copy(out[i].Raw(), in[from].Raw())
		}
		return
	}
	lr := float64(hyper[0]) * k.LRScale
	step, root := lr/float64(hyper[1]), math.Sqrt(float64(hyper[2]))
	for i := range p {
		gi := clip * float64(g[i])
		mi := k.Beta1*float64(m[i]) + (1-k.Beta1)*gi
		vi := k.Beta2*float64(v[i]) + (1-k.Beta2)*gi*gi
		pi := float64(p[i]) * (1 - lr*k.WeightDecay)
		Of[T](out[0])[i] = T(pi - step*mi/(math.Sqrt(vi)/root+k.Eps))
		Of[T](out[1])[i], Of[T](out[2])[i] = T(mi), T(vi)
	}
}

// EMA is the exponential moving average e ← d·e + (1-d)·p. Inputs e, p, clip
// factor [1] (see ClipFactor).
type EMA struct{ Decay float64 }

func (k EMA) String() string { return fmt.Sprintf("ema(%g)", k.Decay) }

func (k EMA) Infer(in []Spec) ([]Spec, error) {
	if !in[0].Equal(in[1]) || in[2].Len() != 1 {
		return nil, fmt.Errorf("average %v, parameter %v, clip %v", in[0], in[1], in[2])
	}
	return in[:1], nil
}

func (k EMA) InPlace(int) []int { return []int{0} }

func (k EMA) Do(in, out []Buf) { byDtype(k, in, out, ema[float32], ema[float64]) }

func ema[T Float](k EMA, in, out []Buf) {
	e, p, y, clip := Of[T](in[0]), Of[T](in[1]), Of[T](out[0]), Of[T](in[2])[0]
	for i := range y {
		y[i] = e[i]
		if clip == clip { // not NaN
			y[i] = T(k.Decay*float64(e[i]) + (1-k.Decay)*float64(p[i]))
		}
	}
}
