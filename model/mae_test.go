package model_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
)

// pretrain declares a masked autoencoder of two samples on a graph.
func pretrain(m model.MAE, t tokenizers.Tokenizer, trace model.Trace) (s nn.Scope, z, pred *ops.Node) {
	s = nn.NewScope(ops.Float32, nn.Train, 2, 0)
	in := t.Input()
	x := s.Graph.Declare("x", ops.Spec{Shape: append([]int{2}, in.Shape...), Dtype: in.Dtype}, ops.PerBatch)
	z, pred = m.Forward(s, t, x, trace)
	return s, z, pred
}

// pictures is MAE with a ViT of the given size in front of its decoder.
func pictures(v, decoder model.ViT, keep, masked, out int) model.MAE {
	v.PosEmbed, decoder.PosEmbed, v.Keep = "sincos", "sincos", keep
	return model.MAE{ViT: v, Decoder: decoder, Embed: "full", Masked: masked, Out: out}
}

// clouds is Point-MAE.
func clouds(dim, depth, decoderDepth, heads, keep, masked, out int) model.MAE {
	v := vit(dim, depth, heads)
	v.ClassToken, v.PosEmbed, v.QKVBias = false, "mlp", "none"
	d := v
	d.Depth, v.Keep = decoderDepth, keep
	return model.MAE{ViT: v, Decoder: d, Masked: masked, Out: out}
}

func groups(dim, groups, size int) tokenizers.Point {
	return tokenizers.Point{Points: 1024, Groups: groups, Size: size, Widths: [3]int{128, 256, 512}, Dim: dim}
}

// windows is a masked autoencoder with AudioMAE's decoder.
func windows(m model.MAE, size int) model.MAE {
	m.Window = size
	return m
}

// clips is VideoMAE.
func clips(v, decoder model.ViT, keep, masked, out int) model.MAE {
	v.ClassToken, v.PosEmbed, v.QKVBias, v.Keep = false, "sinusoid", "split", keep
	decoder.ClassToken, decoder.PosEmbed, decoder.QKVBias = false, "sinusoid", "split"
	return model.MAE{ViT: v, Decoder: decoder, Embed: "none", Masked: masked, Out: out}
}

// TestMAEParameterCounts: those of the published models, running statistics and
// tables that no checkpoint holds aside.
func TestMAEParameterCounts(t *testing.T) {
	picture := tokenizers.Image{Size: [2]int{224, 224}, Channels: 3, Patch: 16, Dim: 768}
	video := tokenizers.Video{Frames: 16, Size: [2]int{224, 224}, Channels: 3, Tubelet: 2, Patch: 16, Dim: 768}
	for _, c := range []struct {
		name string
		m    model.MAE
		t    tokenizers.Tokenizer
		want int
	}{
		{"MAE-B", pictures(vit(768, 12, 12), vit(512, 8, 16), 50, 147, 768), picture, 111907840},
		{"Point-MAE", clouds(384, 12, 4, 6, 26, 38, 96), groups(384, 64, 32), 29006432},
		{"Point-MAE, as wide as the auxiliary", clouds(768, 12, 4, 6, 26, 38, 96), groups(768, 64, 32), 114337376},
		{"AudioMAE", windows(pictures(vit(768, 12, 12), vit(512, 16, 16), 103, 410, 256), 4), tokenizers.Image{Size: [2]int{1024, 128}, Channels: 1, Patch: 16, Dim: 768}, 136992768},
		{"VideoMAE-B", clips(vit(768, 12, 12), vit(384, 4, 6), 160, 1408, 1536), video, 94210944},
		{"VideoMAE V2-B", clips(vit(768, 12, 12), vit(384, 4, 6), 160, 784, 1536), video, 94210944},
	} {
		s, _, _ := pretrain(c.m, c.t, nil)
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

// small are autoencoders of one block on either side.
func small() (picture, cloud, clip model.MAE) {
	return pictures(vit(8, 1, 2), vit(4, 1, 2), 3, 4, 48), clouds(8, 1, 1, 2, 3, 5, 12), clips(vit(8, 1, 2), vit(6, 1, 2), 4, 6, 96)
}

func smallPicture() tokenizers.Image {
	return tokenizers.Image{Size: [2]int{8, 12}, Channels: 3, Patch: 4, Dim: 8}
}

// TestMAEForward: what is declared beside the ViT, in order, with * where it does
// not train; the shapes of what comes out and of what the trace is shown.
func TestMAEForward(t *testing.T) {
	const block = " NAME.0.norm1.weight NAME.0.norm1.bias NAME.0.attn.qkv.weight NAME.0.attn.proj.weight NAME.0.attn.proj.bias" +
		" NAME.0.norm2.weight NAME.0.norm2.bias NAME.0.mlp.fc1.weight NAME.0.mlp.fc1.bias NAME.0.mlp.fc2.weight NAME.0.mlp.fc2.bias"
	const norm, end = "norm.weight norm.bias ", " decoder_norm.weight decoder_norm.bias decoder_pred.weight decoder_pred.bias"
	full := strings.Replace(block, "qkv.weight", "qkv.weight NAME.0.attn.qkv.bias", 1)
	split := strings.Replace(block, "NAME.0.attn.qkv.weight", "NAME.0.attn.q_bias NAME.0.attn.v_bias NAME.0.attn.qkv.weight", 1)
	const place = "decoder_pos_embed.0.weight decoder_pos_embed.0.bias decoder_pos_embed.2.weight decoder_pos_embed.2.bias"
	const shifted = " NAME.0.attn.tau NAME.0.attn.qkv.weight NAME.0.attn.qkv.bias" +
		" NAME.0.attn.meta_mlp.fc1.weight NAME.0.attn.meta_mlp.fc1.bias NAME.0.attn.meta_mlp.fc2.weight NAME.0.attn.meta_mlp.fc2.bias" +
		" NAME.0.attn.proj.weight NAME.0.attn.proj.bias NAME.0.norm1.weight NAME.0.norm1.bias" +
		" NAME.0.mlp.fc1.weight NAME.0.mlp.fc1.bias NAME.0.mlp.fc2.weight NAME.0.mlp.fc2.bias NAME.0.norm2.weight NAME.0.norm2.bias"
	picture, cloud, clip := small()
	for _, c := range []struct {
		name  string
		m     model.MAE
		t     tokenizers.Tokenizer
		want  string
		shown string
	}{
		{"picture", picture, smallPicture(), norm + "decoder_embed.weight decoder_embed.bias decoder_pos_embed*" + full + end, "[2 3 8] [2 4 48] [2 7 4]"},
		{"windows", windows(picture, 3), smallPicture(), norm + "decoder_embed.weight decoder_embed.bias decoder_pos_embed* decoder_offsets*" + shifted + end, "[2 3 8] [2 4 48] [2 9 4]"},
		{"cloud", cloud, groups(8, 8, 4), norm + place + block + end, "[2 3 8] [2 5 12] [2 8 8]"},
		{"clip", clip, tokenizers.Video{Frames: 4, Size: [2]int{8, 8}, Channels: 3, Tubelet: 2, Patch: 4, Dim: 8},
			norm + "decoder_embed.weight decoder_pos_embed*" + split + end, "[2 4 8] [2 6 96] [2 10 6]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var decoded *ops.Node
			s, z, pred := pretrain(c.m, c.t, func(name string, x *ops.Node) {
				if name == "decoder_block0" {
					decoded = x
				}
			})
			if s.Err() != nil {
				t.Fatal(s.Err())
			}
			if got := fmt.Sprint(ops.SpecOf(z).Shape, ops.SpecOf(pred).Shape, ops.SpecOf(decoded).Shape); got != c.shown {
				t.Errorf("shapes %s, want %s", got, c.shown)
			}
			names := declared(s)
			from := slices.Index(names, "norm.weight")
			if want := strings.Fields(strings.ReplaceAll(c.want, "NAME", "decoder_blocks")); names[0] != "mask_token" || !slices.Equal(names[from:], want) {
				t.Errorf("declared %q ... %q, want\n%q", names[0], names[from:], want)
			}
		})
	}
}

// declared are the names of a graph's parameters, with * where they do not train.
func declared(s nn.Scope) []string {
	var names []string
	for _, p := range s.Registry().Params() {
		name := p.Name
		if p.Fixed {
			name += "*"
		}
		names = append(names, name)
	}
	return names
}

// TestMAEInit: predictions start as in MAE, of points as PyTorch's layers; with
// TokenizerInit the tokenizer's layers start as those of the blocks.
func TestMAEInit(t *testing.T) {
	picture, cloud, _ := small()
	picture.ViT.WeightInit = "xavier"
	whole := func(m model.MAE) model.MAE { m.TokenizerInit = true; return m }
	xavier := func(in, out float64) float64 { return math.Sqrt(2 / (in + out)) }
	fanIn := func(in float64) float64 { return math.Sqrt(1 / (3 * in)) }
	for _, c := range []struct {
		name string
		m    model.MAE
		t    tokenizers.Tokenizer
		want map[string]float64 // deviations
	}{
		{"picture", picture, smallPicture(), map[string]float64{"decoder_pred.weight": xavier(4, 48), "decoder_pred.bias": 0, "patch_embed.proj.weight": fanIn(48)}},
		{"picture, tokenizer", whole(picture), smallPicture(), map[string]float64{"patch_embed.proj.weight": xavier(48, 8), "patch_embed.proj.bias": fanIn(48), "cls_token": .02}},
		{"cloud", cloud, groups(8, 8, 4), map[string]float64{"decoder_pred.weight": fanIn(8), "decoder_pred.bias": fanIn(8), "encoder.first_conv.3.weight": fanIn(128)}},
		{"cloud, tokenizer", whole(cloud), groups(8, 8, 4), map[string]float64{"encoder.first_conv.3.weight": .02, "encoder.first_conv.3.bias": 0,
			"pos_embed.0.weight": .02, "pos_embed.2.bias": 0, "decoder_pos_embed.0.weight": fanIn(3), "decoder_pred.weight": fanIn(8)}},
	} {
		s, _, _ := pretrain(c.m, c.t, nil)
		for name, want := range c.want {
			p, ok := s.Registry().Lookup(name)
			squares := 0.0
			for _, v := range p.Values(1) {
				squares += float64(v) * float64(v)
			}
			if got := math.Sqrt(squares / float64(p.Len())); !ok || math.Abs(got-want) > 0.35*want {
				t.Errorf("%s: %s starts with deviation %g, want %g", c.name, name, got, want)
			}
		}
	}
}

func TestMAERefuses(t *testing.T) {
	picture, cloud, _ := small()
	for _, c := range []struct {
		want   string
		m      model.MAE
		change func(*model.MAE)
	}{
		{"0 visible and 4 masked", picture, func(m *model.MAE) { m.ViT.Keep = 0 }},
		{"3 visible and 0 masked", picture, func(m *model.MAE) { m.Masked = 0 }},
		{"tokens of 0 numbers", picture, func(m *model.MAE) { m.Out = 0 }},
		{`embedding "linear"`, picture, func(m *model.MAE) { m.Embed = "linear" }},
		{"class token false in the decoder, true in the encoder", picture, func(m *model.MAE) { m.Decoder.ClassToken = false }},
		{`positions "learned" in the decoder`, picture, func(m *model.MAE) { m.Decoder.PosEmbed = "learned" }},
		{`positions "mlp" in the decoder, "sincos" in the encoder`, picture, func(m *model.MAE) { m.Decoder.PosEmbed = "mlp" }},
		{`positions "sincos" in the decoder, "mlp" in the encoder`, cloud, func(m *model.MAE) { m.Decoder.PosEmbed = "sincos" }},
		{"a class token among tokens that lie in space", cloud, func(m *model.MAE) { m.ViT.ClassToken, m.Decoder.ClassToken = true, true }},
		{"windows of 3 columns over a grid of [1 2 3], positions \"mlp\"", cloud, func(m *model.MAE) { m.Window = 3 }},
		{"windows of -1 columns", windows(picture, -1), func(m *model.MAE) {}},
		{"windows of 2 columns over a grid of [1 2 3]", windows(picture, 2), func(m *model.MAE) {}},
		{"windows over 5 tokens of a grid of [1 2 3]", windows(picture, 3), func(m *model.MAE) { m.Masked = 3 }},
		{"decoder of width 4 without an embedding, encoder of width 8", picture, func(m *model.MAE) { m.Embed = "" }},
		{"keeps 3 tokens and has 0 pathways", picture, func(m *model.MAE) { m.Decoder.Keep = 3 }},
		{"has 1 pathways", picture, func(m *model.MAE) { m.Decoder.Pathways = make([]model.Pathway, 1) }},
		{"mae: decoder: vit: width 4, depth 1, 3 heads", picture, func(m *model.MAE) { m.Decoder.Heads = 3 }},
		{"vit: width 8, depth 1, 3 heads", picture, func(m *model.MAE) { m.ViT.Heads = 3 }},
	} {
		c.change(&c.m)
		s, z, pred := pretrain(c.m, smallPicture(), nil)
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), c.want) || z != nil || pred != nil {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

// TestRestore: places in the grid's order, the last row again where windows need more.
func TestRestore(t *testing.T) {
	picture, _, _ := small()
	m, grid := windows(picture, 3), [3]int{1, 2, 3}
	row := make([]int32, m.Places(grid))
	m.Restore(row, []int32{0, 5, 2, 6, 1, 4, 3}, grid)
	if want := []int32{4, 2, 6, 5, 1, 3, 5, 1, 3}; !slices.Equal(row, want) {
		t.Errorf("places %v, want %v", row, want)
	}
	if n := picture.Places(grid); n != 0 {
		t.Errorf("%d places without windows", n)
	}
}

// TestOffsetsDropOut: in training each sample has biases of its own, of a network that
// drops a tenth behind both layers.
func TestOffsetsDropOut(t *testing.T) {
	picture, _, _ := small()
	var counts []string
	for _, mode := range []nn.Mode{nn.Train, nn.Eval} {
		s := nn.NewScope(ops.Float32, mode, 2, 0)
		windows(picture, 3).Forward(s, smallPicture(), s.Feed("x", 2, 3, 8, 12), nil)
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		for _, n := range s.Graph.AllNodes() {
			op, ok := n.Op().(*ops.Op)
			switch {
			case ok && strings.HasPrefix(op.String(), "window_attention"):
				counts = append(counts, fmt.Sprint(op.In[1].Shape))
			case ok && strings.HasPrefix(op.String(), "dropout(0.1,"):
				counts = append(counts, op.Scope)
			}
		}
	}
	const mlp = "decoder_blocks.0.attn.meta_mlp"
	if want := []string{mlp, mlp, "[2 81 2]", "[1 81 2]"}; !slices.Equal(counts, want) {
		t.Errorf("dropouts and biases %q, want %q", counts, want)
	}
}
