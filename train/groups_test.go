package train

import (
	"math"
	"testing"

	"m2pt/nn"
)

// TestLayerScales compares with the numbers of a 12-block model.
func TestLayerScales(t *testing.T) {
	for _, c := range []struct {
		decay float64
		want  map[string]float64
	}{
		{0.65, map[string]float64{"cls_token": .00369721, "blocks.0.norm1.bias": .00568801, "blocks.1.norm1.bias": .00875078,
			"blocks.2.norm1.bias": .0134627, "blocks.5.attn.qkv.weight": .0490223, "blocks.10.mlp.fc1.weight": .4225,
			"blocks.11.attn.qkv.cross_modal_scale": .65, "norm.weight": 1, "head.weight": 1}},
		{0.75, map[string]float64{"pos_embed": .0237573, "patch_embed.proj.weight": .0237573, "blocks.10.norm2.weight": .5625,
			"blocks.11.norm2.weight": .75, "fc_norm.bias": 1}},
		{1, map[string]float64{"cls_token": 1, "blocks.0.norm1.bias": 1, "head.bias": 1}},
	} {
		for name, want := range c.want {
			g := Groups([]nn.Param{{Name: name, Shape: []int{1}}}, 12, c.decay, 0.05)
			if len(g) != 1 || math.Abs(g[0].LRScale/want-1) > 5e-6 {
				t.Errorf("layer decay %g: %s: %+v, want scale %g", c.decay, name, g, want)
			}
		}
	}
}

// TestGroups: which parameters decay, which share a group, in which order.
func TestGroups(t *testing.T) {
	params := []nn.Param{
		{Name: "cls_token", Shape: []int{1, 1, 4}},
		{Name: "patch_embed.proj.weight", Shape: []int{4, 3, 2, 2}},
		{Name: "patch_embed.proj.bias", Shape: []int{4}},
		{Name: "pos_embed", Shape: []int{1, 5, 4}},
		{Name: "blocks.0.attn.qkv.weight", Shape: []int{12, 4}},
		{Name: "blocks.0.attn.qkv.cross_modal_scale", Shape: []int{1}},
		{Name: "blocks.0.attn.qkv.aux_weight", Shape: []int{12, 4}},
		{Name: "blocks.0.attn.proj.aux_weight", Shape: []int{4, 4}, Fixed: true},
		{Name: "head.weight", Shape: []int{10, 4}},
	}
	want := []struct {
		scale, decay float64
		names        []string
	}{
		{0.25, 0, []string{"cls_token", "patch_embed.proj.bias", "pos_embed"}},
		{0.25, 0.1, []string{"patch_embed.proj.weight"}},
		{0.5, 0.1, []string{"blocks.0.attn.qkv.weight", "blocks.0.attn.qkv.aux_weight"}},
		{0.5, 0, []string{"blocks.0.attn.qkv.cross_modal_scale"}},
		{1, 0.1, []string{"head.weight"}},
	}
	got := Groups(params, 1, 0.5, 0.1)
	if len(got) != len(want) {
		t.Fatalf("%d groups, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if g := got[i]; g.LRScale != w.scale || g.WeightDecay != w.decay || !sameNames(g.Params, w.names) {
			t.Errorf("group %d is %+v, want %+v", i, g, w)
		}
	}
}

func sameNames(params []nn.Param, names []string) bool {
	if len(params) != len(names) {
		return false
	}
	for i, p := range params {
		if p.Name != names[i] {
			return false
		}
	}
	return true
}

// TestSchedule compares with MAE's numbers, and an epoch without warm-up with
// the start of the cosine.
func TestSchedule(t *testing.T) {
	mae := Schedule{LR: 2e-3, MinLR: 1e-6, Warmup: 5, Epochs: 100}
	cold := Schedule{LR: 1, MinLR: .1, Epochs: 2}
	for _, c := range []struct {
		s        Schedule
		at, want float64
	}{
		{mae, 0, 0}, {mae, 2.5, .001}, {mae, 5, .002}, {mae, 50, .00108303806}, {mae, 99, 1.54646929e-6}, {mae, 100, 1e-6},
		{cold, 0, 1}, {cold, 1, .55}, {cold, 2, .1},
		{Schedule{LR: 1, Warmup: 4, Epochs: 4}, 3, .75},
	} {
		if got := c.s.At(c.at); math.Abs(got-c.want) > 1e-8*math.Max(c.want, 1e-3) {
			t.Errorf("%+v at %g: %.9g, want %g", c.s, c.at, got, c.want)
		}
	}
}

// TestHyper: the bias corrections of Adam's first updates.
func TestHyper(t *testing.T) {
	a := AdamW{Beta1: 0.9, Beta2: 0.999}
	for update, want := range map[int64][3]float32{1: {.5, .1, .001}, 2: {.5, .19, .001999}} {
		if got := a.Hyper(.5, update); [3]float32(got) != want {
			t.Errorf("update %d: %v, want %v", update, got, want)
		}
	}
}
