package train

import (
	"math"
	"slices"
	"testing"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/nn"
	"m2pt/ops"
)

func inf() float64 { return math.Inf(1) }

func f32(name string, shape []int, v ...float32) checkpoint.Tensor {
	return checkpoint.New(name, shape, v)
}

func TestMerge(t *testing.T) {
	row, one := []int{1, 2}, []int{1}
	for _, c := range []struct {
		name string
		in   []checkpoint.Tensor
		want []checkpoint.Tensor
	}{
		{"one term", []checkpoint.Tensor{f32("fc.weight", row, 1, 2), f32("fc.bias", one, 7), f32("fc.cross_modal_scale", one, .5), f32("fc.aux_weight", row, 3, -1)},
			[]checkpoint.Tensor{f32("fc.weight", row, 2.5, 1.5), f32("fc.bias", one, 7)}},
		{"zero", []checkpoint.Tensor{f32("fc.weight", row, 1, 2), f32("fc.cross_modal_scale", one, 0), f32("fc.aux_weight", row, 3, -1)},
			[]checkpoint.Tensor{f32("fc.weight", row, 1, 2)}},
		{"two terms", []checkpoint.Tensor{f32("fc.weight", row, 1, 2), f32("fc.cross_modal_scale", one, .5), f32("fc.aux_weight", row, 3, -1),
			f32("fc.cross_modal_scale.1", one, -2), f32("fc.aux_weight.1", row, 1, .25)}, []checkpoint.Tensor{f32("fc.weight", row, .5, 1)}},
		{"second term alone", []checkpoint.Tensor{f32("fc.aux_weight.1", row, 1, .25), f32("fc.cross_modal_scale.1", one, -2), f32("fc.weight", row, 1, 2)},
			[]checkpoint.Tensor{f32("fc.weight", row, -1, 1.5)}},
		{"another layer's terms", []checkpoint.Tensor{f32("a.fc.weight", row, 1, 2), f32("fc.cross_modal_scale", one, 5), f32("fc.aux_weight", row, 3, -1), f32("fc.weight", row, 0, 0)},
			[]checkpoint.Tensor{f32("a.fc.weight", row, 1, 2), f32("fc.weight", row, 15, -5)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := tensors(t, c.in...)
			before := slices.Clone(c.in[0].Data)
			got, err := Merge(in)
			must(t, err)
			if got.Len() != len(c.want) {
				t.Errorf("%d tensors, want %d", got.Len(), len(c.want))
			}
			i := 0
			for x := range got.All() {
				if w := c.want[i]; x.Name != w.Name || !slices.Equal(x.Shape, w.Shape) || !slices.Equal(x.Data, w.Data) {
					t.Errorf("tensor %d is %s %v, want %s %v", i, x.Name, values(t, got, x.Name), w.Name, values(t, tensors(t, w), w.Name))
				}
				i++
			}
			if !slices.Equal(before, c.in[0].Data) {
				t.Error("the input is changed")
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	row, one := []int{1, 2}, []int{1}
	w, scale, aux := f32("fc.weight", row, 1, 2), f32("fc.cross_modal_scale", one, 1), f32("fc.aux_weight", row, 3, 4)
	for _, c := range []struct {
		name, want string
		in         []checkpoint.Tensor
	}{
		{"size of W'", `merge "fc.weight": tensor "fc.aux_weight": shape [1] has 1 elements, want 2`, []checkpoint.Tensor{w, scale, f32("fc.aux_weight", one, 3)}},
		{"two scales", `merge "fc.weight": tensor "fc.cross_modal_scale": shape [2]`, []checkpoint.Tensor{w, f32("fc.cross_modal_scale", []int{2}, 1, 2), aux}},
		{"no numbers", `merge "fc.weight"`, []checkpoint.Tensor{checkpoint.New("fc.weight", row, []bool{true, false}), scale, aux}},
		{"scale without W'", `merge "fc.weight": tensor "fc.aux_weight": not among`, []checkpoint.Tensor{w, scale}},
		{"W' without scale", `merge "fc.weight": tensor "fc.cross_modal_scale": not among`, []checkpoint.Tensor{w, aux}},
		{"terms without W", `merge "fc.cross_modal_scale": tensor "fc.weight"`, []checkpoint.Tensor{scale, aux}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Merge(tensors(t, c.in...))
			wantError(t, err, c.want)
		})
	}
}

// TestNames: what is saved where, for a layer whose W′ trains and one whose
// W′ is frozen.
func TestNames(t *testing.T) {
	params := []nn.Param{
		{Name: "pos_embed", Fixed: true},
		{Name: "a.weight"}, {Name: "a.cross_modal_scale", Fixed: true}, {Name: "a.aux_weight", Aux: 1},
		{Name: "b.weight"}, {Name: "b.cross_modal_scale"}, {Name: "b.aux_weight", Aux: 1, Fixed: true},
		{Name: "c.weight"}, {Name: "c.cross_modal_scale", Fixed: true}, {Name: "c.aux_weight", Aux: 1, Fixed: true},
	}
	n := newNames(params, AdamW{}, true)
	slots := []string{}
	for _, name := range []string{"a.weight", "a.aux_weight", "b.weight", "b.cross_modal_scale", "c.weight"} {
		slots = append(slots, name+".exp_avg", name+".exp_avg_sq")
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"model", n.model, []string{"pos_embed", "a.weight", "a.cross_modal_scale", "a.aux_weight", "b.weight", "b.cross_modal_scale", "c.weight", "c.cross_modal_scale"}},
		{"frozen", n.frozen, []string{"b.aux_weight", "c.aux_weight"}},
		{"slots", n.slots, slots},
		{"averaged", n.ema, []string{"a.weight", "a.cross_modal_scale", "b.weight", "b.cross_modal_scale", "c.weight"}},
		{"averaged, where nothing is", newNames(params, AdamW{}, false).ema, nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if got := n.bind()["b.weight"]; got != "ema/b.weight" || len(n.bind()) != 5 {
		t.Errorf("bound %v", n.bind())
	}
}

// TestLambdas: value and share of every term of every layer, in order.
func TestLambdas(t *testing.T) {
	params := []nn.Param{
		{Name: "a.weight", Shape: []int{1, 2}}, {Name: "a.cross_modal_scale", Shape: []int{1}}, {Name: "a.aux_weight", Shape: []int{1, 2}},
		{Name: "a.cross_modal_scale.1", Shape: []int{1}}, {Name: "a.aux_weight.1", Shape: []int{1, 2}},
		{Name: "plain.weight", Shape: []int{1, 2}},
		{Name: "b.weight", Shape: []int{1, 2}}, {Name: "b.cross_modal_scale.1", Shape: []int{1}}, {Name: "b.aux_weight.1", Shape: []int{1, 2}},
	}
	state := engine.NewState(engine.Reference{})
	defer state.Close()
	for i, v := range [][]float32{{3, 4}, {-.5}, {6, 8}, {0}, {1, 1}, {9, 9}, {0, 2}, {3}, {2, 0}} {
		must(t, state.Add(params[i].Name, ops.F32(params[i].Shape...)))
		must(t, engine.Set(state, params[i].Name, v))
	}
	got, err := Lambdas(params, state, nil)
	must(t, err)
	if want := []Lambda{{"a", 0, -.5, 1}, {"a", 1, 0, 0}, {"b", 1, 3, 3}}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
