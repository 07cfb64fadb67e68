package parity

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"m2pt/checkpoint"
	"m2pt/experiment"
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
		Groups      []struct {
			LRScale     float64 `json:"lr_scale"`
			WeightDecay float64 `json:"weight_decay"`
			Params      []string
		}
		AllParams []named `json:"all_params"`
	}
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
	c := s.classifier(m.vitMeta, s.pictureSize())
	params := r.declared(c)
	r.same("all_params", texts(params), texts(m.AllParams))
	groups := train.Groups(r.registry(c), c.ViT.Depth, m.LayerDecay, m.WeightDecay)
	if len(groups) != len(m.Groups) {
		r.stop(fmt.Errorf("%d groups, recorded %d", len(groups), len(m.Groups)))
	}
	for i, want := range m.Groups {
		got := groups[i]
		what := fmt.Sprintf("groups[%d]", i)
		var names []string
		for _, p := range got.Params {
			names = append(names, p.Name)
		}
		r.same(what+".params", names, want.Params)
		r.number(what+".lr_scale", got.LRScale, want.LRScale)
		r.number(what+".weight_decay", got.WeightDecay, want.WeightDecay)
	}
}

// pictureSize is the size of square pictures whose patches the position table
// counts.
func (s shapes) pictureSize() [2]int {
	n := s.dim("pos_embed", 1)
	if s.has("cls_token") {
		n--
	}
	side := int(math.Round(math.Sqrt(float64(n)))) * s.dim("patch_embed.proj.weight", 2)
	return [2]int{side, side}
}

// registry is what building a classifier declares.
func (r *replay) registry(c train.Classifier) []nn.Param {
	n := c.Build(nn.Train, 1, 0)
	r.must(n.Err())
	return n.Registry().Params()
}

func (r *replay) declared(c train.Classifier) []named {
	var list []named
	for _, p := range r.registry(c) {
		list = append(list, named{p.Name, p.Shape})
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
	plain := r.declared(train.NewClassifier(cfg, classes, nil))
	r.same("plain", slices.Sorted(slices.Values(texts(plain))), want)
	cfg.Pathway = []experiment.Pathway{{Layers: experiment.Layers(), LambdaTrainable: true}}
	merged := r.merged(r.declared(train.NewClassifier(cfg, classes, []int{cfg.Model.Depth})))
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
