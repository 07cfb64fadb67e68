package train

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"m2pt/engine"
	"m2pt/model"
)

// sounds is a tiny experiment on generated sounds.
func sounds(more ...string) []string {
	return append([]string{"tokenizer.kind=audio", "tokenizer.patch_size=8", "audio.sample_rate=8000", "audio.mel_bins=16",
		"audio.frames=32", "data.samples=48", "data.val_samples=13", "train.batch=16", "augment.smoothing=0"}, more...)
}

// TestSounds trains on spectrograms with each way of making targets, tokens and
// draws.
func TestSounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		sets  []string
		steps int64
	}{
		{"labels", nil, 6},
		{"mixed clips", []string{"audio.mixup=1"}, 6},
		{"several classes", []string{"head.loss=bce", "audio.mixup=0.5"}, 6},
		{"masked tokens", []string{"audio.mask_t_prob=0.5", "audio.mask_f_prob=0.5"}, 6},
		{"masked tokens without a class token", []string{"audio.mask_t_prob=0.5", "model.class_token=false"}, 6},
		{"stripes, roll and noise", []string{"audio.freqm=4", "audio.timem=8", "audio.roll_mag_aug=true", "audio.noise=true"}, 6},
		{"weighted", []string{"audio.weighted=true", "audio.epoch_len=64"}, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := tiny(t, sounds(append(c.sets, "train.epochs=2")...)...)
			out := trained(t, cfg)
			if out.Steps != c.steps || out.Eval.Samples != 13 {
				t.Errorf("outcome %+v, want %d steps", out, c.steps)
			}
			if multi := cfg.Head.Loss == "bce"; multi != (out.Eval.MultiLabel != nil) {
				t.Errorf("multi-label figures %+v", out.Eval.MultiLabel)
			}
		})
	}
}

// TestMaskedTokens: the feed names the class token first and then kept patches,
// each once.
func TestMaskedTokens(t *testing.T) {
	t.Parallel()
	tr := ready(t, tiny(t, sounds("audio.mask_t_prob=0.5", "audio.mask_f_prob=0.5")...))
	keys := make([]int32, 32)
	for i := range keys {
		keys[i] = int32(i)
	}
	feeds := tr.feeds.(*augmented)
	feeds.maskTokens(keys)
	const kept = 2 * 1 // of 4 x 2 patches
	if tr.model.(Classifier).Keep != 1+kept || !tr.prog.HasFeed(model.TokenIndexFeed) {
		t.Fatalf("keeps %d tokens, want %d", tr.model.(Classifier).Keep, 1+kept)
	}
	different := false
	for i := 0; i < len(feeds.tokens); i += 1 + kept {
		row := feeds.tokens[i : i+1+kept]
		if row[0] != 0 || slices.Min(row[1:]) < 1 || slices.Max(row[1:]) > 8 || row[1] == row[2] {
			t.Errorf("tokens %v", row)
		}
		different = different || !slices.Equal(row, feeds.tokens[:1+kept])
	}
	if !different {
		t.Error("all samples keep the same tokens")
	}
}

// TestSoundHelpsPictures: an auxiliary model of sounds joins a target of
// pictures, and its weights are those trained.
func TestSoundHelpsPictures(t *testing.T) {
	t.Parallel()
	aux := tiny(t, sounds("train.epochs=1")...)
	trained(t, aux)
	cfg := tiny(t, "pathway = { aux = '"+aux.Output+"' }", "train.epochs=1")
	tr := ready(t, cfg)
	got, err := engine.Get[float32](tr.state, "blocks.0.mlp.fc1.aux_weight")
	must(t, err)
	if want := values(t, weights(t, aux), "blocks.0.mlp.fc1.weight"); !slices.Equal(got, want) {
		t.Error("W′ is not the auxiliary model's weight")
	}
}

// TestSoundClasses: class folders of sounds must agree between splits, whatever
// the training split is called.
func TestSoundClasses(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, clip := range []string{"training/bark/a.wav", "training/hum/b.wav", "val/hum/c.wav", "val/ring/d.wav"} {
		write(t, filepath.Join(root, clip), "never read")
	}
	cfg := tiny(t, sounds("data.format=folder", "data.path='"+root+"'", "data.train_split=training", "train.batch=1")...)
	_, err := Run(context.Background(), cfg, options(t))
	wantUsage(t, err, "the training data has the classes [bark hum], the validation data [hum ring]")
}
