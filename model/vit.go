// Package model is the structure of a Vision Transformer with pathways: no
// files, no devices, no data.
//
// The network is the pre-norm ViT of timm. With tokens x [B, N, D]
//
//	x ← [cls; x] + pos
//	x ← x + DropPath(γ₁·proj(Attention(qkv(LN₁ x))))
//	x ← x + DropPath(γ₂·fc2(GELU(fc1(LN₂ x))))     once per block
//
// (γ only with layer scale; the tokens of point clouds get pos ahead of each block)
// and every linear layer a pathway covers computes with Ŵ = W + Σₖ λₖ·W′ₖ, where
// W′ₖ is the weight of the same layer in auxiliary model k ([Pathway]).
// Parameters have timm's names; a pathway adds <layer>.cross_modal_scale [1] and
// <layer>.aux_weight beside <layer>.weight.
package model

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/nn"
	"m2pt/ops"
)

// ViT describes a Vision Transformer. It is a plain value: Forward builds the
// same network on every graph it is given.
type ViT struct {
	Dim        int // D
	Depth      int // blocks
	Heads      int
	MLPRatio   float64
	QKVBias    string // "full", "split" (none for k) or "none"
	ClassToken bool
	PosEmbed   string // one of PosEmbeds
	WeightInit string // of the blocks' linear layers: "normal" (or empty), "xavier" or "fan_in"
	Eps        float64
	DropPath   float64 // rate of the last block; block i has DropPath·i/(Depth-1)
	LayerScale float64 // where γ₁ and γ₂ start; 0 is without
	CosAttn    bool    // cosine attention, with a learned scale per head
	Pathways   []Pathway
	// Keep, where not 0, is how many tokens of every sample enter the blocks:
	// those that TokenIndexFeed names.
	Keep int
	// Apart computes a covered layer as x·Wᵀ + λ·(x·W′ᵀ) + b instead of through
	// Ŵ: the same function by other arithmetic, to verify merged weights with.
	Apart bool
}

// Tokenizer makes tokens [B, N, D] of a batch; see package tokenizers.
type Tokenizer interface {
	Tokens(s nn.Scope, x *ops.Node) *ops.Node
	Grid() [3]int // tokens along time, down and across
}

// Placed is a Tokenizer whose tokens lie anywhere in space: at centers [B, N, 3].
// Its Grid is [1, 1, N].
type Placed interface {
	Tokenizer
	Place(s nn.Scope, x *ops.Node) (tokens, centers *ops.Node)
	Centers(s nn.Scope, x *ops.Node) *ops.Node
}

// Count is the number of tokens of a grid.
func Count(grid [3]int) int { return grid[0] * grid[1] * grid[2] }

// PosEmbeds are the ways tokens learn where they are: a learned table; MAE's fixed
// table of a picture ("sincos"); VideoMAE's, of the tokens' order ("sinusoid"); a
// network of their place in space, added ahead of every block ("mlp").
func PosEmbeds() []string { return []string{"learned", "sincos", "sinusoid", "mlp"} }

// Check reports what is wrong with the description.
func (v ViT) Check() error {
	switch {
	case v.Dim <= 0 || v.Depth <= 0 || v.Heads <= 0 || v.Dim%v.Heads != 0:
		return fmt.Errorf("vit: width %d, depth %d, %d heads: heads must divide the width", v.Dim, v.Depth, v.Heads)
	case v.QKVBias != "full" && v.QKVBias != "split" && v.QKVBias != "none":
		return fmt.Errorf("vit: qkv bias %q: want full, split or none", v.QKVBias)
	case !slices.Contains(PosEmbeds(), v.PosEmbed):
		return fmt.Errorf("vit: positions %q: want %s", v.PosEmbed, strings.Join(PosEmbeds(), " or "))
	case !slices.Contains([]string{"", "normal", "xavier", "fan_in"}, v.WeightInit):
		return fmt.Errorf("vit: weight init %q: want normal, xavier or fan_in", v.WeightInit)
	case v.Hidden() <= 0 || v.DropPath < 0 || v.DropPath >= 1:
		return fmt.Errorf("vit: MLP ratio %g, drop path %g", v.MLPRatio, v.DropPath)
	}
	return nil
}

// Hidden is the width of the MLP.
func (v ViT) Hidden() int { return int(float64(v.Dim) * v.MLPRatio) }

// weightInit draws a linear weight [out, in] of a block.
func (v ViT) weightInit(in, out int) nn.Init {
	switch v.WeightInit {
	case "xavier":
		return nn.Xavier(in, out)
	case "fan_in":
		return nn.FanIn(in)
	}
	return nn.Normal(.02)
}

// Tokens is the number of tokens in the blocks for n patches.
func (v ViT) Tokens(n int) int {
	if v.ClassToken {
		return n + 1
	}
	return n
}

// DropPathRates are the rates of the blocks, linear from 0 to rate.
func DropPathRates(rate float64, depth int) []float64 {
	rates := make([]float64, depth)
	for i := range rates {
		rates[i] = rate * float64(i) / float64(max(depth-1, 1))
	}
	return rates
}

// Trace receives the tokens on their way: "patch_embed", "tokens_in", "block0", ...
type Trace func(name string, x *ops.Node)

// Forward is the network from a batch x to the tokens [B, N, D] after each block.
// trace may be nil.
func (v ViT) Forward(s nn.Scope, t Tokenizer, x *ops.Node, trace Trace) []*ops.Node {
	if err := v.Check(); err != nil {
		s.Fail("%w", err)
		return nil
	}
	if trace == nil {
		trace = func(string, *ops.Node) {}
	}
	x, pos := v.embed(s, t, x, trace)
	trace("tokens_in", x)
	var after []*ops.Node
	for i, rate := range DropPathRates(v.DropPath, v.Depth) {
		x = s.In(fmt.Sprintf("blocks.%d", i), func(s nn.Scope) *ops.Node {
			if pos != nil {
				x = s.Add(x, pos)
			}
			return block{v, i, rate}.forward(s, x)
		})
		trace(fmt.Sprintf("block%d", i), x)
		after = append(after, x)
	}
	return after
}

// embed makes tokens and puts the class token in front. Positions of a table are
// added to them, computed ones [B, N, D] returned. Class token and table are
// declared first: that is their place in timm's state dict.
func (v ViT) embed(s nn.Scope, t Tokenizer, x *ops.Node, trace Trace) (tokens, pos *ops.Node) {
	var cls *ops.Node
	if v.ClassToken {
		cls = s.Param("cls_token", nn.Normal(.02), 1, 1, v.Dim)
	}
	if v.PosEmbed == "mlp" {
		return v.place(s, t, x, cls, trace)
	}
	table := v.table(s, "pos_embed", t.Grid())
	x = t.Tokens(s, x)
	trace("patch_embed", x)
	if v.ClassToken {
		x = s.Prepend(x, cls)
	}
	return v.visible(s, s.AddPos(x, table)), nil
}

// table declares the positions [1, N, D] of a grid, those of the class token
// first.
func (v ViT) table(s nn.Scope, name string, grid [3]int) *ops.Node {
	n := v.Tokens(Count(grid))
	p := nn.Param{Name: name, Shape: []int{1, n, v.Dim}, Init: nn.Normal(.02), Fixed: s.Frozen}
	switch v.PosEmbed {
	case "sincos":
		if grid[0] > 1 {
			s.Fail("vit: positions \"sincos\" are those of pictures: want sinusoid or learned for clips")
		}
		values, err := SinCos2D(v.Dim, [2]int(grid[1:]), v.ClassToken)
		if err != nil {
			s.Fail("%w", err)
		}
		p.Init, p.Fixed = nn.Values(values), true
	case "sinusoid":
		p.Init, p.Fixed, p.Derived = nn.Values(Sinusoid(v.Dim, n)), true, true
	}
	return s.Declare(p)
}

// place is embed for tokens whose positions are computed. The class token has a
// learned one.
func (v ViT) place(s nn.Scope, t Tokenizer, x, cls *ops.Node, trace Trace) (tokens, pos *ops.Node) {
	p, ok := t.(Placed)
	if !ok {
		s.Fail("vit: positions \"mlp\" need tokens that lie in space, as those of point clouds")
		return nil, nil
	}
	var clsPos *ops.Node
	if v.ClassToken {
		clsPos = s.Param("cls_pos", nn.Normal(.02), 1, 1, v.Dim)
	}
	tokens, centers := p.Place(s, x)
	trace("patch_embed", tokens)
	pos = placement(s, "pos_embed", centers, v.Dim)
	if v.ClassToken {
		tokens, pos = s.Prepend(tokens, cls), s.Prepend(pos, clsPos)
	}
	return v.visible(s, tokens), v.visible(s, pos)
}

// placement are the positions [B, N, dim] of tokens at centers [B, N, 3],
// W₂·GELU(W₀·center), with parameters NAME.{0,2}.
func placement(s nn.Scope, name string, centers *ops.Node, dim int) *ops.Node {
	const hidden = 128 // Point-MAE's
	return s.In(name, func(s nn.Scope) *ops.Node {
		return s.Dense("2", s.GELU(s.Dense("0", centers, 3, hidden)), hidden, dim)
	})
}

// visible are the tokens that enter the blocks.
func (v ViT) visible(s nn.Scope, x *ops.Node) *ops.Node {
	if v.Keep == 0 {
		return x
	}
	index := ops.Spec{Shape: []int{s.Batch, v.Keep}, Dtype: ops.Int32}
	return s.Gather(x, s.Graph.Declare(TokenIndexFeed, index, ops.PerBatch))
}

// TokenIndexFeed is the feed [B, Keep] int32 of the tokens that enter the blocks;
// token 0 is the class token where there is one.
const TokenIndexFeed = "token_index"
