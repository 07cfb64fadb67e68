package train

import (
	"math"
	"slices"
	"testing"

	"m2pt/experiment"
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
		{0.75, map[string]float64{"cls_pos": .0237573, "mask_token": .0237573, "pos_embed.2.bias": .0237573,
			"encoder.second_conv.3.weight": .0237573, "cls_head_finetune.0.weight": 1, "propagation_0.mlp_convs.0.weight": 1}},
		{1, map[string]float64{"cls_token": 1, "blocks.0.norm1.bias": 1, "head.bias": 1}},
	} {
		for name, want := range c.want {
			g := Decay{Layer: c.decay, Weight: 0.05}.Groups([]nn.Param{{Name: name, Shape: []int{1}}}, 12)
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
	got := Decay{Layer: 0.5, Weight: 0.1}.Groups(params, 1)
	if len(got) != len(want) {
		t.Fatalf("%d groups, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if g := got[i]; g.LRScale != w.scale || g.WeightDecay != w.decay || !sameNames(g.Params, w.names) {
			t.Errorf("group %d is %+v, want %+v", i, g, w)
		}
	}
}

// TestWhatDecays: the rules of all modalities are one.
func TestWhatDecays(t *testing.T) {
	for _, c := range []struct {
		name   string
		shape  []int
		decays bool
	}{
		{"cls_token", []int{1, 1, 4}, false},
		{"mask_token", []int{1, 1, 4}, false},
		{"cls_pos", []int{1, 1, 4}, true},
		{"pos_embed", []int{1, 9, 4}, false},
		{"pos_embed.0.weight", []int{8, 3}, true},
		{"encoder.first_conv.0.weight", []int{8, 3}, true},
		{"encoder.first_conv.1.weight", []int{8}, false},
		{"blocks.0.attn.scale", []int{3, 1, 1}, false},
		{"blocks.0.attn.qkv.cross_modal_scale", []int{1}, false},
		{"blocks.0.gamma_1", []int{4}, false},
		{"blocks.0.attn.q_bias", []int{4}, false},
		{"head.weight", []int{2, 4}, true},
	} {
		for _, tokens := range []bool{false, true} {
			g := Decay{Layer: 1, Weight: 0.05, Tokens: tokens}.Groups([]nn.Param{{Name: c.name, Shape: c.shape}}, 1)
			want := c.decays || tokens && slices.Contains([]string{"cls_token", "mask_token", "pos_embed"}, c.name)
			if decays := g[0].WeightDecay != 0; decays != want {
				t.Errorf("%s%v decays: %v, want %v (tokens %v)", c.name, c.shape, decays, want, tokens)
			}
		}
	}
}

// TestDecayOfPretraining: the tokens of MAE and AudioMAE decay, those of Point-MAE
// and VideoMAE do not, nor do those of any classifier.
func TestDecayOfPretraining(t *testing.T) {
	for kind, tokens := range map[string]bool{"image": true, "audio": true, "point": false, "video": false} {
		for _, task := range []string{"pretrain", "classify"} {
			cfg := experiment.Default()
			cfg.Task, cfg.Tokenizer.Kind = task, kind
			want := Decay{Layer: cfg.Optimizer.LayerDecay, Weight: cfg.Optimizer.WeightDecay, Tokens: tokens && task == "pretrain"}
			if got := newDecay(cfg); got != want {
				t.Errorf("%s, %s: %+v, want %+v", task, kind, got, want)
			}
		}
	}
}

// TestGroupsWithoutLayerDecay: there are two groups at most, the tokenizer's
// parameters with the blocks'.
func TestGroupsWithoutLayerDecay(t *testing.T) {
	params := []nn.Param{
		{Name: "cls_token", Shape: []int{1, 1, 4}},
		{Name: "encoder.first_conv.0.weight", Shape: []int{8, 3}},
		{Name: "blocks.0.mlp.fc1.weight", Shape: []int{8, 4}},
		{Name: "blocks.0.mlp.fc1.bias", Shape: []int{8}},
		{Name: "norm.weight", Shape: []int{4}},
	}
	got := Decay{Layer: 1, Weight: 0.05}.Groups(params, 1)
	if len(got) != 2 || !sameNames(got[0].Params, []string{"cls_token", "blocks.0.mlp.fc1.bias", "norm.weight"}) {
		t.Errorf("%+v, want what does not decay and what does", got)
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

// TestHyper: the bias corrections of Adam's first updates.
func TestHyper(t *testing.T) {
	a := AdamW{Beta1: 0.9, Beta2: 0.999}
	for update, want := range map[int64][3]float32{1: {.5, .1, .001}, 2: {.5, .19, .001999}} {
		if got := a.Hyper(.5, update); [3]float32(got) != want {
			t.Errorf("update %d: %v, want %v", update, got, want)
		}
	}
}
