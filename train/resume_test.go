package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/checkpoint"
)

// rich turns on all that is random or carried over from step to step.
func rich() []string {
	return []string{"train.accumulate=2", "train.ema_decay=0.9", "train.clip_grad=1", "model.drop_path=0.2",
		"augment.crop=shift", "augment.mixup=0.8", "augment.cutmix=1", "augment.reprob=0.5"}
}

// TestSameBits: whatever the order of events outside, a run ends with the same
// bytes: stopped anywhere, with other threads and workers.
func TestSameBits(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, rich()...)
	trained(t, cfg)
	want, journal := bits(t, cfg), records(t, cfg, "train")
	for _, c := range []struct {
		name string
		stop int64
		sets []string
	}{
		{"never", 0, nil},
		{"in the first epoch", 1, nil},
		{"between epochs", 4, nil},
		{"in the last epoch", 7, nil},
		{"four workers, larger evaluation batch", 3, []string{"data.workers=4", "eval.batch=13"}},
		{"one worker", 0, []string{"data.workers=1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := tiny(t, rich()...)
			if c.stop > 0 {
				stopped(t, cfg, c.stop)
			}
			out := trained(t, again(t, cfg, append(rich(), c.sets...)...), func(o *Options) { o.Device = device(t, 3) })
			if got := bits(t, cfg); got != want || out.StartStep != c.stop {
				t.Errorf("from step %d:\n%s\nwant\n%s", out.StartStep, got, want)
			}
			for i, r := range records(t, cfg, "train") {
				if r.Loss != journal[i].Loss || r.GradNorm != journal[i].GradNorm || r.LR != journal[i].LR {
					t.Errorf("journal %+v, want %+v", r, journal[i])
				}
			}
			if n := len(records(t, cfg, "train")); n != 8 {
				t.Errorf("%d train records, want 8", n)
			}
		})
	}
}

// TestOtherBits: what should change a run does.
func TestOtherBits(t *testing.T) {
	t.Parallel()
	cfg := tiny(t)
	trained(t, cfg)
	for _, set := range []string{"seed=1", "data.seed=1", "model.drop_path=0.5", "augment.reprob=1", "augment.mixup=1", "augment.cutmix=1",
		"augment.smoothing=0", "augment.crop=shift", "optimizer.weight_decay=1", "optimizer.layer_decay=1", "train.clip_grad=1e-3"} {
		other := tiny(t, set)
		trained(t, other)
		if distance(values(t, weights(t, other), "head.weight"), values(t, weights(t, cfg), "head.weight")) == 0 {
			t.Errorf("%s changes nothing", set)
		}
	}
}

// TestAnotherExperiment: a run folder is refused, and left as it is, by an
// experiment that is not its own.
func TestAnotherExperiment(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.epochs=1")
	trained(t, cfg)
	config, want := read(t, filepath.Join(cfg.Output, ConfigFile)), bits(t, cfg)
	if config == "" {
		t.Fatal("the run has no config.toml")
	}
	_, err := Run(context.Background(), again(t, cfg, "train.epochs=1", "seed=7"), options(t))
	wantUsage(t, err, "belongs to another experiment")
	_, err = Run(context.Background(), again(t, cfg, "train.epochs=1"), options(t, resume("never")))
	wantUsage(t, err, "holds checkpoints")
	if read(t, filepath.Join(cfg.Output, ConfigFile)) != config || bits(t, cfg) != want {
		t.Error("the run folder has changed")
	}
	out := trained(t, again(t, cfg, "train.epochs=1", "name=the same", "train.keep=1"))
	if out.StartStep != 4 || out.Steps != 4 {
		t.Errorf("the same experiment: %+v, want a finished run", out)
	}
}

func resume(from string) func(*Options) { return func(o *Options) { o.Resume = from } }

// TestResumeFrom: a named checkpoint is gone on from in a folder of its own, so
// that no later one is lost; of a run folder it is the newest that counts; bare
// weights and ruins are refused.
func TestResumeFrom(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.checkpoint_every=1")
	trained(t, cfg)
	want := bits(t, cfg)
	step := func(n int) string { return filepath.Join(cfg.Output, "checkpoints", fmt.Sprintf("step-%08d", n)) }
	_, err := Run(context.Background(), cfg, options(t, resume(step(3))))
	wantUsage(t, err, "holds a later checkpoint, step-00000008, which would be lost")
	if got := bits(t, cfg); got != want {
		t.Errorf("the run folder has changed:\n%s\nwant\n%s", got, want)
	}
	branch := again(t, cfg, "train.checkpoint_every=1", "output='"+filepath.Join(t.TempDir(), "branch")+"'")
	out, err := Run(context.Background(), branch, options(t, resume(step(3)), stopAfter(5)))
	if !errors.Is(err, ErrStopped) || out.StartStep != 3 || newest(t, branch).State.Step != 5 {
		t.Fatalf("error %v after %+v; newest checkpoint is of step %d, want 5", err, out, newest(t, branch).State.Step)
	}
	out = trained(t, branch)
	if got := bits(t, branch); out.StartStep != 5 || got != want {
		t.Errorf("from step %d:\n%s\nwant\n%s", out.StartStep, got, want)
	}
	if out.BestStep <= 3 {
		t.Errorf("best is step %d, which is in another folder", out.BestStep)
	}
	if n := len(records(t, branch, "train")); n != 5 {
		t.Errorf("%d train records, want 5", n)
	}
	whole := again(t, cfg, "train.checkpoint_every=1", "output='"+filepath.Join(t.TempDir(), "whole")+"'")
	if out = trained(t, whole, resume(cfg.Output)); out.StartStep != 8 {
		t.Errorf("from the run folder: start step %d, want the newest, 8", out.StartStep)
	}
	_, err = Run(context.Background(), cfg, options(t, resume(filepath.Join(step(3), "model.safetensors"))))
	wantUsage(t, err, "model.init")
	write(t, filepath.Join(step(2), "state.json"), "{}")
	_, err = Run(context.Background(), cfg, options(t, resume(step(2))))
	wantError(t, err, "step-00000002", "corrupt")
}

// TestCorruptNewest: the newest checkpoint that holds is gone on from, with the
// same result.
func TestCorruptNewest(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, append(rich(), "train.checkpoint_every=1")...)
	trained(t, cfg)
	want := bits(t, cfg)
	for _, c := range []struct {
		name string
		hurt func(t *testing.T, dir string)
	}{
		{"flipped byte", func(t *testing.T, dir string) {
			path := filepath.Join(dir, "optimizer.safetensors")
			text := []byte(read(t, path))
			text[len(text)/2] ^= 1
			write(t, path, string(text))
		}},
		{"cut short", func(t *testing.T, dir string) { must(t, os.Truncate(filepath.Join(dir, "model.safetensors"), 100)) }},
		{"file gone", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "ema.safetensors"))) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []string{"step-00000007", "step-00000008"} {
				c.hurt(t, filepath.Join(cfg.Output, "checkpoints", step))
			}
			var log strings.Builder
			out := trained(t, cfg, logTo(&log))
			if got := bits(t, cfg); got != want || out.StartStep != 6 {
				t.Errorf("from step %d:\n%s\nwant\n%s", out.StartStep, got, want)
			}
			if r := records(t, cfg, "train"); len(r) != 8 || r[7].Step != 8 {
				t.Errorf("train records %+v, want one per step", r)
			}
			if n := strings.Count(log.String(), "checkpoint passed over"); n != 2 {
				t.Errorf("%d checkpoints passed over, want 2:\n%s", n, log.String())
			}
		})
	}
}

// TestPositionMissing: a state.json without the trainer's part is an error.
func TestPositionMissing(t *testing.T) {
	t.Parallel()
	cfg := tiny(t)
	must(t, os.MkdirAll(cfg.Output, 0o755))
	ts := tensors(t, f32("head.bias", []int{1}, 0))
	must(t, checkpoint.Run{Dir: cfg.Output}.Save(checkpoint.Snapshot{State: checkpoint.State{Step: 1, ConfigHash: cfg.Hash()}, Model: ts, Optimizer: ts}, false))
	_, err := Run(context.Background(), cfg, options(t))
	wantError(t, err, "state.json")
}

// TestCancelled: a cancelled context ends a run with its error.
func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Run(ctx, tiny(t), options(t, onStep(func(Progress) { cancel() })))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// TestProgress tells every step of every run.
func TestProgress(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.accumulate=2")
	var seen []Progress
	trained(t, cfg, onStep(func(p Progress) { seen = append(seen, p) }))
	if len(seen) != 8 {
		t.Fatalf("%d reports, want 8", len(seen))
	}
	for i, p := range seen {
		r := records(t, cfg, "train")[i]
		if p.Run != "run" || p.Step != int64(i+1) || p.Steps != 8 || p.Samples != 8 || p.Epoch != float64(i+1)/4 ||
			p.Loss != r.Loss || p.LR != r.LR || p.Data < 0 || p.Data > p.Total {
			t.Errorf("report %d: %+v, recorded %+v", i, p, r)
		}
	}
}

// TestTooLittleData: a batch that the data cannot fill is named.
func TestTooLittleData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want string
		sets []string
	}{
		{"train.batch 64 is larger than the 33 training samples", []string{"train.batch=64"}},
		{"0 classes have 10 clouds to train with", clouds("point.way=11")},
	} {
		cfg := tiny(t, c.sets...)
		_, err := Run(context.Background(), cfg, options(t))
		wantUsage(t, err, c.want)
		if _, err := os.Stat(cfg.Output); err == nil {
			t.Errorf("%s: the run folder is made", c.sets)
		}
	}
}
