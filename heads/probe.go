package heads

import (
	"m2pt/nn"
	"m2pt/ops"
)

// Probe is MAE's head for linear probing: the pooled features (see [Classifier]),
// standardised over the batch without learned weight and bias, then a linear
// layer. The LayerNorm of pooling belongs to the network that is probed, so it is
// frozen where that is. Parameters: head.0.{running_mean, running_var}, head.1.{weight, bias}.
type Probe struct {
	Classes int     // K
	Pool    string  // "avg" or "token"
	InitStd float64 // of head.1.weight
}

// probeEps is MAE's.
const probeEps = 1e-6

// Outputs is the number of classes.
func (p Probe) Outputs() int { return p.Classes }

// Forward makes features [B, D] and logits [B, K].
func (p Probe) Forward(s nn.Scope, e Encoding) (features, logits *ops.Node) {
	features = pool(s, e, p.Pool)
	return features, p.Logits(s, features)
}

// Logits are those of features [B, D]. They train also where the scope is frozen.
func (p Probe) Logits(s nn.Scope, features *ops.Node) *ops.Node {
	if s.Err() != nil {
		return nil
	}
	s = s.Thaw()
	dim := ops.SpecOf(features).Shape[1]
	return s.In("head", func(s nn.Scope) *ops.Node {
		return s.Linear("1", s.Standardize("0", features, dim, probeEps), dim, p.Classes, nn.Normal(p.InitStd))
	})
}
