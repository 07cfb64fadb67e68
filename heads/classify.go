package heads

import (
	"m2pt/nn"
	"m2pt/ops"
)

// Classifier is timm's head: one feature vector per sample, then a linear layer.
// Pool "avg" is the mean of the patch tokens (the class token left out), then
// fc_norm; "token" is norm, then token 0: the class token where there is one.
// Parameters: head.{weight,bias} and fc_norm or norm.{weight,bias}.
type Classifier struct {
	Classes int     // K
	Pool    string  // "avg" or "token"
	Dropout float64 // of the features, in training
	InitStd float64 // of head.weight
}

// Outputs is the number of classes.
func (c Classifier) Outputs() int { return c.Classes }

// Forward makes features [B, D] and logits [B, K]. The head's parameters come ahead
// of the norm where MAE's do, of pooled patches beside a class token: the order of
// the reference's state dict, hence of its optimizer groups.
func (c Classifier) Forward(s nn.Scope, e Encoding) (features, logits *ops.Node) {
	head, dim := s.Thaw(), e.dim()
	if c.Pool == "avg" && e.ClassToken {
		head.Param("head.weight", nn.Normal(c.InitStd), c.Classes, dim)
		head.Param("head.bias", nn.Zeros, c.Classes)
	}
	features = pool(s, e, c.Pool)
	return features, head.Linear("head", s.Dropout("head", features, c.Dropout), dim, c.Classes, nn.Normal(c.InitStd))
}

// pool is one vector [B, D] per sample: see Classifier.
func pool(s nn.Scope, e Encoding, how string) *ops.Node {
	switch how {
	case "token":
		return s.Pool(s.LayerNorm("norm", e.tokens(), e.dim(), e.Eps), 0, 1)
	case "avg":
		from, count := e.patches()
		return s.LayerNorm("fc_norm", s.Pool(e.tokens(), from, count), e.dim(), e.Eps)
	}
	s.Fail("head: pool %q: want avg or token", how)
	return nil
}
