package tokenizers

import (
	"m2pt/nn"
	"m2pt/ops"
)

// Tokenizer turns batches of one modality into tokens.
type Tokenizer interface {
	// Input is one sample as the host stores it, without the batch.
	Input() ops.Spec
	// Numbers are stored samples [B, ...] as floating-point values ready to be
	// erased and mixed, and to be given to Tokens.
	Numbers(s nn.Scope, x *ops.Node) *ops.Node
	// Tokens are the tokens [B, N, D] of samples, stored ones or Numbers of them.
	Tokens(s nn.Scope, x *ops.Node) *ops.Node
	// Grid is the number of tokens along time, down and across; 1 along an axis
	// that samples lack.
	Grid() [3]int
}

var (
	_ Tokenizer = Image{}
	_ Tokenizer = Audio{}
	_ Tokenizer = Video{}
	_ Tokenizer = Point{}
)
