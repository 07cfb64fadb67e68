package train

import (
	"testing"

	"m2pt/experiment"
)

// classifiers are one of every modality and kind of head, with what is random in
// the blocks.
func classifiers(t *testing.T) map[string][]string {
	return map[string][]string{
		"pictures":               {"augment.reprob=0.5", "augment.mixup=0.8", "train.clip_grad=1"},
		"pictures, pathway":      {auxPath(t, ", lambda_init = 0.5")},
		"pictures, W' trains":    {auxPath(t, ", lambda_init = 0.5, aux_trainable = true")},
		"sounds, several labels": sounds("head.loss=bce", "audio.mixup=0.5", "data.samples=33", "train.batch=8"),
		"sounds, masked tokens":  sounds("audio.mask_t_prob=0.5", "data.samples=33", "train.batch=8"),
		"clouds":                 clouds("head.dropout=0.5"),
		"parts":                  parts(),
		"clips, all options":     clips("model.init_values=0.1", "model.cos_attn=true", "model.qkv_bias=split", "model.pos_embed=learned"),
	}
}

// TestGradCheckpointing: every kind of training takes less memory with it, and ends
// with the same bytes, on another number of threads.
func TestGradCheckpointing(t *testing.T) {
	t.Parallel()
	all := classifiers(t)
	for name, sets := range autoencoders() {
		all["pretraining, "+name] = append(sets, "mae.decoder_depth=2")
	}
	for name, sets := range all {
		t.Run(name, func(t *testing.T) {
			sets := append([]string{"model.depth=4", "model.drop_path=0.3", "train.accumulate=2", "train.ema_decay=0.9",
				"train.max_steps=2", "data.val_samples=8"}, sets...)
			plain := tiny(t, sets...)
			cfg := tiny(t, append(sets, "train.grad_checkpointing=true")...)
			trained(t, plain)
			trained(t, cfg, func(o *Options) { o.Device = device(t, 2) })
			if got, want := bits(t, cfg), bits(t, plain); got != want {
				t.Errorf("%s\nwithout checkpointing\n%s", got, want)
			}
			if got, want := arena(t, cfg), arena(t, plain); got >= want {
				t.Errorf("values take %d bytes, without checkpointing %d", got, want)
			}
		})
	}
}

// TestGradCheckpointingOfFrozen: a frozen network has no backward pass to compute
// anything again for.
func TestGradCheckpointingOfFrozen(t *testing.T) {
	t.Parallel()
	probe := []string{"head.kind=probe", "model.frozen=true", "optimizer.name=lars", "model.depth=4"}
	got, want := arena(t, tiny(t, append(probe, "train.grad_checkpointing=true")...)), arena(t, tiny(t, probe...))
	if got != want {
		t.Errorf("values take %d bytes, without checkpointing %d", got, want)
	}
}

// TestGradCheckpointingOnResume: a run goes on with it or without.
func TestGradCheckpointingOnResume(t *testing.T) {
	t.Parallel()
	whole, cfg := tiny(t, append(rich(), "model.depth=4")...), tiny(t, append(rich(), "model.depth=4")...)
	trained(t, whole)
	stopped(t, cfg, 3)
	if out := trained(t, again(t, cfg, append(rich(), "model.depth=4", "train.grad_checkpointing=true")...)); out.StartStep != 3 {
		t.Errorf("start step %d, want 3", out.StartStep)
	}
	if got, want := bits(t, cfg), bits(t, whole); got != want {
		t.Errorf("%s\nwithout checkpointing\n%s", got, want)
	}
}

// arena is the memory of all values of a training step.
func arena(t *testing.T, cfg *experiment.Config) int {
	t.Helper()
	tr := ready(t, cfg)
	defer tr.close()
	return tr.prog.Memory().Arena
}
