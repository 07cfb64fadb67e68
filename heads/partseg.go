package heads

import (
	"m2pt/nn"
	"m2pt/ops"
)

// PartSegmenter is Point-MAE's head for part segmentation: an answer for every
// point P of a cloud of known category. Fₖ [B, G, D] are the tokens after a third, two
// thirds and all of the blocks, each through the one norm; F is the three joined.
//
//	u = propagate(F)                                        [B, P, Wide]
//	v = [maxₙ F; meanₙ F; LeakyReLU(BN(Wₗ·category))]        [B, 6D + 64]
//	logits = W₃·h(Dropout(h(W₁·[u; v]))),  h = ReLU ∘ BN    [B, P, K]
//
// No joined tensor is ever made (see [nn.Scope.Joined]), and feature propagation
// multiplies before it interpolates, G rows instead of P: interpolation is linear.
// Parameters are Point-MAE's: norm, label_conv, propagation_0, convs1, bns1, convs2,
// bns2, convs3.
type PartSegmenter struct {
	Parts   int     // K, over all categories
	Widths  Widths  // of the layers
	Dropout float64 // Point-MAE's is 0.5
}

// Widths are the channels of a PartSegmenter's hidden layers.
type Widths struct {
	Propagation [2]int // Point-MAE's are 4D and 1024
	Convs       [2]int // Point-MAE's are 512 and 256
}

const (
	labelWidth = 64
	labelSlope = 0.2
)

// Outputs is the number of parts.
func (h PartSegmenter) Outputs() int { return h.Parts }

// Forward makes features [B, P, C] and logits [B, P, K].
func (h PartSegmenter) Forward(s nn.Scope, e Encoding) (features, logits *ops.Node) {
	depth := len(e.Blocks)
	if depth%3 != 0 || e.ClassToken || e.Cloud.Points == nil {
		s.Fail("part segmentation: %d blocks, class token %v: want a multiple of 3 and no class token", depth, e.ClassToken)
		return nil, nil
	}
	dim := e.dim()
	var f []*ops.Node
	for k := 1; k <= 3; k++ {
		f = append(f, s.LayerNorm("norm", e.Blocks[depth*k/3-1], dim, e.Eps))
	}
	s = s.Thaw()
	whole := h.whole(s, f, e.Cloud.Category)
	u := s.In("propagation_0", func(s nn.Scope) *ops.Node {
		return Propagation{h.Widths.Propagation}.Forward(s, e.Cloud.Points, e.Cloud.Centers, f...)
	})
	wide, c := h.Widths.Propagation[1], h.Widths.Convs
	y := s.Joined("convs1", []int{c[0], wide + 6*dim + labelWidth, 1}, append([]*ops.Node{u}, whole...)...)
	y = s.Dropout("bns1", s.ReLU(s.BatchNorm("bns1", y, c[0], bnEps)), h.Dropout)
	y = s.Conv("convs2", y, c[0], c[1])
	features = s.ReLU(s.BatchNorm("bns2", y, c[1], bnEps))
	return features, s.Conv("convs3", features, c[1], h.Parts)
}

// whole is what the points of a cloud share, in parts: the maxima, the means and
// the category.
func (h PartSegmenter) whole(s nn.Scope, f []*ops.Node, category *ops.Node) []*ops.Node {
	if s.Err() != nil {
		return nil
	}
	var highest, mean []*ops.Node
	for _, x := range f {
		count := ops.SpecOf(x).Shape[1]
		highest, mean = append(highest, s.MaxPool(x, 0, count)), append(mean, s.Pool(x, 0, count))
	}
	label := s.In("label_conv", func(s nn.Scope) *ops.Node {
		categories := ops.SpecOf(category).Shape[1]
		w := s.Param("0.weight", nn.FanIn(categories), labelWidth, categories, 1)
		return s.LeakyReLU(s.BatchNorm("1", s.Graph.Linear(category, w, nil), labelWidth, bnEps), labelSlope)
	})
	return append(append(highest, mean...), label)
}

// Propagation gives every point of a cloud a feature: those of the three nearest
// tokens, weighted by 1/(d² + 1e-8), joined behind the point's coordinates, then two
// convolutions. Parameters: mlp_convs.{0,1}, mlp_bns.{0,1}.
type Propagation struct{ Widths [2]int }

// Forward makes features [B, P, Widths[1]] of points [B, P, 3] from tokens, each
// [B, G, Dₖ], whose centres are [B, G, 3].
func (p Propagation) Forward(s nn.Scope, points, centers *ops.Node, tokens ...*ops.Node) *ops.Node {
	if s.Err() != nil {
		return nil
	}
	x := s.In("mlp_convs.0", func(s nn.Scope) *ops.Node { return p.near(s, points, centers, tokens) })
	x = s.ReLU(s.BatchNorm("mlp_bns.0", x, p.Widths[0], bnEps))
	x = s.Conv("mlp_convs.1", x, p.Widths[0], p.Widths[1])
	return s.ReLU(s.BatchNorm("mlp_bns.1", x, p.Widths[1], bnEps))
}

// near is W·[xyz; F] + β of the interpolated F, as Wₓ·xyz + β + interpolate(W·F).
func (p Propagation) near(s nn.Scope, points, centers *ops.Node, tokens []*ops.Node) *ops.Node {
	in := 3
	for _, t := range tokens {
		in += ops.SpecOf(t).Shape[2]
	}
	w := s.Param("weight", nn.FanIn(in), p.Widths[0], in, 1)
	own := s.Graph.Linear(points, s.Columns(w, 0, 3), s.Param("bias", nn.FanIn(in), p.Widths[0]))
	sum, from := (*ops.Node)(nil), 3
	for _, t := range tokens {
		width := ops.SpecOf(t).Shape[2]
		y := s.Graph.Linear(t, s.Columns(w, from, width), nil)
		if sum != nil {
			y = s.Add(sum, y)
		}
		sum, from = y, from+width
	}
	return s.Add(own, s.Interpolate(points, centers, sum))
}
