package train

import (
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"m2pt/experiment"
)

// pretraining is a tiny masked autoencoder of a modality.
func pretraining(more ...string) []string {
	return append([]string{"task=pretrain", "mae.decoder_dim=8", "mae.decoder_depth=1", "mae.decoder_heads=2", "optimizer.lr=3e-3"}, more...)
}

// autoencoders are one of every modality and kind of mask.
func autoencoders() map[string][]string {
	clouds := func(more ...string) []string {
		return append(append(clouds(more...), "task=pretrain", "mae.decoder_depth=1"), "mae.decoder_dim=0", "mae.decoder_heads=0")
	}
	return map[string][]string{
		"pictures":             pretraining("augment.crop=shift", "mae.mask_ratio=0.5", "data.image_size=16", "data.samples=129", "optimizer.lr=1e-2"),
		"pictures, normalised": pretraining("mae.norm_target=true", "data.image_size=16"),
		"sounds":               pretraining(sounds("data.samples=33", "train.batch=8")...),
		"sounds, grid":         pretraining(sounds("mae.mask=grid", "mae.mask_t_prob=0.5", "mae.mask_f_prob=0.5", "data.samples=33", "train.batch=8")...),
		"sounds, overlapping":  pretraining(sounds("tokenizer.stride=6", "data.samples=33", "train.batch=8")...),
		"sounds, windows": pretraining(sounds("tokenizer.stride=4", "mae.decoder=window", "mae.decoder_window=3", "mae.decoder_depth=2",
			"data.samples=33", "train.batch=8")...),
		"clouds":              clouds(),
		"clouds, blocks, L1":  clouds("mae.mask=block", "mae.chamfer=l1"),
		"clips":               pretraining(clips("mae.mask_ratio=0.5")...),
		"clips, running cell": pretraining(clips("mae.mask_ratio=0.5", "mae.decoder_mask=running_cell")...),
	}
}

// TestPretraining: every kind trains, its masked loss falls below that of its first
// epoch, and it resumes with the same bytes.
func TestPretraining(t *testing.T) {
	t.Parallel()
	for name, sets := range autoencoders() {
		t.Run(name, func(t *testing.T) {
			sets := append(sets, "train.accumulate=2", "train.ema_decay=0.5", "train.epochs=3", "eval.probe=ridge", "mae.draw_every=2")
			cfg := tiny(t, sets...)
			out := trained(t, cfg)
			if !out.Eval.Masked || out.Eval.Samples != 13 || out.Best.Loss > out.Eval.Loss || out.BestStep == 0 {
				t.Errorf("evaluation %+v, best %+v at step %d", out.Eval, out.Best, out.BestStep)
			}
			if first := records(t, cfg, "eval")[0].Loss; out.Best.Loss >= first {
				t.Errorf("masked loss %v, %v after the first epoch", out.Best.Loss, first)
			}
			got, want := reevaluated(t, cfg), out.Best
			if got.Probe == nil || want.Probe == nil || *got.Probe != *want.Probe || got.Loss != want.Loss || got.Constant != want.Constant || !(got.Constant > 0) {
				t.Errorf("evaluated again %+v %+v, want %+v %+v", got, got.Probe, want, want.Probe)
			}
			wantDrawings(t, cfg)
			other := tiny(t, sets...)
			stopped(t, other, 5)
			trained(t, again(t, other, append(slices.Clone(sets), "data.workers=3")...), func(o *Options) { o.Device = device(t, 3) })
			if got, want := bits(t, other), bits(t, cfg); got != want {
				t.Errorf("stopped and resumed:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestPretrained: what was pretrained is an auxiliary model, and the start of
// fine-tuning; it is no classifier.
func TestPretrained(t *testing.T) {
	t.Parallel()
	var cfg *experiment.Config
	for _, name := range []string{"sounds, windows", "clouds"} {
		cfg = tiny(t, append(autoencoders()[name], "train.epochs=1")...)
		trained(t, cfg)
		out := trained(t, tiny(t, "pathway = { aux = '"+cfg.Output+"' }", "train.epochs=1"))
		if len(out.Lambda) != 8 || out.Lambda[0].Value == 0 {
			t.Errorf("%s: λ %+v", name, out.Lambda)
		}
	}
	tr := ready(t, tiny(t, clouds("model.init='"+cfg.Output+"'")...))
	for _, name := range []string{"blocks.1.mlp.fc1.weight", "encoder.first_conv.0.weight", "pos_embed.0.weight", "encoder.first_conv.1.running_mean"} {
		if !slices.Equal(state(t, tr, name), values(t, weights(t, cfg), name)) {
			t.Errorf("%s is not the pretrained one", name)
		}
	}
}

// wantDrawings: a run of three epochs of four steps or more has drawn after each and
// every two steps, and the drawings differ.
func wantDrawings(t *testing.T, cfg *experiment.Config) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(cfg.Output, "reconstructions", "step-*.png"))
	must(t, err)
	steps := records(t, cfg, "train")
	last := steps[len(steps)-1].Step
	if want := int(last) / 2; len(paths) != want {
		t.Errorf("%d drawings, want %d: %v", len(paths), want, paths)
		return
	}
	var drawings [2]image.Image
	for i, path := range []string{paths[0], paths[len(paths)-1]} {
		f, err := os.Open(path)
		must(t, err)
		drawings[i], err = png.Decode(f)
		must(t, errors.Join(err, f.Close()))
	}
	a, b := drawings[0].(*image.RGBA), drawings[1].(*image.RGBA)
	if a.Bounds() != b.Bounds() || slices.Equal(a.Pix, b.Pix) {
		t.Errorf("drawings of %v and %v, the same: %v", a.Bounds(), b.Bounds(), slices.Equal(a.Pix, b.Pix))
	}
}

// TestPretrainingPlan: a dry run counts what published recipes have.
func TestPretrainingPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sets []string
		want int
	}{
		{"MAE", []string{"model.name=vit_base"}, 111907840},
		{"Point-MAE", []string{"tokenizer.kind=point", "model.embed_dim=384", "model.num_heads=6"}, 29006432},
		{"VideoMAE", []string{"tokenizer.kind=video"}, 94210944},
		{"AudioMAE", []string{"tokenizer.kind=audio", "mae.decoder=window"}, 136992768},
	} {
		cfg, err := experiment.Load(write(t, filepath.Join(t.TempDir(), "plan.toml"), "task = 'pretrain'\ntrain.batch = 2\n"), c.sets)
		must(t, err)
		p, err := NewPlan(cfg, Answers{Classes: 10}, 0)
		must(t, err)
		if p.Parameters.Training != c.want {
			t.Errorf("%s: %d parameters, want %d", c.name, p.Parameters.Training, c.want)
		}
	}
}
