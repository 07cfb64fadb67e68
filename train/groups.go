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
// table and patch embedding, i+1 for block i, depth+1 for the rest. One-
// dimensional parameters (biases, norms, λ) and the tables do not decay. Groups
// come in the order their first parameter was declared.
func Groups(params []nn.Param, depth int, layerDecay, weightDecay float64) []Group {
	type key struct {
		layer  int
		decays bool
	}
	var groups []Group
	index := map[key]int{}
	for _, p := range params {
		if p.Fixed {
			continue
		}
		k := key{layerID(p.Name, depth), decays(p)}
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			g := Group{LRScale: math.Pow(layerDecay, float64(depth+1-k.layer))}
			if k.decays {
				g.WeightDecay = weightDecay
			}
			groups = append(groups, g)
		}
		groups[i].Params = append(groups[i].Params, p)
	}
	return groups
}

func decays(p nn.Param) bool {
	return len(p.Shape) > 1 && p.Name != "cls_token" && p.Name != "pos_embed"
}

func layerID(name string, depth int) int {
	var i int
	switch {
	case name == "cls_token", name == "pos_embed", strings.HasPrefix(name, "patch_embed."):
		return 0
	case scan(name, "blocks.%d.", &i):
		return i + 1
	}
	return depth + 1
}

func scan(s, format string, i *int) bool { n, _ := fmt.Sscanf(s, format, i); return n == 1 }
