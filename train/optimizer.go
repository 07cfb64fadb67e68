package train

import (
	"math"

	"m2pt/experiment"
	"m2pt/ops"
)

// Optimizer is the rule that makes an update of a gradient; what differs between
// groups is in [Group].
type Optimizer interface {
	// Slots are the names, as suffixes, of the state beside every parameter.
	Slots() []string
	// Kind is the operation for parameters of a group. Its inputs are the
	// parameter, its gradient, the slots, the feed of Hyper and the clip factor;
	// its outputs the new parameter and slots.
	Kind(g Group) ops.Kind
	// Hyper is what the host feeds for update t, counted from 1, of the given
	// learning rate.
	Hyper(lr float64, t int64) []float32
}

// AdamW is Adam with decoupled weight decay; see [ops.AdamW].
type AdamW struct {
	Beta1, Beta2, Eps float64
}

// Slots are the two moments.
func (a AdamW) Slots() []string { return []string{".exp_avg", ".exp_avg_sq"} }

// Kind is ops.AdamW.
func (a AdamW) Kind(g Group) ops.Kind {
	return ops.AdamW{Beta1: a.Beta1, Beta2: a.Beta2, Eps: a.Eps, WeightDecay: g.WeightDecay, LRScale: g.LRScale}
}

// Hyper are lr, 1-β₁ᵗ and 1-β₂ᵗ.
func (a AdamW) Hyper(lr float64, t int64) []float32 {
	return []float32{float32(lr), float32(1 - math.Pow(a.Beta1, float64(t))), float32(1 - math.Pow(a.Beta2, float64(t)))}
}

// SGD is stochastic gradient descent with momentum; see [ops.SGD].
type SGD struct {
	Momentum float64
	Nesterov bool
}

// Slots is the momentum.
func (SGD) Slots() []string { return []string{".momentum_buffer"} }

// Kind is ops.SGD.
func (o SGD) Kind(g Group) ops.Kind {
	return ops.SGD{Momentum: o.Momentum, Nesterov: o.Nesterov, WeightDecay: g.WeightDecay, LRScale: g.LRScale}
}

// Hyper is lr.
func (SGD) Hyper(lr float64, _ int64) []float32 { return []float32{float32(lr)} }

// LARS is layer-wise adaptive rate scaling, MAE's rule for linear probing; see
// [ops.LARS].
type LARS struct{ Momentum float64 }

// trust is MAE's trust coefficient.
const trust = 0.001

// Slots is the momentum.
func (LARS) Slots() []string { return []string{".mu"} }

// Kind is ops.LARS.
func (o LARS) Kind(g Group) ops.Kind {
	return ops.LARS{Momentum: o.Momentum, Trust: trust, WeightDecay: g.WeightDecay, LRScale: g.LRScale}
}

// Hyper is lr.
func (LARS) Hyper(lr float64, _ int64) []float32 { return []float32{float32(lr)} }

// newOptimizer is the experiment's.
func newOptimizer(o experiment.Optimizer) Optimizer {
	switch o.Name {
	case "sgd":
		return SGD{o.Momentum, o.Nesterov}
	case "lars":
		return LARS{o.Momentum}
	}
	return AdamW{o.Betas[0], o.Betas[1], o.Eps}
}
