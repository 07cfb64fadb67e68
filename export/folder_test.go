package export_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/export"
	"m2pt/internal/cli/clitest"
	"m2pt/train"
)

// The other modalities of the tiny experiment.
func sounds(more ...string) []string {
	return append([]string{"tokenizer.kind=audio", "tokenizer.patch_size=8", "audio.mel_bins=16", "audio.frames=32"}, more...)
}

func clips(more ...string) []string {
	return append([]string{"tokenizer.kind=video", "video.frames=4", "video.rate=1", "tokenizer.patch_size=8",
		"model.qkv_bias=split", "model.class_token=false", "model.pos_embed=sinusoid"}, more...)
}

func clouds(more ...string) []string {
	return append([]string{"tokenizer.kind=point", "point.points=32", "tokenizer.groups=6", "tokenizer.group_size=4", "tokenizer.widths=[4, 6, 8]", "head.hidden=8"}, more...)
}

func autoencoder(sets []string, more ...string) []string {
	return append(append(slices.Clone(sets), "task=pretrain", "mae.decoder_dim=32", "mae.decoder_depth=1", "mae.decoder_heads=2"), more...)
}

// trained is a tiny model.
func trained(t testing.TB, sets ...string) *train.Trained {
	t.Helper()
	return opened(t, clitest.Train(t, clitest.Experiment(t), append(sets, "train.epochs=1", "head.init_std=0.1")...).Run)
}

// folder writes and verifies a folder and returns its tensors, config.json and card.
func folder(t testing.TB, m *train.Trained) (ts *checkpoint.Tensors, config map[string]any, card string, s export.Summary) {
	t.Helper()
	f := export.Form{Out: filepath.Join(t.TempDir(), "a", "folder")}
	s, err := export.Write(m, f)
	must(t, err)
	if r, err := export.Verify(m, f, device(t)); err != nil || !r.OK() || r.MaxLogit == 0 {
		t.Errorf("report %+v, %v", r, err)
	}
	ts, err = checkpoint.Load(f.Out)
	must(t, err)
	text, err := os.ReadFile(filepath.Join(f.Out, "config.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &config))
	text, err = os.ReadFile(filepath.Join(f.Out, "README.md"))
	must(t, err)
	if ts.Metadata["format"] != "pt" {
		t.Errorf("metadata %v", ts.Metadata)
	}
	if again, err := export.Write(m, f); err != nil || again.Path != f.Out {
		t.Errorf("written again: %+v, %v", again, err)
	}
	return ts, config, string(text), s
}

// wantEntries compares the entries of a decoded JSON object that want names.
func wantEntries(t testing.TB, got map[string]any, want map[string]any) {
	t.Helper()
	for key, w := range want {
		if g := got[key]; fmt.Sprint(g) != fmt.Sprint(w) {
			t.Errorf("%s is %v, want %v", key, g, w)
		}
	}
}

// wantNames: some tensors are there in their shapes, and those of no other name
// begin so.
func wantNames(t testing.TB, ts *checkpoint.Tensors, has map[string][]int, lacks ...string) {
	t.Helper()
	for name, shape := range has {
		x, err := ts.Get(name)
		if err != nil || !slices.Equal(x.Shape, shape) {
			t.Errorf("%s: shape %v, want %v, %v", name, x.Shape, shape, err)
		}
	}
	for name := range ts.Names() {
		for _, prefix := range lacks {
			if strings.HasPrefix(name, prefix) {
				t.Errorf("tensor %q", name)
			}
		}
	}
}

// TestFolderOfPictures: config.json says what timm has to build and how to prepare
// input.
func TestFolderOfPictures(t *testing.T) {
	t.Parallel()
	m := joined(t)
	_, config, card, _ := folder(t, m)
	args, prepared := config["model_args"].(map[string]any), config["pretrained_cfg"].(map[string]any)
	want := map[string]any{"img_size": 16, "patch_size": 4, "in_chans": 3, "embed_dim": 32, "depth": 2, "num_heads": 2, "mlp_ratio": 4,
		"qkv_bias": true, "class_token": true, "global_pool": "avg"}
	wantEntries(t, args, want)
	if len(args) != len(want) {
		t.Errorf("model_args %v", args)
	}
	wantEntries(t, config, map[string]any{"architecture": "vit_base_patch16_224", "num_classes": 10, "num_features": 32, "global_pool": "avg", "label_names": m.Classes})
	wantEntries(t, prepared, map[string]any{"input_size": []int{3, 16, 16}, "mean": []float64{0.485, 0.456, 0.406}, "std": []float64{0.229, 0.224, 0.225}, "crop_pct": 1})
	for _, s := range []string{"---\nlibrary_name: timm\npipeline_tag: image-classification\ntags:\n- m2pt\n- vision-transformer\n- multimodal-pathway\nmetrics:\n- accuracy\n---\n",
		"# folder\n", `timm.create_model("local-dir:folder", checkpoint_path="folder/model.safetensors")`,
		"| data | generated, 64 training samples, 10 classes |", "| epochs | 2, here after", "| optimizer | adamw,", "| auxiliary model | run, forward, on attn.qkv, attn.proj, mlp.fc1, mlp.fc2 |", "SHA-256 " + m.Aux[0].SHA256,
		"| top-1 | ", "|λW'|/|W|\n", "blocks.1.mlp.fc2    0", "embed_dim = 32\n"} {
		if !strings.Contains(card, s) {
			t.Errorf("the card lacks %q:\n%s", s, card)
		}
	}
}

// TestFolderForTimm: layer scale, another ε and split biases are things that timm can
// be told.
func TestFolderForTimm(t *testing.T) {
	t.Parallel()
	ts, config, _, s := folder(t, trained(t, "model.init_values=0.1", "model.norm_eps=1e-5", "model.qkv_bias=split", "model.global_pool=token"))
	wantEntries(t, config["model_args"].(map[string]any), map[string]any{"init_values": 0.1, "pre_norm": false, "qkv_bias": true, "global_pool": "token"})
	wantEntries(t, config, map[string]any{"architecture": "vit_base_patch16_clip_224"})
	wantNames(t, ts, map[string][]int{"blocks.0.ls1.gamma": {32}, "blocks.1.ls2.gamma": {32}, "blocks.0.attn.qkv.bias": {96}, "norm.weight": {32}}, "fc_norm", "blocks.0.gamma", "blocks.0.attn.q_")
	if s.Beyond != nil {
		t.Errorf("beyond timm: %q", s.Beyond)
	}
	ts, config, card, _ := folder(t, trained(t, sounds()...))
	wantEntries(t, config["model_args"].(map[string]any), map[string]any{"img_size": []int{32, 16}, "in_chans": 1})
	wantNames(t, ts, map[string][]int{"patch_embed.proj.weight": {32, 1, 8, 8}})
	if !strings.Contains(card, "pipeline_tag: audio-classification\n") {
		t.Errorf("card\n%s", card)
	}
}

// TestFolderOfClips: transformers' VideoMAE, in its names and words.
func TestFolderOfClips(t *testing.T) {
	t.Parallel()
	ts, config, card, s := folder(t, trained(t, clips()...))
	wantEntries(t, config, map[string]any{"architectures": []string{"VideoMAEForVideoClassification"}, "model_type": "videomae", "image_size": 16, "patch_size": 8,
		"num_channels": 3, "num_frames": 4, "tubelet_size": 2, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
		"layer_norm_eps": 1e-6, "qkv_bias": true, "use_mean_pooling": true})
	if names := config["id2label"].(map[string]any); len(names) != 10 || names["1"] != "left" || config["label2id"].(map[string]any)["left"] != 1. {
		t.Errorf("id2label %v, label2id %v", names, config["label2id"])
	}
	wantNames(t, ts, map[string][]int{
		"videomae.embeddings.patch_embeddings.projection.weight": {32, 3, 2, 8, 8}, "videomae.encoder.layer.1.attention.attention.key.weight": {32, 32},
		"videomae.encoder.layer.0.attention.attention.q_bias": {32}, "videomae.encoder.layer.0.output.dense.weight": {32, 128},
		"fc_norm.bias": {32}, "classifier.weight": {10, 32},
	}, "blocks", "head", "videomae.layernorm")
	if len(s.Beyond) != 1 || !strings.Contains(s.Beyond[0], "fc_norm with 1e-05") || !strings.Contains(card, s.Beyond[0]) {
		t.Errorf("beyond transformers: %q", s.Beyond)
	}
	for _, line := range []string{"library_name: transformers\npipeline_tag: video-classification\n", `VideoMAEForVideoClassification.from_pretrained("folder")`} {
		if !strings.Contains(card, line) {
			t.Errorf("the card lacks %q:\n%s", line, card)
		}
	}
	for _, c := range []struct {
		sets []string
		want map[string]any
	}{
		{[]string{"model.norm_eps=1e-5"}, map[string]any{"layer_norm_eps": 1e-5, "use_mean_pooling": true}},
		{[]string{"model.qkv_bias=none", "model.global_pool=token"}, map[string]any{"qkv_bias": false, "use_mean_pooling": false}},
	} {
		_, config, _, s = folder(t, trained(t, clips(c.sets...)...))
		wantEntries(t, config, c.want)
		if s.Beyond != nil {
			t.Errorf("%q: beyond transformers: %q", c.sets, s.Beyond)
		}
	}
}

// TestPreprocessor: frames are prepared as evaluation does.
func TestPreprocessor(t *testing.T) {
	t.Parallel()
	f := export.Form{Out: filepath.Join(t.TempDir(), "folder")}
	_, err := export.Write(trained(t, clips("video.short=20", "augment.interpolation=bicubic")...), f)
	must(t, err)
	text, err := os.ReadFile(filepath.Join(f.Out, "preprocessor_config.json"))
	must(t, err)
	var got map[string]any
	must(t, json.Unmarshal(text, &got))
	wantEntries(t, got, map[string]any{"image_processor_type": "VideoMAEImageProcessor", "size": map[string]any{"shortest_edge": 20},
		"crop_size": map[string]any{"height": 16, "width": 16}, "resample": 3, "image_mean": []float64{0.485, 0.456, 0.406}, "rescale_factor": 1. / 255})
}

// TestFolderOfClouds: Point-MAE's names, and what its code has fixed.
func TestFolderOfClouds(t *testing.T) {
	t.Parallel()
	ts, config, card, s := folder(t, trained(t, clouds()...))
	wantEntries(t, config["model"].(map[string]any), map[string]any{"NAME": "PointTransformer", "trans_dim": 32, "depth": 2, "num_heads": 2, "cls_dim": 10, "group_size": 4, "num_group": 6})
	wantNames(t, ts, map[string][]int{"blocks.blocks.0.attn.qkv.weight": {96, 32}, "encoder.first_conv.0.weight": {4, 3, 1}, "cls_head_finetune.8.weight": {10, 8}}, "blocks.0", "MAE_encoder")
	if len(s.Beyond) != 2 || !strings.Contains(s.Beyond[0], "tokenizer.widths is [4 6 8]") || !strings.Contains(s.Beyond[1], "head.hidden is 8") || !strings.Contains(card, s.Beyond[0]) {
		t.Errorf("beyond Point-MAE: %q", s.Beyond)
	}
	ts, _, card, _ = folder(t, trained(t, clouds("head.kind=parts", "head.widths=[8, 8, 8, 8]", "model.depth=3", "model.class_token=false")...))
	wantNames(t, ts, map[string][]int{"convs2.weight": {8, 8, 1}, "label_conv.1.running_mean": {64}})
	if !strings.Contains(card, "library_name: pytorch\ntags:") || !strings.Contains(card, "- mean_iou\n") || !strings.Contains(card, "get_model") {
		t.Errorf("card\n%s", card)
	}
}

// TestFolderRefuses: what a library cannot build is said in one line.
func TestFolderRefuses(t *testing.T) {
	t.Parallel()
	for name, sets := range map[string][]string{
		"model.class_token": clips("model.class_token=true"), "model.pos_embed": clips("model.pos_embed=learned"),
		"model.cos_attn": clips("model.cos_attn=true"), "model.init_values": clips("model.init_values=0.1"), "head.kind": clips("head.kind=probe"),
		`head.kind is "linear"`: clouds("head.kind=linear"),
	} {
		t.Run(name, func(t *testing.T) {
			f := export.Form{Out: filepath.Join(t.TempDir(), "folder")}
			m := trained(t, sets...)
			_, err := export.Write(m, f)
			if _, usage := errors.AsType[*experiment.UsageError](err); !usage || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line about %s", err, name)
			}
			f.Out += ".safetensors"
			_, err = export.Write(m, f)
			must(t, err)
			if r, err := export.Verify(m, f, device(t)); err != nil || !r.OK() {
				t.Errorf("file: report %+v, %v", r, err)
			}
		})
	}
}

// TestEncoders: of a masked autoencoder the encoder is left, without head and decoder.
func TestEncoders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		sets   []string
		config map[string]any
		has    map[string][]int
		card   string
	}{
		{"pictures", autoencoder(nil), map[string]any{"num_classes": 0, "global_pool": "token"}, map[string][]int{"norm.weight": {32}, "cls_token": {1, 1, 32}}, "image-feature-extraction"},
		{"pictures, no class token", autoencoder(nil, "model.class_token=false"), map[string]any{"global_pool": "avg"}, map[string][]int{"pos_embed": {1, 16, 32}}, "image-feature-extraction"},
		{"sounds", autoencoder(sounds()), map[string]any{"num_classes": 0, "global_pool": "token"}, map[string][]int{"norm.weight": {32}}, "pipeline_tag: feature-extraction"},
		{"clips", autoencoder(clips(), "mae.mask_ratio=0.5"), map[string]any{"architectures": []string{"VideoMAEModel"}, "use_mean_pooling": false}, map[string][]int{"videomae.layernorm.weight": {32}}, "VideoMAEModel.from_pretrained"},
		{"clouds", autoencoder(clouds(), "mae.decoder_dim=0", "mae.decoder_heads=0", "head.kind=point"), nil, map[string][]int{"blocks.blocks.1.mlp.fc1.weight": {128, 32}, "norm.bias": {32}}, "strict=False"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := trained(t, c.sets...)
			ts, config, card, _ := folder(t, m)
			wantEntries(t, config, c.config)
			if args, timm := config["model_args"].(map[string]any); timm {
				wantEntries(t, args, map[string]any{"fc_norm": false, "global_pool": c.config["global_pool"]})
			}
			wantNames(t, ts, c.has, "head", "decoder", "mask_token", "encoder_to_decoder", "MAE_", "increase_dim", "classifier", "fc_norm")
			if !strings.Contains(card, c.card) || !strings.Contains(card, "| masked loss | ") {
				t.Errorf("card\n%s", card)
			}
			if m.Eval == nil || m.Step == 0 {
				t.Errorf("step %d, evaluation %v", m.Step, m.Eval)
			}
		})
	}
}

// TestBareWeights: a file outside a run has a card, but for what only a run tells.
func TestBareWeights(t *testing.T) {
	t.Parallel()
	m := plain(t)
	f := export.Form{Out: filepath.Join(t.TempDir(), "m.safetensors")}
	_, err := export.Write(m, f)
	must(t, err)
	config := filepath.Join(filepath.Dir(m.Path), "..", train.ConfigFile)
	bare, err := train.OpenTrained(f.Out, config, nil)
	must(t, err)
	if bare.Eval != nil || bare.Samples != 0 || bare.Path != f.Out {
		t.Errorf("%+v", bare)
	}
	if _, _, card, _ := folder(t, bare); strings.Contains(card, "## Evaluation") || strings.Contains(card, "training samples") {
		t.Errorf("card\n%s", card)
	}
}
