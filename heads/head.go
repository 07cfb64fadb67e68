// Package heads turns what a network made of a sample into answers: features and
// logits. Losses are those of package ops; which one, is the trainer's business.
//
// Shape letters: B batch, N tokens, G groups and P points of a cloud, D width, K
// classes.
package heads

import (
	"m2pt/nn"
	"m2pt/ops"
)

// Head is the last part of a network. It is a plain value: Forward builds the same
// head on every graph it is given.
type Head interface {
	// Forward makes features, which enter the last linear layer, and logits [B, K],
	// or [B, P, K] where every point gets an answer.
	Forward(s nn.Scope, e Encoding) (features, logits *ops.Node)
	// Outputs is the number K of logits.
	Outputs() int
}

var (
	_ Head = Classifier{}
	_ Head = Probe{}
	_ Head = PointClassifier{}
	_ Head = PartSegmenter{}
)

// Encoding is what the blocks made of a batch, and what heads need beside it.
type Encoding struct {
	Blocks     []*ops.Node // tokens [B, N, D] after each block
	ClassToken bool        // whether token 0 is the class token
	Eps        float64     // of LayerNorm
	Cloud      Cloud       // of point clouds, where the head asks for it
}

// Cloud is where the points and tokens of a batch lie.
type Cloud struct {
	Points   *ops.Node // [B, P, 3]
	Centers  *ops.Node // [B, G, 3]
	Category *ops.Node // [B, C], one-hot
}

// tokens are those after the last block.
func (e Encoding) tokens() *ops.Node { return e.Blocks[len(e.Blocks)-1] }

// patches are the first token that is not the class token, and how many follow.
func (e Encoding) patches() (from, count int) {
	if e.ClassToken {
		from = 1
	}
	return from, ops.SpecOf(e.tokens()).Shape[1] - from
}

// dim is the width D of the tokens.
func (e Encoding) dim() int { return ops.SpecOf(e.tokens()).Shape[2] }

// bnEps is the ε of batch normalisation, PyTorch's default.
const bnEps = 1e-5
