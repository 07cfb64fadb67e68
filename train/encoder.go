package train

import (
	"m2pt/checkpoint"
	"m2pt/heads"
	"m2pt/nn"
	"m2pt/ops"
)

// bare is the head of an encoder by itself: the final norm of the tokens, then the
// class token, or the mean where there is none. What it answers are features.
type bare struct{ dim int }

var _ heads.Head = bare{}

// Outputs is the width D.
func (b bare) Outputs() int { return b.dim }

// Forward makes features [B, D], twice.
func (b bare) Forward(s nn.Scope, e heads.Encoding) (features, logits *ops.Node) {
	x := e.Blocks[len(e.Blocks)-1]
	count := 1
	if !e.ClassToken {
		count = ops.SpecOf(x).Shape[1]
	}
	features = s.Pool(s.LayerNorm("norm", x, b.dim, e.Eps), 0, count)
	return features, features
}

// dropDecoder makes of a masked autoencoder its encoder, which sees all tokens.
func (m *Model) dropDecoder() error {
	m.Pretrainer, m.Classifier = nil, NewClassifier(m.Config, Answers{}, nil)
	m.Classifier.Head = bare{m.Config.Model.EmbedDim}
	n := m.Classifier.Build(nn.Eval, 1, 0)
	if err := n.Err(); err != nil {
		return err
	}
	all := m.Weights
	m.Weights = &checkpoint.Tensors{Metadata: all.Metadata}
	for t := range all.All() {
		if _, ours := n.Registry().Lookup(t.Name); !ours {
			continue
		}
		if err := m.Weights.Add(t); err != nil {
			return err
		}
	}
	return nil
}
