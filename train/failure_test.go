package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/engine"
)

// poison replaces one number of a state and returns what puts it back.
func poison(t testing.TB, tr *trainer, name string) (restore func()) {
	t.Helper()
	good := state(t, tr, name)
	bad := slices.Clone(good)
	bad[len(bad)-1] = float32(math.NaN())
	must(t, engine.Set(tr.state, name, bad))
	return func() { must(t, engine.Set(tr.state, name, good)) }
}

// TestNonFiniteStops: the run ends, says where it began, and leaves all state
// as the step before did.
func TestNonFiniteStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, state, want string
		sets              []string
	}{
		{"weight", "blocks.1.mlp.fc1.weight", `parameter "blocks.1.mlp.fc1.weight"`, nil},
		{"clipped and averaged", "blocks.0.norm1.bias", `parameter "blocks.0.norm1.bias"`, []string{"train.clip_grad=1", "train.ema_decay=0.5"}},
		{"accumulated", "head.bias", `parameter "head.bias"`, []string{"train.accumulate=4"}},
		{"lambda", "blocks.0.attn.qkv.cross_modal_scale", `parameter "blocks.0.attn.qkv.cross_modal_scale"`, []string{auxPath(t, "")}},
		{"frozen", "blocks.1.attn.proj.aux_weight", `parameter "blocks.1.attn.proj.aux_weight"`, []string{auxPath(t, "")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tr *trainer
			before := map[string][]float32{}
			tr = ready(t, tiny(t, c.sets...), onStep(func(p Progress) {
				if p.Step == 3 {
					poison(t, tr, c.state)
					for _, name := range tr.state.Names() {
						before[name] = state(t, tr, name)
					}
				}
			}))
			err := tr.run(context.Background())
			if !errors.Is(err, ErrNonFinite) {
				t.Fatalf("error %v, want ErrNonFinite", err)
			}
			wantError(t, err, "step 4", c.want, "weights are as after step 3", `train.non_finite = "skip"`)
			for name, want := range before {
				if !sameBits(state(t, tr, name), want) {
					t.Errorf("%s has changed", name)
				}
			}
		})
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// TestNonFiniteSkips: a step left out is counted and forgotten: the run goes on
// and saves, and its figures are those of the other steps.
func TestNonFiniteSkips(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.non_finite=skip", "train.ema_decay=0.9", "eval.every=2", "train.checkpoint_every=1")
	var tr *trainer
	var log strings.Builder
	restore := func() {}
	tr = ready(t, cfg, logTo(&log), onStep(func(p Progress) {
		restore()
		restore = func() {}
		if p.Step == 5 {
			restore = poison(t, tr, "blocks.0.mlp.fc2.weight")
		}
	}))
	must(t, tr.run(context.Background()))
	if tr.at.Step != 8 || tr.at.BadSteps != 1 || tr.outcome(0, 0).BadSteps != 1 || tr.at.Eval.Samples != 13 {
		t.Errorf("position %+v", tr.at)
	}
	if n := strings.Count(log.String(), "step left out: not finite"); n != 1 || strings.Contains(log.String(), "not written") ||
		strings.Contains(log.String(), "not recorded") || !strings.Contains(log.String(), "fc2.weight") {
		t.Errorf("log:\n%s", log.String())
	}
	var sum float64
	all := records(t, cfg, "train")
	for _, r := range all[4:] {
		if r.Step == 6 {
			t.Errorf("the step left out is recorded: %+v", r)
		}
		sum += r.Loss
	}
	if r := records(t, cfg, "eval")[0]; len(all) != 7 || math.Abs(r.TrainLoss-sum/3) > 1e-12 {
		t.Errorf("mean loss of the epoch %g, want %g of steps 5, 7 and 8", r.TrainLoss, sum/3)
	}
	for _, name := range tr.state.Names() {
		if slices.ContainsFunc(state(t, tr, name), func(v float32) bool { return v-v != 0 }) {
			t.Errorf("%s is not finite", name)
		}
	}
}

// TestSkippedStepLeavesNoTrace: but for the learning rate's course, a run with
// one step left out equals the run without that step, bias corrections included.
func TestSkippedStepLeavesNoTrace(t *testing.T) {
	t.Parallel()
	sets := []string{"train.non_finite=skip", "train.max_steps=2", "schedule.min_lr=1e-2"}
	tr := ready(t, tiny(t, sets...))
	restore := poison(t, tr, "head.weight")
	tr.opt.Progress = func(p Progress) {
		if p.Step == 1 {
			restore()
		}
	}
	must(t, tr.run(context.Background()))
	other := ready(t, tiny(t, append(sets, "train.max_steps=1")...))
	other.at.Sample = 8 // begin with the second batch
	must(t, other.run(context.Background()))
	for _, name := range tr.state.Names() {
		if !sameBits(state(t, tr, name), state(t, other, name)) {
			t.Errorf("%s differs", name)
		}
	}
}

// TestDiverged: a loss that is not finite in evaluation ends the run as one in
// training does.
func TestDiverged(t *testing.T) {
	t.Parallel()
	for _, nonFinite := range []string{"stop", "skip"} {
		cfg := tiny(t, "optimizer.lr=1e38", "train.max_steps=1", "train.non_finite="+nonFinite)
		_, err := Run(context.Background(), cfg, options(t))
		if !errors.Is(err, ErrNonFinite) {
			t.Errorf("%s: error %v, want ErrNonFinite", nonFinite, err)
		}
		wantError(t, err, "after step 1: evaluate")
	}
}

// block puts a file in the place of a run's checkpoints, so that saving fails,
// and returns what puts them back.
func block(t testing.TB, out string) (unblock func()) {
	t.Helper()
	dir := filepath.Join(out, "checkpoints")
	must(t, os.Rename(dir, dir+" away"))
	write(t, dir, "in the way")
	return func() {
		must(t, os.Remove(dir))
		must(t, os.Rename(dir+" away", dir))
	}
}

// TestFailedSave: a failed periodic save is a warning, of which the result shows
// nothing.
func TestFailedSave(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.checkpoint_every=1")
	trained(t, cfg)
	hurt := tiny(t, "train.checkpoint_every=1")
	unblock := func() {}
	var log strings.Builder
	trained(t, hurt, logTo(&log), onStep(func(p Progress) {
		switch p.Step {
		case 3: // the end of epoch 1 is step 4
			unblock = block(t, hurt.Output)
		case 6:
			unblock()
		}
	}))
	if n := strings.Count(log.String(), "checkpoint not written, training goes on"); n != 4 { // one more before the evaluation
		t.Errorf("%d warnings, want 4:\n%s", n, log.String())
	}
	if got, want := values(t, weights(t, hurt), "head.weight"), values(t, weights(t, cfg), "head.weight"); !sameBits(got, want) {
		t.Error("other weights than without failures")
	}
}

// TestBestIsOnDisk: an evaluation whose checkpoint could not be written is not
// the best.
func TestBestIsOnDisk(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.checkpoint_every=1", "train.epochs=3", "optimizer.lr=1e-9", "schedule.min_lr=1e-9") // all epochs alike
	unblock := func() {}
	out := trained(t, cfg, onStep(func(p Progress) {
		switch p.Step {
		case 3:
			unblock = block(t, cfg.Output)
		case 5:
			unblock()
		}
	}))
	cp, rejected, err := checkpoint.Open(cfg.Output)
	must(t, err)
	if len(rejected) > 0 || cp.State.Step != out.BestStep || out.BestStep != 8 {
		t.Errorf("best is step %d, on disk step %d, %v passed over; want step 8", out.BestStep, cp.State.Step, rejected)
	}
}

// TestFailedFinalSave: a failed final save is an error, and so is a failed save
// on request; the checkpoint before stays valid and gives the same end.
func TestFailedFinalSave(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, rich()...)
	trained(t, cfg)
	want := bits(t, cfg)
	for _, c := range []struct {
		name, want string
		step       int64
		stop       bool
		every      string // epochs between evaluations
	}{
		{"final", "save the final checkpoint", 7, false, "1"},
		{"on request", "save before stopping", 6, true, "1"},
		{"on request, at the end of an epoch", "save before stopping", 8, true, "1"},
		{"on request, at the end of an epoch without evaluation", "save before stopping", 8, true, "3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := tiny(t, rich()...)
			epochs := "train.epochs=2"
			if c.step == 8 { // the second epoch must not be the last
				epochs = "train.epochs=3"
			}
			cfg = again(t, cfg, append(rich(), epochs, "eval.every="+c.every)...)
			unblock := func() {}
			stop := make(chan struct{})
			out, err := Run(context.Background(), cfg, options(t, func(o *Options) { o.Stop = stop }, onStep(func(p Progress) {
				if p.Step != c.step {
					return
				}
				unblock = block(t, cfg.Output)
				if c.stop {
					close(stop)
				}
			})))
			wantError(t, err, c.want)
			if errors.Is(err, ErrStopped) || c.stop && out.Steps != c.step {
				t.Errorf("error %v after step %d, want one that does not say all is saved, after step %d", err, out.Steps, c.step)
			}
			unblock()
			if step := newest(t, cfg).State.Step; step != 4 {
				t.Errorf("newest checkpoint is of step %d, want 4", step)
			}
			out = trained(t, cfg)
			if got := bits(t, cfg); out.StartStep != 4 || epochs == "train.epochs=2" && got != want {
				t.Errorf("from step %d:\n%s\nwant\n%s", out.StartStep, got, want)
			}
		})
	}
}
