package experiment_test

import (
	"strings"
	"testing"

	"m2pt/experiment"
)

// TestPretrainingDefaults: those of each modality's published recipe.
func TestPretrainingDefaults(t *testing.T) {
	type recipe struct {
		pos, init, crop, interpolation string
		dropPath, hflip, beta2         float64
		classToken, norm               bool
		mask                           string
		ratio                          float64
		dim, depth, heads              int
	}
	for kind, want := range map[string]recipe{
		"image": {"sincos", "xavier", "resized", "bicubic", 0, 0.5, 0.95, true, false, "random", 0.75, 512, 8, 16},
		"audio": {"sincos", "xavier", "resized", "bicubic", 0, 0.5, 0.95, true, true, "random", 0.8, 512, 8, 16},
		"point": {"mlp", "normal", "resized", "bicubic", 0.1, 0.5, 0.999, false, false, "random", 0.6, 768, 4, 12},
		"video": {"sinusoid", "xavier", "multi_scale", "bilinear", 0, 0, 0.95, false, true, "tube", 0.9, 384, 4, 6},
	} {
		c := loadText(t, "task = 'pretrain'\ntokenizer.kind = '"+kind+"'\n")
		m, e, a := c.Model, c.MAE, c.Augment
		got := recipe{m.PosEmbed, m.WeightInit, a.Crop, a.Interpolation, m.DropPath, a.HFlip, c.Optimizer.Betas[1], m.ClassToken,
			e.NormTarget, e.Mask, e.MaskRatio, e.DecoderDim, e.DecoderDepth, e.DecoderHeads}
		if got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
		if a.Scale != [2]float64{0.2, 1} || a.Smoothing != 0 || a.ReProb != 0 || c.Schedule.MinLR != 0 || c.Optimizer.LayerDecay != 1 {
			t.Errorf("%s: scale %v, smoothing %v, reprob %v, min_lr %v, layer_decay %v", kind, a.Scale, a.Smoothing, a.ReProb, c.Schedule.MinLR, c.Optimizer.LayerDecay)
		}
	}
	if c := loadText(t, "task = 'pretrain'\ntokenizer.kind = 'video'\naugment = { crop = 'resized', hflip = 0.5 }\n"); c.Augment.Crop != "resized" || c.Augment.HFlip != 0.5 {
		t.Errorf("%+v is not what the file says", c.Augment)
	}
}

// TestPretrainingRefuses: what is for classification is named with its own key.
func TestPretrainingRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"model.cos_attn = true":                       "model.cos_attn: is given, but task is",
		"model.init = 'x.pth'":                        "model.init: is given",
		"augment.cutmix = 1.0":                        "augment.cutmix: is given",
		"tokenizer.kind = 'audio'\naudio.mixup = 0.5": "audio.mixup: is given",
		"tokenizer.kind = 'point'\neval.votes = 3":    "eval.votes: is given",
		"mae.decoder_dim = 0":                         "mae.decoder_dim: is 0, want 1 or more",
		"mae.decoder_heads = 0":                       "mae.decoder_heads: is 0, want 1 or more",
		"eval.probe = 'knn'":                          "eval.probe: is \"knn\", want none or ridge",
		"mae.draw_every = -1":                         "mae.draw_every: is -1, want 0 or more",
	} {
		if _, err := experiment.Load(writeFile(t, "task = 'pretrain'\n"+text+"\n"), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	if _, err := experiment.Load(writeFile(t, "eval.probe = 'ridge'\n"), nil); err == nil || !strings.Contains(err.Error(), `eval.probe: is "ridge", which is for task "pretrain"`) {
		t.Errorf("a probe of a classifier: %v", err)
	}
}

// TestDecoders: AudioMAE's windows bring their own depth; they are for sounds, and
// divide the patches along frequency.
func TestDecoders(t *testing.T) {
	const sounds = "task = 'pretrain'\ntokenizer = { kind = 'audio', stride = 10 }\n"
	windows := func(more string) string { return "mae = { decoder = 'window', " + more + " }\n" }
	if a := loadText(t, sounds+windows("decoder_window = 6")).MAE; a.DecoderDepth != 16 || a.DecoderHeads != 16 || a.DecoderDim != 512 {
		t.Errorf("decoder of %d blocks, %d heads, width %d", a.DecoderDepth, a.DecoderHeads, a.DecoderDim)
	}
	if a := loadText(t, sounds+windows("decoder_depth = 3")).MAE; a.DecoderDepth != 3 || a.DecoderWindow != 4 {
		t.Errorf("decoder of %d blocks, windows of %d", a.DecoderDepth, a.DecoderWindow)
	}
	for text, want := range map[string]string{
		sounds + windows("decoder_window = 5"):                                             "mae.decoder_window: is 5, which does not divide the 12 patches along frequency",
		sounds + windows("decoder_window = 2"):                                             "mae.decoder_window: is 2, want 3 to",
		"task = 'pretrain'\n" + windows("decoder_window = 4"):                              "mae.decoder: is \"window\", which is for sounds",
		sounds + "mae.decoder = 'swin'\n":                                                  "mae.decoder: is \"swin\", want global or window",
		"tokenizer = { kind = 'audio', patch_size = 0 }\n" + windows("decoder_window = 4"): "tokenizer.patch_size: is 0",
	} {
		if _, err := experiment.Load(writeFile(t, text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// TestOverlappingPretraining: patches of spectrograms and pictures may overlap,
// tubelets not.
func TestOverlappingPretraining(t *testing.T) {
	loadText(t, "task = 'pretrain'\ntokenizer = { kind = 'audio', patch_size = 16, stride = 10 }\n")
	loadText(t, "task = 'pretrain'\ntokenizer = { patch_size = 16, stride = 8 }\n")
	_, err := experiment.Load(writeFile(t, "task = 'pretrain'\ntokenizer = { kind = 'video', patch_size = 16, stride = 8 }\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "tubelets do not overlap") {
		t.Errorf("error %v", err)
	}
}
