package train

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/experiment"
)

// TestOverfit: one batch, seen again and again, is learned by heart.
func TestOverfit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sets []string
	}{
		{"plain", nil},
		{"class token", []string{"model.global_pool=token", "model.qkv_bias=split"}},
		{"pathway", []string{"pathway = { aux = 'never read' }"}},
		{"accumulated", []string{"train.accumulate=4", "train.clip_grad=1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := tiny(t, append(c.sets, "optimizer.weight_decay=0", "augment.smoothing=0")...)
			s, err := NewSynthetic(cfg, Answers{Classes: 10}, device(t, 1))
			must(t, err)
			defer s.Close()
			var losses []float64
			for range 80 {
				must(t, s.Step())
				losses = append(losses, mean(s.t.loss))
			}
			if first, last := losses[0], losses[79]; first < 1.5 || last > 0.05 {
				t.Errorf("loss from %.3f to %.3f, want from about ln 10 to near 0", first, last)
			}
		})
	}
}

func mean(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x)
	}
	return sum / float64(len(v))
}

// records are the lines of a run's journal of one kind.
func records(t testing.TB, cfg *experiment.Config, kind string) []Record {
	t.Helper()
	var all []Record
	for line := range strings.Lines(read(t, filepath.Join(cfg.Output, "metrics.jsonl"))) {
		var r Record
		must(t, json.Unmarshal([]byte(line), &r))
		if r.Kind == kind {
			all = append(all, r)
		}
	}
	return all
}

// moments is the newest checkpoint's optimizer state.
func moments(t testing.TB, cfg *experiment.Config) *checkpoint.Tensors {
	t.Helper()
	ts, err := newest(t, cfg).Optimizer()
	must(t, err)
	return ts
}

// distance is max|a-b| over max|b|.
func distance(a, b []float32) float64 {
	d, top := 0.0, 1e-30
	for i := range b {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
		top = max(top, math.Abs(float64(b[i])))
	}
	return d / top
}

// TestAccumulation: one update on 32 samples at once equals one on 2, 4 or 32
// parts of them but for rounding. Gradients are seen in AdamW's first moment:
// the weights' step divides by their size, which blows up rounding.
func TestAccumulation(t *testing.T) {
	t.Parallel()
	sets := []string{"train.batch=32", "train.max_steps=1", "model.drop_path=0.3", "augment.reprob=0.5"}
	whole := tiny(t, sets...)
	trained(t, whole)
	want := moments(t, whole)
	for _, accumulate := range []string{"2", "4", "32"} {
		parts := tiny(t, append(sets, "train.accumulate="+accumulate)...)
		trained(t, parts)
		got := moments(t, parts)
		for x := range want.All() {
			name := x.Name
			if !strings.HasSuffix(name, ".exp_avg") || strings.Contains(name, "qkv.bias") { // the keys' bias has no gradient but noise
				continue
			}
			if d := distance(values(t, got, name), values(t, want, name)); d > 2e-5 {
				t.Errorf("%s parts: %s differs by %g", accumulate, name, d)
			}
		}
		a, b := records(t, parts, "train")[0], records(t, whole, "train")[0]
		if math.Abs(a.Loss/b.Loss-1) > 1e-6 || math.Abs(a.GradNorm/b.GradNorm-1) > 1e-5 || a.Step != 1 {
			t.Errorf("%s parts: step %+v, at once %+v", accumulate, a, b)
		}
	}
}

// TestClipGrad: the first moment after one step is a tenth of the gradient,
// whose norm is the journal's or, if that is larger, the limit.
func TestClipGrad(t *testing.T) {
	t.Parallel()
	for _, limit := range []string{"0", "0.5", "1000"} {
		cfg := tiny(t, "train.max_steps=1", "train.clip_grad="+limit)
		trained(t, cfg)
		var sum float64
		for x := range moments(t, cfg).All() {
			if strings.HasSuffix(x.Name, ".exp_avg") {
				n := norm(values(t, moments(t, cfg), x.Name))
				sum += n * n
			}
		}
		want := records(t, cfg, "train")[0].GradNorm
		if limit == "0.5" && want < 1 {
			t.Fatalf("gradient norm %g tests no clipping", want)
		}
		if limit == "0.5" {
			want = 0.5
		}
		if got := 10 * math.Sqrt(sum); math.Abs(got/want-1) > 1e-4 {
			t.Errorf("clip_grad %s: norm of the applied gradient %g, want %g", limit, got, want)
		}
	}
}

// TestMaxSteps: the run ends in the middle of an epoch, evaluated and complete,
// on the course of the longer one.
func TestMaxSteps(t *testing.T) {
	t.Parallel()
	short, long := tiny(t, "train.max_steps=3"), tiny(t)
	out := trained(t, short)
	trained(t, long)
	if out.Steps != 3 || out.Epochs != 0 || out.Eval.Samples != 13 || out.BestStep != 3 {
		t.Errorf("outcome %+v", out)
	}
	a, b := records(t, short, "train"), records(t, long, "train")
	for i := range a {
		if a[i].Loss != b[i].Loss || a[i].LR != b[i].LR {
			t.Errorf("step %d: %+v, in the longer run %+v", i+1, a[i], b[i])
		}
	}
	if again := trained(t, short); again.StartStep != 3 || again.Steps != 3 || again.Best != out.Best {
		t.Errorf("run again: %+v, want %+v", again, out)
	}
}

// TestStopAtTheEnd: asked to stop during its last step, a run saves it and
// leaves; its evaluation is what the next start does.
func TestStopAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, sets := range [][]string{{"train.max_steps=3"}, {"train.max_steps=4"}, {"train.epochs=1"}} {
		cfg := tiny(t, sets...)
		step := int64(cfg.Train.MaxSteps)
		if step == 0 {
			step = 4
		}
		out, err := Run(context.Background(), cfg, options(t, stopAfter(step)))
		if !errors.Is(err, ErrStopped) || out.Steps != step || newest(t, cfg).State.Step != step {
			t.Fatalf("%v: error %v, outcome %+v", sets, err, out)
		}
		out = trained(t, cfg)
		if x, err := readExtra(newest(t, cfg)); err != nil || !x.Done || out.StartStep != step || out.Steps != step || out.Eval.Samples != 13 || out.BestStep != step {
			t.Errorf("%v: outcome %+v, position %+v, %v", sets, out, x.Position, err)
		}
	}
}

// TestEvalEvery: evaluations come every n epochs and after the last; best points
// at the one with the highest accuracy, the first of equals.
func TestEvalEvery(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.epochs=5", "eval.every=2")
	out := trained(t, cfg)
	evals := records(t, cfg, "eval")
	var steps []int64
	best := evals[0]
	for _, r := range evals {
		steps = append(steps, r.Step)
		if r.Top1 > best.Top1 {
			best = r
		}
	}
	if !slices.Equal(steps, []int64{8, 16, 20}) {
		t.Errorf("evaluated after steps %v, want 8, 16, 20", steps)
	}
	if out.BestStep != best.Step || out.Best.Top1 != best.Top1 || out.Best.Loss != best.Loss || out.Eval.Loss != evals[2].Loss {
		t.Errorf("outcome %+v, want the best %+v", out, best)
	}
	cp, _, err := checkpoint.Open(filepath.Join(cfg.Output, "best"))
	must(t, err)
	if cp.State.Step != best.Step {
		t.Errorf("best points at step %d, want %d", cp.State.Step, best.Step)
	}
	if n := strings.Count(read(t, filepath.Join(cfg.Output, "summary.csv")), "\n"); n != 4 {
		t.Errorf("summary.csv has %d lines, want 4", n)
	}
}

// TestInit: model.init gives every parameter; only the head may be another, and
// the position table of another size.
func TestInit(t *testing.T) {
	t.Parallel()
	source := tiny(t, "train.max_steps=1", "seed=5")
	trained(t, source)
	want := weights(t, source)
	bare := filepath.Join(t.TempDir(), "bare.safetensors")
	must(t, checkpoint.Save(bare, want))
	headless := edited(t, want, map[string][]float32{"head.weight": nil, "head.bias": nil})
	smaller := edited(t, want, map[string][]float32{"head.weight": make([]float32, 3*16), "head.bias": make([]float32, 3)})
	for _, c := range []struct {
		name, from string
		fresh      bool
	}{
		{"run", source.Output, false}, {"bare file", bare, false}, {"no head", headless, true}, {"head of 3 classes", smaller, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			tr := ready(t, tiny(t, "model.init='"+c.from+"'"), logTo(&log))
			own := ready(t, tiny(t))
			for x := range want.All() {
				from := values(t, want, x.Name)
				if c.fresh && strings.HasPrefix(x.Name, "head.") {
					from = state(t, own, x.Name)
				}
				if !slices.Equal(state(t, tr, x.Name), from) {
					t.Errorf("%s is not what it should start from", x.Name)
				}
			}
			if strings.Contains(log.String(), `starts fresh" tensor=head.weight`) != c.fresh {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

func TestInitRefuses(t *testing.T) {
	t.Parallel()
	source := tiny(t, "train.max_steps=1")
	trained(t, source)
	plain := weights(t, source)
	for _, c := range []struct {
		name, from string
		sets       []string
		want       []string
	}{
		{"another width", source.Output, []string{"model.embed_dim=32"}, []string{"model.init", "shape"}},
		{"another depth", source.Output, []string{"model.depth=3"}, []string{"model.init", `missing: "blocks.2.norm1.weight" [16]`}},
		{"deeper", source.Output, []string{"model.depth=1"}, []string{"model.init", `unexpected: "blocks.1.mlp.fc2.bias" [16]`}},
		{"a parameter missing", edited(t, plain, map[string][]float32{"blocks.1.norm2.bias": nil}), nil, []string{`"blocks.1.norm2.bias"`}},
		{"no such file", "/nosuch", nil, []string{"model.init", "/nosuch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := tiny(t, append(c.sets, "model.init='"+c.from+"'")...)
			_, err := Run(context.Background(), cfg, options(t))
			wantError(t, err, c.want...)
		})
	}
}

// edited writes the tensors with some replaced by vectors or rows of 16, or
// left out where the replacement is nil, and returns the path.
func edited(t testing.TB, ts *checkpoint.Tensors, changes map[string][]float32) string {
	t.Helper()
	out := &checkpoint.Tensors{}
	for x := range ts.All() {
		v, changed := changes[x.Name]
		if changed && v == nil {
			continue
		}
		if changed {
			shape := slices.Clone(x.Shape)
			shape[0] = len(v) * shape[0] / x.Len()
			x = checkpoint.New(x.Name, shape, v)
		}
		must(t, out.Add(x))
	}
	path := filepath.Join(t.TempDir(), "edited.safetensors")
	must(t, checkpoint.Save(path, out))
	return path
}

// state is a value of a trainer's state.
func state(t testing.TB, tr *trainer, name string) []float32 {
	t.Helper()
	v, err := engine.Get[float32](tr.state, name)
	must(t, err)
	return v
}
