package model

import (
	"math"

	"m2pt/nn"
	"m2pt/ops"
)

// block is transformer block i.
type block struct {
	ViT
	i        int
	dropPath float64
}

func (b block) forward(s nn.Scope, x *ops.Node) *ops.Node {
	gamma1, gamma2 := b.layerScale(s, "gamma_1"), b.layerScale(s, "gamma_2")
	attn := scaled(s, b.attention(s, s.LayerNorm("norm1", x, b.Dim, b.Eps)), gamma1)
	x = s.DropPath("attn", x, attn, b.dropPath)
	mlp := scaled(s, b.mlp(s, s.LayerNorm("norm2", x, b.Dim, b.Eps)), gamma2)
	return s.DropPath("mlp", x, mlp, b.dropPath)
}

// layerScale declares γ [D] of a branch, nil where there is none.
func (b block) layerScale(s nn.Scope, name string) *ops.Node {
	if b.LayerScale == 0 {
		return nil
	}
	return s.Param(name, nn.Constant(b.LayerScale), b.Dim)
}

// scaled is the branch x times its layer scale.
func scaled(s nn.Scope, x, gamma *ops.Node) *ops.Node {
	if gamma == nil {
		return x
	}
	return s.LayerScale(x, gamma)
}

func (b block) attention(s nn.Scope, x *ops.Node) *ops.Node {
	return s.In("attn", func(s nn.Scope) *ops.Node {
		x = b.linear(s, "qkv", x, b.Dim, 3*b.Dim, b.QKVBias)
		if b.CosAttn { // logits exp(scale)·q̂·k̂, where scale starts at ln 10
			x = s.CosineQK(x, s.Param("scale", nn.Constant(math.Log(10)), b.Heads, 1, 1), b.Heads)
		}
		x = s.Attention(x, b.Heads)
		return b.linear(s, "proj", x, b.Dim, b.Dim, "full")
	})
}

func (b block) mlp(s nn.Scope, x *ops.Node) *ops.Node {
	return s.In("mlp", func(s nn.Scope) *ops.Node {
		x = b.linear(s, "fc1", x, b.Dim, b.Hidden(), "full")
		return b.linear(s, "fc2", s.GELU(x), b.Hidden(), b.Dim, "full")
	})
}

// linear is a linear layer that pathways may cover. A split bias belongs to
// the attention, as in VideoMAE: attn.q_bias and attn.v_bias.
func (b block) linear(s nn.Scope, name string, x *ops.Node, in, out int, bias string) *ops.Node {
	var q, v *ops.Node
	if bias == "split" {
		q, v = s.Param("q_bias", nn.Zeros, out/3), s.Param("v_bias", nn.Zeros, out/3)
	}
	return s.In(name, func(s nn.Scope) *ops.Node {
		w := s.Param("weight", b.weightInit(in, out), out, in)
		var beta *ops.Node
		switch bias {
		case "full":
			beta = s.Param("bias", nn.Zeros, out)
		case "split":
			beta = s.SplitBias(q, v)
		}
		scale, aux, auxTrainable := b.terms(s, out, in)
		switch {
		case len(scale) == 0:
			return s.Graph.Linear(x, w, beta)
		case b.Apart:
			y := s.Graph.Linear(x, w, beta)
			for k := range scale {
				y = s.Add(y, s.Scale(s.Graph.Linear(x, aux[k], nil), scale[k]))
			}
			return y
		}
		return s.Graph.Linear(x, s.Pathway(w, scale, aux, auxTrainable), beta)
	})
}
