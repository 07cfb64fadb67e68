package inspect

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"m2pt/checkpoint"
	"m2pt/model"
)

// Term is one λ·W′ of a layer.
type Term struct {
	Layer     string `json:"layer"`
	Aux       int    `json:"aux"` // which auxiliary model, from 0
	Lambda    Number `json:"lambda"`
	Weight    Number `json:"weight_norm"`     // ‖W‖
	AuxWeight Number `json:"aux_weight_norm"` // ‖W′‖
	Share     Number `json:"share"`           // ‖λW′‖/‖W‖
}

// Kind sums up the terms of one auxiliary model in layers of one kind, which is
// their name within a block: "attn.qkv".
type Kind struct {
	Kind      string `json:"kind"`
	Aux       int    `json:"aux"`
	Terms     int    `json:"terms"`
	Min       Number `json:"min"`      // smallest λ
	Max       Number `json:"max"`      // largest λ
	MeanAbs   Number `json:"mean_abs"` // mean of |λ|
	MeanShare Number `json:"mean_share"`
}

// ErrNoPathway says that no tensor belongs to a pathway.
var ErrNoPathway = errors.New("no tensor belongs to a pathway: name a run that was trained with [pathway]")

// Terms measures every pathway term among ts, layers in the order of the file. A
// term without its λ, W or W′, or whose shapes disagree, is an error.
func Terms(ts *checkpoint.Tensors) ([]Term, error) {
	var all []Term
	seen := map[string]bool{}
	for name := range ts.Names() {
		layer, _, _, ok := model.SplitTerm(name)
		if !ok || seen[layer] {
			continue
		}
		seen[layer] = true
		terms, err := layerTerms(ts, layer)
		if err != nil {
			return nil, fmt.Errorf("pathway layer %q: %w", layer, err)
		}
		all = append(all, terms...)
	}
	if all == nil {
		return nil, ErrNoPathway
	}
	return all, nil
}

func layerTerms(ts *checkpoint.Tensors, layer string) ([]Term, error) {
	w, err := ts.Get(layer + ".weight")
	if err != nil {
		return nil, err
	}
	weight := norm(w.Numbers())
	var terms []Term
	for _, names := range model.Terms(layer, ts.Names()) {
		scale, err := ts.Get(names.Scale)
		if err != nil {
			return nil, err
		}
		aux, err := ts.Get(names.Aux)
		if err != nil {
			return nil, fmt.Errorf("%w: frozen W′ are beside the checkpoints, name the run folder", err)
		}
		if scale.Len() != 1 || !slices.Equal(aux.Shape, w.Shape) {
			return nil, fmt.Errorf("λ of shape %v, W′ of %v: want [1] and %v", scale.Shape, aux.Shape, w.Shape)
		}
		_, _, k, _ := model.SplitTerm(names.Scale)
		terms = append(terms, newTerm(layer, k, scale.Numbers()[0], weight, norm(aux.Numbers())))
	}
	return terms, nil
}

func newTerm(layer string, aux int, lambda, weight, auxWeight float64) Term {
	t := Term{layer, aux, Number(lambda), Number(weight), Number(auxWeight), 0}
	if weight > 0 {
		t.Share = Number(math.Abs(lambda) * auxWeight / weight)
	}
	return t
}

// Kinds sums terms up, in the order in which their kinds appear.
func Kinds(terms []Term) []Kind {
	kinds := []Kind{}
	for _, t := range terms {
		name := kindOf(t.Layer)
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Kind == name && k.Aux == t.Aux })
		if i < 0 {
			i = len(kinds)
			kinds = append(kinds, Kind{Kind: name, Aux: t.Aux, Min: t.Lambda, Max: t.Lambda})
		}
		kinds[i].add(t)
	}
	return kinds
}

func (k *Kind) add(t Term) {
	k.Terms++
	k.Min, k.Max = min(k.Min, t.Lambda), max(k.Max, t.Lambda)
	n := Number(k.Terms)
	k.MeanAbs += (Number(math.Abs(float64(t.Lambda))) - k.MeanAbs) / n
	k.MeanShare += (t.Share - k.MeanShare) / n
}

// kindOf is what follows the last number in the name of a layer.
func kindOf(layer string) string {
	parts := strings.Split(layer, ".")
	for i, p := range slices.Backward(parts) {
		if _, err := strconv.Atoi(p); err == nil {
			return strings.Join(parts[i+1:], ".")
		}
	}
	return layer
}
