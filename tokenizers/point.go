package tokenizers

import (
	"fmt"

	"m2pt/nn"
	"m2pt/ops"
)

// Point makes a token of every group of neighbouring points (Point-MAE). The host
// has chosen the groups (package grouping): GroupFeed holds, for each of G groups,
// which point is its centre and which M are its neighbours. A small PointNet turns
// the neighbours, relative to their centre, into a token:
//
//	f = conv₃(ReLU(BN(conv₀ x)))                    [B, G, M, b]
//	token = maxₘ conv₃(ReLU(BN(conv₀ [maxₘ f; f])))  [B, G, D]
//
// with convolutions of kernel size 1. Parameters are Point-MAE's: encoder.first_conv,
// encoder.second_conv.
type Point struct {
	Points int    // N
	Groups int    // G
	Size   int    // M
	Widths [3]int // channels of the PointNet: a, b, c; Point-MAE's are 128, 256, 512
	Dim    int    // D
}

// GroupFeed is the feed [B, G, 1+M] int32 of points of the cloud: a group's centre,
// then its neighbours.
const GroupFeed = "groups"

// batchNormEps is PyTorch's default.
const batchNormEps = 1e-5

// Input is one cloud [N, 3], float32.
func (t Point) Input() ops.Spec { return ops.F32(t.Points, 3) }

// Numbers are the coordinates themselves.
func (t Point) Numbers(_ nn.Scope, x *ops.Node) *ops.Node { return x }

// Grid is 1, 1 and the number of groups, which lie on none.
func (t Point) Grid() [3]int { return [3]int{1, 1, t.Groups} }

// Check reports what is wrong with the geometry.
func (t Point) Check() error {
	if t.Groups <= 0 || t.Size <= 0 || t.Size > t.Points || min(t.Widths[0], t.Widths[1], t.Widths[2], t.Dim) <= 0 {
		return fmt.Errorf("point tokenizer: %d groups of %d of %d points, channels %v, width %d",
			t.Groups, t.Size, t.Points, t.Widths, t.Dim)
	}
	return nil
}

// Neighbours are the points [B, G, M, 3] of every group relative to its centre, and
// the centres [B, G, 3].
func (t Point) Neighbours(s nn.Scope, x *ops.Node) (local, centers *ops.Node) {
	index := ops.Spec{Shape: []int{s.Batch, t.Groups, 1 + t.Size}, Dtype: ops.Int32}
	return s.Group(x, s.Graph.Declare(GroupFeed, index, ops.PerBatch))
}

// Centers are where the groups lie, [B, G, 3].
func (t Point) Centers(s nn.Scope, x *ops.Node) *ops.Node {
	_, centers := t.Neighbours(s, x)
	return centers
}

// Tokens are the tokens [B, G, D] of clouds x [B, N, 3].
func (t Point) Tokens(s nn.Scope, x *ops.Node) *ops.Node {
	tokens, _ := t.Place(s, x)
	return tokens
}

// Place are tokens [B, G, D] and where they lie, their centres [B, G, 3].
func (t Point) Place(s nn.Scope, x *ops.Node) (tokens, centers *ops.Node) {
	if err := t.Check(); err != nil {
		s.Fail("%w", err)
	}
	if s.Err() != nil {
		return nil, nil
	}
	local, centers := t.Neighbours(s, x)
	return s.In("encoder", func(s nn.Scope) *ops.Node { return t.Encode(s, local) }), centers
}

// Encode is the PointNet, from groups [B, G, M, 3] to tokens [B, G, D].
func (t Point) Encode(s nn.Scope, local *ops.Node) *ops.Node {
	a, b, c := t.Widths[0], t.Widths[1], t.Widths[2]
	f := s.In("first_conv", func(s nn.Scope) *ops.Node {
		h := s.BatchNorm("1", s.Conv("0", local, 3, a), a, batchNormEps)
		return s.Conv("3", s.ReLU(h), a, b)
	})
	return s.In("second_conv", func(s nn.Scope) *ops.Node {
		whole := s.MaxPool(f, 0, t.Size)
		h := s.BatchNorm("1", s.Joined("0", []int{c, 2 * b, 1}, whole, f), c, batchNormEps)
		return s.MaxPool(s.Conv("3", s.ReLU(h), c, t.Dim), 0, t.Size)
	})
}
