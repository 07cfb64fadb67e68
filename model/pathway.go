package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"m2pt/nn"
	"m2pt/ops"
)

// Pathway joins a model to one auxiliary model of the same width.
type Pathway struct {
	Layers          []string // linear layers of a block: attn.qkv, attn.proj, mlp.fc1, mlp.fc2
	AuxDepth        int      // blocks of the auxiliary model
	Reversed        bool     // pair block i with AuxDepth-1-i instead of i
	LambdaInit      float64
	LambdaTrainable bool
	AuxTrainable    bool // train W′ too, as the published code does
}

// Partner is the auxiliary block that target block i is paired with, false
// where the auxiliary model has none.
func (p Pathway) Partner(i int) (int, bool) {
	j := i
	if p.Reversed {
		j = p.AuxDepth - 1 - i
	}
	return j, 0 <= j && j < p.AuxDepth
}

// Names of a pathway's parameters in a layer; the second auxiliary model's
// carry the suffix ".1", and so on.
const (
	ScaleName = "cross_modal_scale" // λ, shape [1]
	AuxName   = "aux_weight"        // W′
)

func termName(name string, term int) string {
	if term == 0 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, term)
}

// SplitTerm takes the name of a pathway parameter apart: layer, ScaleName or
// AuxName, and which auxiliary model, counted from 0.
func SplitTerm(param string) (layer, name string, term int, ok bool) {
	for _, name := range []string{ScaleName, AuxName} {
		layer, rest, found := strings.Cut(param, "."+name)
		if !found {
			continue
		}
		if rest == "" {
			return layer, name, 0, true
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(rest, ".")); err == nil && n > 0 && termName("", n) == rest {
			return layer, name, n, true
		}
	}
	return "", "", 0, false
}

// terms declares the pathway parameters λ and W′ of the linear layer in scope
// s, none where no pathway covers it.
func (b block) terms(s nn.Scope, shape ...int) (scale, aux []*ops.Node, auxTrainable bool) {
	layer := strings.TrimPrefix(s.Path(), fmt.Sprintf("blocks.%d.", b.i))
	for k, p := range b.Pathways {
		j, ok := p.Partner(b.i)
		if !ok || !slices.Contains(p.Layers, layer) {
			continue
		}
		scale = append(scale, s.Declare(nn.Param{
			Name: s.Name(termName(ScaleName, k)), Shape: []int{1},
			Init: nn.Constant(p.LambdaInit), Fixed: !p.LambdaTrainable,
		}))
		aux = append(aux, s.Declare(nn.Param{
			Name: s.Name(termName(AuxName, k)), Shape: shape, Fixed: !p.AuxTrainable,
			Aux: k + 1, Source: fmt.Sprintf("blocks.%d.%s.weight", j, layer),
		}))
		auxTrainable = auxTrainable || p.AuxTrainable
	}
	return scale, aux, auxTrainable
}

// Fold adds λ·W′ to w: what the pathway computes, as a plain weight. It repeats
// ops.Pathway's arithmetic in float32.
func Fold(w []float32, lambda float32, aux []float32) {
	for i, a := range aux {
		w[i] += lambda * a
	}
}

// Term names the two parameters of one pathway term of a layer.
type Term struct{ Scale, Aux string }

// Terms are the pathway terms of a layer among the names of parameters, also
// those of which only one parameter is there, in the order of the auxiliary
// models. A layer may have terms of some of them and not of others.
func Terms(layer string, names iter.Seq[string]) []Term {
	found := map[int]bool{}
	for name := range names {
		if of, _, k, ok := SplitTerm(name); ok && of == layer {
			found[k] = true
		}
	}
	var terms []Term
	for _, k := range slices.Sorted(maps.Keys(found)) {
		terms = append(terms, Term{layer + "." + termName(ScaleName, k), layer + "." + termName(AuxName, k)})
	}
	return terms
}
