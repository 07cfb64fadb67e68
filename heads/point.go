package heads

import (
	"m2pt/nn"
	"m2pt/ops"
)

// PointClassifier is Point-MAE's head: the normalised class token beside the
// maximum over the other tokens, then two hidden layers.
//
//	f = [LN(x)₀; maxₙ LN(x)ₙ]                          [B, 2D]
//	logits = W₈·h(W₄·h(W₀·f)),  h = Dropout ∘ ReLU ∘ BN
//
// Parameters: norm.{weight, bias} and cls_head_finetune.{0, 1 (BN), 4, 5 (BN), 8}.
type PointClassifier struct {
	Classes int     // K
	Hidden  int     // Point-MAE's is 256
	Dropout float64 // Point-MAE's is 0.5
}

// Outputs is the number of classes.
func (c PointClassifier) Outputs() int { return c.Classes }

// Forward makes features [B, Hidden] and logits [B, K].
func (c PointClassifier) Forward(s nn.Scope, e Encoding) (features, logits *ops.Node) {
	if !e.ClassToken {
		s.Fail("point classifier: want a class token")
		return nil, nil
	}
	dim := e.dim()
	x := s.LayerNorm("norm", e.tokens(), dim, e.Eps)
	from, count := e.patches()
	first, highest := s.Pool(x, 0, 1), s.MaxPool(x, from, count)
	s = s.Thaw()
	logits = s.In("cls_head_finetune", func(s nn.Scope) *ops.Node {
		h := c.hidden(s, "1", s.Joined("0", []int{c.Hidden, 2 * dim}, first, highest))
		features = c.hidden(s, "5", s.Dense("4", h, c.Hidden, c.Hidden))
		return s.Dense("8", features, c.Hidden, c.Classes)
	})
	return features, logits
}

func (c PointClassifier) hidden(s nn.Scope, norm string, x *ops.Node) *ops.Node {
	return s.Dropout(norm, s.ReLU(s.BatchNorm(norm, x, c.Hidden, bnEps)), c.Dropout)
}
