package model_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"m2pt/heads"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
)

// build declares a classifier of 224x224 pictures with 1000 classes on a graph.
func build(v model.ViT, patch int, pool string) nn.Scope {
	s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
	t := tokenizers.Image{Size: [2]int{224, 224}, Channels: 3, Patch: patch, Dim: v.Dim}
	return join(s, v, t, s.Feed("x", 1, 3, 224, 224), heads.Classifier{Classes: 1000, Pool: pool})
}

// join declares network and head.
func join(s nn.Scope, v model.ViT, t model.Tokenizer, x *ops.Node, h heads.Head) nn.Scope {
	e := heads.Encoding{Blocks: v.Forward(s, t, x, nil), ClassToken: v.ClassToken, Eps: v.Eps}
	if p, ok := t.(tokenizers.Point); ok && s.Err() == nil {
		_, centers := p.Neighbours(s, x)
		e.Cloud = heads.Cloud{Points: x, Centers: centers, Category: s.Feed("category", s.Batch, 16)}
	}
	if s.Err() == nil {
		h.Forward(s, e)
	}
	return s
}

// vit is a preset, plain.
func vit(dim, depth, numHeads int) model.ViT {
	return model.ViT{Dim: dim, Depth: depth, Heads: numHeads, MLPRatio: 4, QKVBias: "full", ClassToken: true, PosEmbed: "learned", Eps: 1e-6}
}

func TestParameterCounts(t *testing.T) {
	joined := vit(768, 12, 12)
	joined.Pathways = []model.Pathway{{Layers: everyLayer(), AuxDepth: 12}}
	for _, c := range []struct {
		name  string
		v     model.ViT
		patch int
		want  int
	}{ // timm's counts
		{"ViT-Ti/16", vit(192, 12, 3), 16, 5717416},
		{"ViT-S/16", vit(384, 12, 6), 16, 22050664},
		{"ViT-B/16", vit(768, 12, 12), 16, 86567656},
		{"ViT-B/32", vit(768, 12, 12), 32, 88224232},
		{"ViT-L/16", vit(1024, 24, 16), 16, 304326632},
		{"ViT-B/16 with a pathway", joined, 16, 171502360},
	} {
		s := build(c.v, c.patch, "token")
		n := 0
		for _, p := range s.Registry().Params() {
			n += p.Len()
		}
		if n != c.want || s.Err() != nil {
			t.Errorf("%s: %d parameters, want %d, %v", c.name, n, c.want, s.Err())
		}
	}
}

// TestParameterCountsElsewhere: those of the published models of clips and point
// clouds, with the weights of an auxiliary model where they have none.
func TestParameterCountsElsewhere(t *testing.T) {
	clip := vit(768, 12, 12)
	clip.QKVBias, clip.ClassToken, clip.PosEmbed = "split", false, "sinusoid"
	cloud := func(dim int, class bool) model.ViT {
		v := vit(dim, 12, 6)
		v.QKVBias, v.ClassToken, v.PosEmbed = "none", class, "mlp"
		return v
	}
	points := func(dim, n, groups int) tokenizers.Point {
		return tokenizers.Point{Points: n, Groups: groups, Size: 32, Widths: [3]int{128, 256, 512}, Dim: dim}
	}
	parts := func(dim int) heads.PartSegmenter {
		return heads.PartSegmenter{Parts: 50, Widths: heads.Widths{Propagation: [2]int{4 * dim, 1024}, Convs: [2]int{512, 256}}}
	}
	video := tokenizers.Video{Frames: 16, Size: [2]int{224, 224}, Channels: 3, Tubelet: 2, Patch: 16, Dim: 768}
	for _, c := range []struct {
		name string
		v    model.ViT
		t    tokenizers.Tokenizer
		h    heads.Head
		want int
	}{
		{"VideoMAE-B", clip, video, heads.Classifier{Classes: 400, Pool: "avg"}, 86534800},
		{"Point-MAE", cloud(384, true), points(384, 1024, 64), heads.PointClassifier{Classes: 40, Hidden: 256}, 22099752},
		{"Point-MAE, as wide as the auxiliary", cloud(768, true), points(768, 1024, 64), heads.PointClassifier{Classes: 40, Hidden: 256}, 86291496},
		{"part segmentation", cloud(384, false), points(384, 2048, 128), parts(384), 27063730},
		{"part segmentation, as wide as the auxiliary", cloud(768, false), points(768, 2048, 128), parts(768), 99128242},
	} {
		s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
		in := c.t.Input()
		s = join(s, c.v, c.t, s.Graph.Declare("x", ops.Spec{Shape: append([]int{1}, in.Shape...), Dtype: in.Dtype}, ops.PerBatch), c.h)
		n := 0
		for _, p := range s.Registry().Params() {
			if !p.Running && !p.Derived {
				n += p.Len()
			}
		}
		if n != c.want || s.Err() != nil {
			t.Errorf("%s: %d parameters, want %d, %v", c.name, n, c.want, s.Err())
		}
	}
}

// TestParameterOrder is timm's state dict, the pathway's tensors behind the
// weight they belong to.
func TestParameterOrder(t *testing.T) {
	v := vit(8, 1, 2)
	split := v
	split.QKVBias = "split"
	none := v
	none.QKVBias, none.ClassToken, none.PosEmbed = "none", false, "sincos"
	joined := v
	joined.Pathways = []model.Pathway{{Layers: []string{"attn.qkv"}, AuxDepth: 1}, {Layers: []string{"attn.qkv", "mlp.fc2"}, AuxDepth: 1, LambdaTrainable: true, AuxTrainable: true}}
	const front, norm1 = "cls_token pos_embed patch_embed.proj.weight patch_embed.proj.bias", " norm1.weight norm1.bias"
	const back = " attn.proj.weight attn.proj.bias norm2.weight norm2.bias mlp.fc1.weight mlp.fc1.bias mlp.fc2.weight mlp.fc2.bias"
	const terms = "LAYER.cross_modal_scale LAYER.aux_weight LAYER.cross_modal_scale.1 LAYER.aux_weight.1"
	for _, c := range []struct {
		name string
		v    model.ViT
		pool string
		want string
	}{
		{"token", v, "token", front + norm1 + " attn.qkv.weight attn.qkv.bias" + back + " norm.weight norm.bias head.weight head.bias"},
		{"avg", v, "avg", front + norm1 + " attn.qkv.weight attn.qkv.bias" + back + " head.weight head.bias fc_norm.weight fc_norm.bias"},
		{"split bias", split, "token", front + norm1 + " attn.q_bias attn.v_bias attn.qkv.weight" + back + " norm.weight norm.bias head.weight head.bias"},
		{"no bias, no class token", none, "avg", strings.TrimPrefix(front, "cls_token ") + norm1 + " attn.qkv.weight" + back + " fc_norm.weight fc_norm.bias head.weight head.bias"},
		{"pathways", joined, "token", front + norm1 + " attn.qkv.weight attn.qkv.bias " + strings.ReplaceAll(terms, "LAYER", "attn.qkv") +
			back + " mlp.fc2.cross_modal_scale.1 mlp.fc2.aux_weight.1 norm.weight norm.bias head.weight head.bias"},
	} {
		s := build(c.v, 16, c.pool)
		var got []string
		for _, p := range s.Registry().Params() {
			got = append(got, strings.TrimPrefix(p.Name, "blocks.0."))
		}
		if s.Err() != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %v\n%q, want\n%q", c.name, s.Err(), got, strings.Fields(c.want))
		}
	}
}

// TestPathwayParameters: source, start and fixedness of λ and W′.
func TestPathwayParameters(t *testing.T) {
	v := vit(8, 2, 2)
	v.Pathways = []model.Pathway{
		{Layers: everyLayer(), AuxDepth: 3, Reversed: true, LambdaInit: 0.5},
		{Layers: []string{"mlp.fc1"}, AuxDepth: 1, LambdaTrainable: true, AuxTrainable: true},
	}
	reg := build(v, 16, "avg").Registry()
	for _, want := range []nn.Param{
		{Name: "blocks.0.mlp.fc1.aux_weight", Shape: []int{32, 8}, Fixed: true, Aux: 1, Source: "blocks.2.mlp.fc1.weight"},
		{Name: "blocks.1.attn.qkv.aux_weight", Shape: []int{24, 8}, Fixed: true, Aux: 1, Source: "blocks.1.attn.qkv.weight"},
		{Name: "blocks.1.attn.qkv.cross_modal_scale", Shape: []int{1}, Fixed: true},
		{Name: "blocks.0.mlp.fc1.aux_weight.1", Shape: []int{32, 8}, Aux: 2, Source: "blocks.0.mlp.fc1.weight"},
		{Name: "blocks.0.mlp.fc1.cross_modal_scale.1", Shape: []int{1}},
	} {
		p, ok := reg.Lookup(want.Name)
		if !ok || !slices.Equal(p.Shape, want.Shape) || p.Fixed != want.Fixed || p.Aux != want.Aux || p.Source != want.Source {
			t.Errorf("declared %+v, want %+v", p, want)
		}
	}
	if p, _ := reg.Lookup("blocks.1.mlp.fc2.cross_modal_scale"); p.Values(3)[0] != 0.5 {
		t.Errorf("lambda begins at %v, want 0.5", p.Values(3))
	}
	for _, name := range []string{"blocks.1.mlp.fc1.aux_weight.1", "blocks.0.mlp.fc2.aux_weight.1"} {
		if _, ok := reg.Lookup(name); ok {
			t.Errorf("%s is declared", name)
		}
	}
}

// TestInitialValues: parameters begin with the same values in a deeper model
// and in one with pathways.
func TestInitialValues(t *testing.T) {
	deep, joined := vit(8, 3, 2), vit(8, 1, 2)
	joined.Pathways = []model.Pathway{{Layers: everyLayer(), AuxDepth: 1}}
	for name, v := range map[string]model.ViT{"deeper": deep, "joined": joined} {
		other := build(v, 16, "token").Registry()
		for _, p := range build(vit(8, 1, 2), 16, "token").Registry().Params() {
			if q, ok := other.Lookup(p.Name); !ok || !slices.Equal(p.Values(5), q.Values(5)) {
				t.Errorf("%s: %s begins elsewhere", name, p.Name)
			}
		}
	}
}

// TestWeightInit: the standard deviation of linear weights [out, in] in a block.
func TestWeightInit(t *testing.T) {
	for name, want := range map[string]float64{"": .02, "normal": .02, "fan_in": math.Sqrt(1. / (3 * 64)), "xavier": math.Sqrt(2. / (64 + 256))} {
		v := vit(64, 1, 2)
		v.WeightInit = name
		p, _ := build(v, 16, "token").Registry().Lookup("blocks.0.mlp.fc1.weight")
		var squares float64
		for _, x := range p.Values(1) {
			squares += float64(x) * float64(x)
		}
		if got := math.Sqrt(squares / float64(p.Len())); math.Abs(got/want-1) > 0.03 {
			t.Errorf("%q: deviation %g, want %g", name, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := vit(8, 1, 2).Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		want   string
		change func(*model.ViT)
	}{
		{"heads must divide", func(v *model.ViT) { v.Heads = 3 }},
		{"heads must divide", func(v *model.ViT) { v.Heads = 0 }},
		{"width 0", func(v *model.ViT) { v.Dim = 0 }},
		{"depth 0", func(v *model.ViT) { v.Depth = 0 }},
		{`qkv bias "some"`, func(v *model.ViT) { v.QKVBias = "some" }},
		{`positions ""`, func(v *model.ViT) { v.PosEmbed = "" }},
		{`weight init "he"`, func(v *model.ViT) { v.WeightInit = "he" }},
		{"MLP ratio 0", func(v *model.ViT) { v.MLPRatio = 0 }},
		{"drop path 1", func(v *model.ViT) { v.DropPath = 1 }},
		{"drop path -0.1", func(v *model.ViT) { v.DropPath = -.1 }},
		{"multiple of 4", func(v *model.ViT) { v.Dim, v.PosEmbed = 6, "sincos" }},
	} {
		v := vit(8, 1, 2)
		c.change(&v)
		if err := build(v, 16, "token").Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", v, err, c.want)
		}
	}
}

// TestTrace names the tokens on their way, all of the same shape but for the
// class token.
func TestTrace(t *testing.T) {
	v := vit(8, 2, 2)
	s := nn.NewScope(ops.Float32, nn.Eval, 3, 0)
	tok := tokenizers.Image{Size: [2]int{8, 12}, Channels: 3, Patch: 4, Dim: 8}
	var got []string
	v.Forward(s, tok, s.Feed("x", 3, 3, 8, 12), func(name string, x *ops.Node) {
		got = append(got, fmt.Sprint(name, ops.SpecOf(x).Shape))
	})
	want := []string{"patch_embed[3 6 8]", "tokens_in[3 7 8]", "block0[3 7 8]", "block1[3 7 8]"}
	if s.Err() != nil || !slices.Equal(got, want) {
		t.Errorf("%q, want %q, %v", got, want, s.Err())
	}
}

func everyLayer() []string { return []string{"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"} }
