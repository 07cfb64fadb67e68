package ops

import (
	"fmt"
	"math"
)

// SGD is one step of gradient descent with momentum, as PyTorch defines it
// (decay is part of the gradient, no dampening). With η = lr·LRScale and g
// clipped:
//
//	g ← g + WeightDecay·p
//	μ ← Momentum·μ + g
//	p ← p - η·μ, with Nesterov p - η·(g + Momentum·μ)
//
// Inputs p, g, μ, hyper = [lr], clip factor [1]; outputs p, μ.
type SGD struct {
	Momentum             float64
	Nesterov             bool
	WeightDecay, LRScale float64
}

func (k SGD) String() string {
	return fmt.Sprintf("sgd(%g,nesterov=%v,wd=%g,scale=%g)", k.Momentum, k.Nesterov, k.WeightDecay, k.LRScale)
}

func (k SGD) Infer(in []Spec) ([]Spec, error) { return inferUpdate(in, 1, 1) }

// InPlace lets parameter and slot be updated where they are.
func (k SGD) InPlace(out int) []int { return [][]int{{0}, {2}}[out] }

func (k SGD) Do(in, out []Buf) { byDtype(k, in, out, sgd[float32], sgd[float64]) }

func sgd[T Float](k SGD, in, out []Buf) {
	if !keptOnNaN[T](in, out) {
		descend[T](k, in, out, k.WeightDecay, 1)
	}
}

// keptOnNaN leaves parameter and slot as they are, and says so, where the clip
// factor is not a number.
func keptOnNaN[T Float](in, out []Buf) bool {
	clip := Of[T](in[4])[0]
	if clip == clip {
		return false
	}
	copy(out[0].Raw(), in[0].Raw())
	copy(out[1].Raw(), in[2].Raw())
	return true
}

// descend is the step of SGD on the gradient trust·(g + decay·p).
func descend[T Float](k SGD, in, out []Buf, decay, trust float64) {
	p, g, mu := Of[T](in[0]), Of[T](in[1]), Of[T](in[2])
	lr, clip := float64(Of[T](in[3])[0])*k.LRScale, float64(Of[T](in[4])[0])
	for i := range p {
		pi := float64(p[i])
		gi := trust * (clip*float64(g[i]) + decay*pi)
		mi := k.Momentum*float64(mu[i]) + gi
		step := mi
		if k.Nesterov {
			step = gi + k.Momentum*mi
		}
		Of[T](out[0])[i], Of[T](out[1])[i] = T(pi-lr*step), T(mi)
	}
}

// LARS is one step of layer-wise adaptive rate scaling (You, Gitman and Ginsburg
// 2017) as MAE's linear probe uses it. With η = lr·LRScale and g clipped, for a
// parameter of more than one dimension:
//
//	g ← g + WeightDecay·p
//	g ← g · Trust·‖p‖/‖g‖, unless one of the norms is 0
//
// and for all μ ← Momentum·μ + g, p ← p - η·μ. Inputs p, g, μ, hyper = [lr],
// clip factor [1]; outputs p, μ.
type LARS struct{ Momentum, Trust, WeightDecay, LRScale float64 }

func (k LARS) String() string {
	return fmt.Sprintf("lars(%g,trust=%g,wd=%g,scale=%g)", k.Momentum, k.Trust, k.WeightDecay, k.LRScale)
}

func (k LARS) Infer(in []Spec) ([]Spec, error) { return inferUpdate(in, 1, 1) }

// InPlace lets parameter and slot be updated where they are, once the norms are
// known.
func (k LARS) InPlace(out int) []int { return [][]int{{0}, {2}}[out] }

// Adapts reports whether a parameter has decay and a rate of its own.
func (k LARS) Adapts(p Spec) bool { return len(p.Shape) > 1 }

// Ratio is what the gradient of a parameter is multiplied by, given the squares
// of both norms.
func (k LARS) Ratio(param, grad float64) float64 {
	if param == 0 || grad == 0 {
		return 1
	}
	return k.Trust * math.Sqrt(param/grad)
}

func (k LARS) Do(in, out []Buf) { byDtype(k, in, out, lars[float32], lars[float64]) }

func lars[T Float](k LARS, in, out []Buf) {
	decay, trust := 0.0, 1.0
	if k.Adapts(in[0].Spec) {
		decay = k.WeightDecay
		g, clip := Of[T](in[1]), float64(Of[T](in[4])[0])
		var pp, gg float64
		for i, v := range Of[T](in[0]) {
			d := clip*float64(g[i]) + decay*float64(v)
			pp += float64(v) * float64(v)
			gg += d * d
		}
		trust = k.Ratio(pp, gg)
	}
	if !keptOnNaN[T](in, out) {
		descend[T](SGD{Momentum: k.Momentum, LRScale: k.LRScale}, in, out, decay, trust)
	}
}
