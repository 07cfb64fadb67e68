package train

import (
	"fmt"
	"math"
	"strings"

	"m2pt/nn"
)

// Group is a set of parameters that the optimizer treats alike.
type Group struct {
	LRScale     float64
	WeightDecay float64
	Params      []nn.Param
}

// Groups splits the trained parameters for layer-wise learning-rate decay
// (BEiT, MAE): scale = decay^(depth+1-id), where id is 0 for tokens, position
// table and tokenizer, i+1 for block i, depth+1 for the rest. Parameters of one
// dimension (biases, norms, λ), tokens, the position table and the logit scales
// of cosine attention do not decay. Groups come in the order their first
// parameter was declared.
func Groups(params []nn.Param, depth int, layerDecay, weightDecay float64) []Group {
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
		k := key{math.Pow(layerDecay, float64(depth+1-layerID(p.Name, depth))), decays(p)}
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			g := Group{LRScale: k.scale}
			if k.decays {
				g.WeightDecay = weightDecay
			}
			groups = append(groups, g)
		}
		groups[i].Params = append(groups[i].Params, p)
	}
	return groups
}

// decays: the table cls_pos of Point-MAE does, as its authors have it.
func decays(p nn.Param) bool {
	switch p.Name {
	case "cls_token", "mask_token", "pos_embed":
		return false
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
