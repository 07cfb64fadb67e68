package train

import (
	"fmt"
	"math"
	"strings"

	"m2pt/experiment"
	"m2pt/nn"
)

// Group is a set of parameters that the optimizer treats alike.
type Group struct {
	LRScale     float64
	WeightDecay float64
	Params      []nn.Param
}

// Decay is what makes an optimizer treat parameters differently.
type Decay struct {
	Layer  float64 // of the learning rate, from one layer to the one below it
	Weight float64
	Tokens bool // whether tokens and the position table decay like weights
}

// newDecay is the experiment's. MAE and AudioMAE let tokens decay in pretraining,
// Point-MAE and VideoMAE do not.
func newDecay(cfg *experiment.Config) Decay {
	kind := cfg.Tokenizer.Kind
	return Decay{Layer: cfg.Optimizer.LayerDecay, Weight: cfg.Optimizer.WeightDecay,
		Tokens: cfg.Task == "pretrain" && (kind == "image" || kind == "audio")}
}

// Groups splits the trained parameters of a network of so many blocks for layer-wise
// learning-rate decay (BEiT, MAE): scale = Layer^(depth+1-id), where id is 0 for
// tokens, position table and tokenizer, i+1 for block i, depth+1 for the rest.
// Parameters of one dimension (biases, norms, λ) and the logit scales of cosine
// attention do not decay, nor do tokens and the position table unless Tokens is set.
// Groups come in the order their first parameter was declared.
func (d Decay) Groups(params []nn.Param, depth int) []Group {
	type key struct {
		scale  float64
		decays bool
	}
	var groups []Group
	index := map[key]int{}
	for _, p := range params {
		if p.Fixed {
			continue
		}
		k := key{math.Pow(d.Layer, float64(depth+1-layerID(p.Name, depth))), d.decays(p)}
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			g := Group{LRScale: k.scale}
			if k.decays {
				g.WeightDecay = d.Weight
			}
			groups = append(groups, g)
		}
		groups[i].Params = append(groups[i].Params, p)
	}
	return groups
}

// decays: the table cls_pos of Point-MAE does, as its authors have it.
func (d Decay) decays(p nn.Param) bool {
	switch p.Name {
	case "cls_token", "mask_token", "pos_embed":
		return d.Tokens
	}
	return len(p.Shape) > 1 && !strings.HasSuffix(p.Name, ".scale")
}

func layerID(name string, depth int) int {
	var i int
	if scan(name, "blocks.%d.", &i) {
		return i + 1
	}
	switch part, _, _ := strings.Cut(name, "."); part {
	case "cls_token", "cls_pos", "mask_token", "pos_embed", "patch_embed", "encoder":
		return 0
	}
	return depth + 1
}

func scan(s, format string, i *int) bool { n, _ := fmt.Sscanf(s, format, i); return n == 1 }
