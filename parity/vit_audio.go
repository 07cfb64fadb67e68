package parity

import (
	"fmt"
	"slices"

	"m2pt/engine"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
	"m2pt/tokenizers/masking"
	"m2pt/train"
)

// vitAudioMeta are the hyper-parameters of an audio classifier that the shapes
// of its parameters do not tell.
type vitAudioMeta struct {
	vitMeta
	Stride    int
	PatchHW   [2]int  `json:"patch_hw"`
	MaskTProb float64 `json:"mask_t_prob"`
	MaskFProb float64 `json:"mask_f_prob"`
}

// vitAudioCls: what is recorded of the way to the logits, the loss and its
// gradients; and the same of a run that sees some tokens only.
func vitAudioCls(r *replay) {
	var m vitAudioMeta
	r.meta(&m)
	s := r.recordedShapes(func(name string) bool { return r.has("grad/" + name) })
	x := r.tensor("in/x").Shape
	c := s.classifier(m.vitMeta, x[1:])
	c.Loss = "bce"
	c.Tokenizer = tokenizers.Audio{Frames: x[2], Mels: x[3], Patch: s.dim("patch_embed.proj.weight", 2), Stride: m.Stride, Dim: c.ViT.Dim}
	if grid := c.Tokenizer.Grid(); [2]int(grid[1:]) != m.PatchHW {
		r.stop(fmt.Errorf("tokens on a grid of %v, recorded %v", grid, m.PatchHW))
	}
	r.forward(r.network(c, nn.Eval, x, s), nil)
	feeds := constants{train.InputFeed: r.floats("in/x"), train.TargetsFeed: r.floats("in/y")}
	r.built(c, nn.Eval, feeds, x[0], "")
	if m.MaskTProb == 0 && m.MaskFProb == 0 {
		return
	}
	index := r.tokenIndex(m, x[0])
	feeds[model.TokenIndexFeed] = index
	c.Keep = len(index) / x[0]
	r.built(c, nn.Train, feeds, x[0], "_masked")
}

// built compares logits, loss and gradients, whose names end in suffix, of the
// graph that training and evaluation use.
func (r *replay) built(c train.Classifier, mode nn.Mode, feeds constants, batch int, suffix string) {
	build := func() network {
		net := c.Build(mode, batch, 0)
		r.must(net.Err())
		return network{net, []engine.Fetch{{Name: "out/logits" + suffix, Node: net.Logits}}, feeds}
	}
	own := func(n network) *ops.Node { return n.Loss }
	r.forward(build(), map[string]loss{c.Loss + suffix: own})
	r.backward(build(), "grad"+suffix, own)
}

// tokenIndex are the tokens [B, M+1] that recorded noise keeps, the class token
// first.
func (r *replay) tokenIndex(m vitAudioMeta, batch int) []int32 {
	rows, columns := m.PatchHW[0], m.PatchHW[1]
	mask, err := masking.NewStructured(rows, columns, m.MaskTProb, m.MaskFProb)
	r.must(err)
	kept, noiseT, noiseF := make([]int32, mask.Kept()), r.floats("in/noise_t"), r.floats("in/noise_f")
	var index []int32
	for b := range batch {
		mask.Index(kept, slices.Concat(noiseT[b*rows:][:rows], noiseF[b*columns:][:columns]))
		index = append(index, 0)
		for _, patch := range kept {
			index = append(index, patch+1)
		}
	}
	return index
}
