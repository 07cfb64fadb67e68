package parity

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/heads"
	"m2pt/nn"
	"m2pt/train"
)

// named is a parameter in a recorded list: ["name", [shape]].
type named struct {
	Name  string
	Shape []int
}

// UnmarshalJSON reads the pair.
func (n *named) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&n.Name, &n.Shape})
}

func (n named) String() string { return fmt.Sprintf("%s%v", n.Name, n.Shape) }

// paramGroups: the parameters of a classifier in declaration order and the
// groups that the optimizer gets, in order.
func paramGroups(r *replay) {
	var m struct {
		vitMeta
		LayerDecay  float64 `json:"layer_decay"`
		WeightDecay float64 `json:"weight_decay"`
		Groups      []recordedGroup
		AllParams   []named `json:"all_params"`
	}
	m.NumHeads = 1 // no parameter depends on it
	r.meta(&m)
	trained := map[string]bool{}
	for _, g := range m.Groups {
		for _, p := range g.Params {
			trained[p] = true
		}
	}
	s := shapes{map[string][]int{}, func(name string) bool { return trained[name] }}
	for _, p := range m.AllParams {
		s.of[p.Name] = p.Shape
	}
	c := s.classifier(m.vitMeta, s.sample())
	params := r.declared(c)
	r.same("all_params", texts(params), texts(m.AllParams))
	groups := train.Decay{Layer: m.LayerDecay, Weight: m.WeightDecay}.Groups(r.registry(c), c.ViT.Depth)
	r.sameGroups(groups, m.Groups, func(names []string) []string { return names })
}

// recordedGroup is a parameter group of the reference.
type recordedGroup struct {
	LRScale     float64 `json:"lr_scale"`
	WeightDecay float64 `json:"weight_decay"`
	Params      []string
}

// sameGroups compares groups in order, and the parameters of each in the given
// order.
func (r *replay) sameGroups(got []train.Group, want []recordedGroup, order func([]string) []string) {
	if len(got) != len(want) {
		r.stop(fmt.Errorf("%d groups, recorded %d", len(got), len(want)))
	}
	for i, w := range want {
		what := fmt.Sprintf("groups[%d]", i)
		var names []string
		for _, p := range got[i].Params {
			names = append(names, p.Name)
		}
		r.same(what+".params", order(names), order(w.Params))
		r.number(what+".lr_scale", got[i].LRScale, w.LRScale)
		r.number(what+".weight_decay", got[i].WeightDecay, w.WeightDecay)
	}
}

// paramGroupsPoint: the two groups of a classifier of clouds with trained pathways.
// Only names are recorded, and Point-MAE declares a block's in another order.
func paramGroupsPoint(r *replay) {
	var m struct {
		WeightDecay float64 `json:"weight_decay"`
		Groups      []recordedGroup
	}
	r.meta(&m)
	s := shapes{map[string][]int{}, func(string) bool { return true }}
	for i, g := range m.Groups {
		m.Groups[i].LRScale = 1 // there is no other
		for k, name := range g.Params {
			g.Params[k] = strings.Replace(name, "blocks.blocks.", "blocks.", 1)
			s.of[g.Params[k]] = []int{8}
		}
	}
	c := train.Classifier{ViT: s.vit(vitMeta{NumHeads: 2, LNEps: 1e-5}), Head: heads.PointClassifier{Classes: 8, Hidden: 8},
		Tokenizer: s.pointTokenizer("encoder.", groupMeta{Groups: 4, Size: 2}, 8)}
	groups := train.Decay{Layer: 1, Weight: m.WeightDecay}.Groups(r.registry(c), c.ViT.Depth)
	r.sameGroups(groups, m.Groups, func(names []string) []string { return slices.Sorted(slices.Values(names)) })
}

// sample is the shape of a sample: of square pictures whose patches the position
// table counts, or where there is none of one patch.
func (s shapes) sample() []int {
	kernel := s.of["patch_embed.proj.weight"]
	if !s.has("pos_embed") {
		return kernel[1:]
	}
	n := s.dim("pos_embed", 1)
	if s.has("cls_token") {
		n--
	}
	side := int(math.Round(math.Sqrt(float64(n)))) * kernel[2]
	return []int{kernel[1], side, side}
}

// registry is what building a classifier declares.
func (r *replay) registry(c train.Classifier) []nn.Param {
	n := c.Build(nn.Train, 2, 0) // one sample has no batch statistics
	r.must(n.Err())
	return n.Registry().Params()
}

// declared are the parameters of a state dict.
func (r *replay) declared(c train.Classifier) []named {
	var list []named
	for _, p := range r.registry(c) {
		if !p.Derived {
			list = append(list, named{p.Name, p.Shape})
		}
	}
	return list
}

// same compares recorded names, order included.
func (r *replay) same(what string, got, want []string) {
	r.compared[what] = true
	if slices.Equal(got, want) {
		r.note(what, 0, 0)
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	at := func(list []string) string {
		if i < len(list) {
			return list[i]
		}
		return "nothing"
	}
	r.failures = append(r.failures, fmt.Errorf("%s: entry %d is %s, recorded %s", what, i, at(got), at(want)))
}

// number compares a number of the meta.
func (r *replay) number(what string, got, want float64) {
	r.compared[what] = true
	l := exact64()
	r.note(what, l.measure([]float64{got}, []float64{want}), l.limit)
}

func texts[T fmt.Stringer](list []T) []string {
	var s []string
	for _, x := range list {
		s = append(s, x.String())
	}
	return s
}

// timmKeys: the state dict of timm's ViT-B/16 is that of the configuration's,
// built plain, and merged out of one with pathways.
func timmKeys(r *replay) {
	var m struct{ Params []named }
	r.meta(&m)
	s := shapes{of: map[string][]int{}}
	for _, p := range m.Params {
		s.of[p.Name] = p.Shape
	}
	cfg := experiment.Default()
	cfg.Model.GlobalPool = "token" // timm's default
	want := texts(m.Params)
	slices.Sort(want)
	classes := s.dim("head.weight", 0)
	plain := r.declared(train.NewClassifier(cfg, train.Answers{Classes: classes}, nil))
	r.same("plain", slices.Sorted(slices.Values(texts(plain))), want)
	cfg.Pathway = []experiment.Pathway{{Layers: experiment.Layers(), LambdaTrainable: true}}
	merged := r.merged(r.declared(train.NewClassifier(cfg, train.Answers{Classes: classes}, []int{cfg.Model.Depth})))
	r.same("merged", slices.Sorted(slices.Values(merged)), want)
}

// merged are the names and shapes that train.Merge makes of these parameters.
// All tensors share one memory: only names and shapes matter here.
func (r *replay) merged(params []named) []string {
	var zeros []float32
	model := &checkpoint.Tensors{}
	for _, p := range params {
		n := 1
		for _, d := range p.Shape {
			n *= d
		}
		if n > len(zeros) {
			zeros = make([]float32, n)
		}
		r.must(model.Add(checkpoint.New(p.Name, p.Shape, zeros[:n])))
	}
	plain, err := train.Merge(model)
	r.must(err)
	var names []string
	for t := range plain.All() {
		names = append(names, named{t.Name, t.Shape}.String())
	}
	return names
}
