// Package heads turns a model's tokens [B, N, D] into outputs and losses.
package heads

import (
	"m2pt/nn"
	"m2pt/ops"
)

// Classifier pools tokens to features [B, D] and maps them to logits [B, K].
//
// Pool "avg" is the mean over the patch tokens (the class token left out), then
// fc_norm; "token" is norm, then the class token. Parameters: head.{weight,bias}
// and fc_norm or norm.{weight,bias}, as in timm.
type Classifier struct {
	Classes    int    // K
	Dim        int    // D
	Pool       string // "avg" or "token"
	ClassToken bool   // whether token 0 is the class token
	Tokens     int    // N, the class token included
	Eps        float64
	InitStd    float64 // of head.weight
}

// Features are what enters the head, [B, D].
func (c Classifier) Features(s nn.Scope, x *ops.Node) *ops.Node {
	switch {
	case c.Pool == "token" && c.ClassToken:
		return s.Pool(s.LayerNorm("norm", x, c.Dim, c.Eps), 0, 1)
	case c.Pool == "avg":
		from := 0
		if c.ClassToken {
			from = 1
		}
		return s.LayerNorm("fc_norm", s.Pool(x, from, c.Tokens-from), c.Dim, c.Eps)
	}
	s.Fail("classifier: pool %q (class token %v): want avg, or token with a class token", c.Pool, c.ClassToken)
	return nil
}

// Declare declares the head's parameters, to fix their place in the order.
func (c Classifier) Declare(s nn.Scope) {
	s.Param("head.weight", nn.Normal(c.InitStd), c.Classes, c.Dim)
	s.Param("head.bias", nn.Zeros, c.Classes)
}

// Logits applies the head to features.
func (c Classifier) Logits(s nn.Scope, features *ops.Node) *ops.Node {
	return s.Linear("head", features, c.Dim, c.Classes, nn.Normal(c.InitStd))
}
