package export_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/export"
	"m2pt/internal/cli/clitest"
	"m2pt/model"
	"m2pt/train"
)

// TestForms: every form in every dtype computes what the model does, within what the
// dtype rounds.
func TestForms(t *testing.T) {
	t.Parallel()
	m := joined(t)
	for _, d := range export.Dtypes() {
		for _, f := range []export.Form{
			{Out: "m.safetensors", Dtype: d}, {Out: "m.npz", Dtype: d}, {Out: "folder", Dtype: d},
			{Out: "u.safetensors", Dtype: d, Unmerged: true}, {Out: "u.npz", Dtype: d, Unmerged: true},
		} {
			if d == checkpoint.BFloat16 && filepath.Ext(f.Out) == ".npz" {
				continue
			}
			t.Run(d.String()+" "+f.Out, func(t *testing.T) {
				f.Out = filepath.Join(t.TempDir(), f.Out)
				s, err := export.Write(m, f)
				must(t, err)
				r, err := export.Verify(m, f, device(t))
				must(t, err)
				if !r.OK() || r.MaxLambda < 0.1 || r.MaxLogit == 0 || r.Tolerance != export.Tolerance(d) {
					t.Errorf("report %+v", r)
				}
				if least := 1e-5 * r.MaxLogit; d != checkpoint.Float32 && r.MaxDelta < least {
					t.Errorf("max|Δ| %g: nothing was rounded to %v", r.MaxDelta, d)
				}
				ts, err := checkpoint.Load(f.Out)
				must(t, err)
				for x := range ts.All() {
					if x.Dtype != d {
						t.Errorf("%s is %v", x.Name, x.Dtype)
					}
				}
				if s.Tensors != ts.Len() || s.Dtype != d.String() || s.EMA || (s.Folded == 0) != f.Unmerged {
					t.Errorf("summary %+v of %d tensors", s, ts.Len())
				}
			})
		}
	}
}

// TestUnmerged: W, W′ and λ are all there, and nothing of them is changed.
func TestUnmerged(t *testing.T) {
	t.Parallel()
	m := joined(t)
	f := export.Form{Out: filepath.Join(t.TempDir(), "m.safetensors"), Unmerged: true}
	_, err := export.Write(m, f)
	must(t, err)
	ts, err := checkpoint.Load(f.Out)
	must(t, err)
	terms := 0
	for x := range m.Weights.All() {
		got, err := ts.Get(x.Name)
		must(t, err)
		if !slices.Equal(got.Data, x.Data) || !slices.Equal(got.Shape, x.Shape) {
			t.Errorf("%s is another", x.Name)
		}
		if _, _, _, ok := model.SplitTerm(x.Name); ok {
			terms++
		}
	}
	if terms != 2*(8+4) || ts.Len() != m.Weights.Len() {
		t.Errorf("%d tensors, %d of pathways; want %d and 24: two auxiliary models, one of a single block", ts.Len(), terms, m.Weights.Len())
	}
}

// TestFormRefuses: what cannot be written is said before anything is.
func TestFormRefuses(t *testing.T) {
	t.Parallel()
	m := plain(t)
	large := changed(t, m, "head.bias", func(v []float32) { v[1] = 1e5 })
	for _, c := range []struct {
		name, want string
		m          *train.Trained
		f          export.Form
		usage      bool
	}{
		{"bfloat16 for NumPy", "NumPy has no bfloat16", m, export.Form{Out: "m.npz", Dtype: checkpoint.BFloat16}, true},
		{"unmerged folder", "config.json describes a plain model", m, export.Form{Out: "m", Unmerged: true}, true},
		{"beyond float16", `tensor "head.bias": 100000 is too large for float16`, large, export.Form{Out: "m.npz", Dtype: checkpoint.Float16}, false},
		{"averages of W + λW′", "W′ trained, so the running averages", averagedAux(m), export.Form{Out: "m.npz", Unmerged: true}, true},
		{"not finite", `tensor "head.bias" is not finite`, changed(t, m, "head.bias", func(v []float32) { v[0] = float32(math.NaN()) }), export.Form{Out: "m.npz"}, false},
		{"no float", "want float32, float16 or bfloat16", m, export.Form{Out: "m.npz", Dtype: checkpoint.Int8}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.f.Out = filepath.Join(t.TempDir(), c.f.Out)
			_, err := export.Write(c.m, c.f)
			if _, usage := errors.AsType[*experiment.UsageError](err); err == nil || usage != c.usage || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if left, _ := filepath.Glob(c.f.Out + "*"); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
	if _, err := export.Write(large, export.Form{Out: filepath.Join(t.TempDir(), "m.safetensors"), Dtype: checkpoint.BFloat16}); err != nil {
		t.Error(err)
	}
}

// averagedAux is the model as if W′ had trained and weights been averaged.
func averagedAux(m *train.Trained) *train.Trained {
	other, cfg := *m.Model, *m.Config
	cfg.Pathway = []experiment.Pathway{{AuxTrainable: true}}
	other.Config, other.Averaged = &cfg, true
	return &train.Trained{Model: &other}
}

// changed is the model with another value in one tensor.
func changed(t testing.TB, m *train.Trained, name string, change func(v []float32)) *train.Trained {
	t.Helper()
	out := with(m, &checkpoint.Tensors{})
	for x := range m.Weights.All() {
		if x.Name == name {
			v, err := x.Float32s()
			must(t, err)
			v = slices.Clone(v)
			change(v)
			x = checkpoint.New(name, x.Shape, v)
		}
		must(t, out.Weights.Add(x))
	}
	return out
}

// TestAverages: running averages are what is written, unless the config says
// otherwise.
func TestAverages(t *testing.T) {
	t.Parallel()
	run := clitest.Train(t, clitest.Experiment(t), "train.ema_decay=0.9").Run
	averaged, raw := opened(t, run), opened(t, run, "eval.ema=false")
	if !averaged.Averaged || raw.Averaged || averaged.Step != raw.Step || averaged.Step == 0 {
		t.Errorf("averaged %v at step %d, raw %v at step %d", averaged.Averaged, averaged.Step, raw.Averaged, raw.Step)
	}
	cp, _, err := checkpoint.Open(run)
	must(t, err)
	parameters, err := cp.Model()
	must(t, err)
	ema, err := cp.EMA()
	must(t, err)
	for _, c := range []struct {
		m    *train.Trained
		want *checkpoint.Tensors
	}{{averaged, ema}, {raw, parameters}} {
		f := export.Form{Out: filepath.Join(t.TempDir(), "m.safetensors")}
		s, err := export.Write(c.m, f)
		must(t, err)
		ts, err := checkpoint.Load(f.Out)
		must(t, err)
		got, err := ts.Get("head.weight")
		must(t, err)
		want, err := c.want.Get("head.weight")
		must(t, err)
		if !slices.Equal(got.Data, want.Data) || s.EMA != c.m.Averaged {
			t.Errorf("averaged %v: other weights, summary %+v", c.m.Averaged, s)
		}
	}
}

// TestMean: each number is the mean of the plain models', and the file of it computes
// the same.
func TestMean(t *testing.T) {
	t.Parallel()
	config := clitest.Experiment(t, "pathway = { aux = '"+clitest.Train(t, clitest.Experiment(t), "train.epochs=1").Run+"', lambda_init = 0.2 }")
	run := clitest.Train(t, config, "train.keep=9").Run
	var all []*train.Trained
	var plain []*checkpoint.Tensors
	for _, step := range []string{"step-00000004", "step-00000008"} {
		m := opened(t, filepath.Join(run, "checkpoints", step))
		ts, err := train.Merge(m.Weights)
		must(t, err)
		all, plain = append(all, m), append(plain, ts)
	}
	mean, err := export.Mean(all)
	must(t, err)
	if mean.Weights.Len() != plain[0].Len() || mean.Eval != nil || mean.Step != 8 || all[1].Eval == nil {
		t.Errorf("%d tensors, want %d; evaluation %v at step %d", mean.Weights.Len(), plain[0].Len(), mean.Eval, mean.Step)
	}
	for x := range mean.Weights.All() {
		v, err := x.Float32s()
		must(t, err)
		var parts [2][]float32
		for i, ts := range plain {
			y, err := ts.Get(x.Name)
			must(t, err)
			parts[i], err = y.Float32s()
			must(t, err)
		}
		for i := range v {
			if want := float32((float64(parts[0][i]) + float64(parts[1][i])) / 2); v[i] != want {
				t.Fatalf("%s[%d] is %v, want %v", x.Name, i, v[i], want)
			}
		}
	}
	f := export.Form{Out: filepath.Join(t.TempDir(), "folder")}
	_, err = export.Write(mean, f)
	must(t, err)
	if r, err := export.Verify(mean, f, device(t)); err != nil || !r.OK() || r.MaxLogit == 0 {
		t.Errorf("report %+v, %v", r, err)
	}
	if card, err := os.ReadFile(filepath.Join(f.Out, "README.md")); err != nil || !strings.Contains(string(card), "| weights | the mean of step-00000004, step-00000008, float32 |") {
		t.Errorf("card %s, %v", card, err)
	}
	one, err := export.Mean(all[:1])
	must(t, err)
	if one.Weights != all[0].Weights {
		t.Error("the mean of one is not that one")
	}
}

// TestMeanTensors: running statistics are averaged, counters the last; what differs in
// name, shape or classes has no mean.
func TestMeanTensors(t *testing.T) {
	t.Parallel()
	m := plain(t)
	of := func(list ...checkpoint.Tensor) *train.Trained {
		ts, err := checkpoint.Collect(list...)
		must(t, err)
		return with(m, ts)
	}
	mean := func(v ...float32) checkpoint.Tensor { return checkpoint.New("bn.running_mean", []int{len(v)}, v) }
	count := func(n int64) checkpoint.Tensor { return checkpoint.New("bn.num_batches_tracked", nil, []int64{n}) }
	got, err := export.Mean([]*train.Trained{of(mean(1, 1<<24), count(3)), of(mean(2, 1), count(5)), of(mean(6, 1), count(4))})
	must(t, err)
	x, _ := got.Weights.Lookup("bn.running_mean")
	if v, err := x.Float32s(); err != nil || !slices.Equal(v, []float32{3, float32((1<<24 + 2) / 3.)}) {
		t.Errorf("running mean %v, %v", v, err)
	}
	x, _ = got.Weights.Lookup("bn.num_batches_tracked")
	if n, err := x.Int64s(); err != nil || n[0] != 4 {
		t.Errorf("counter %v, %v", n, err)
	}
	others := of(mean(1))
	others.Classes = []string{"cat"}
	fewer, averaged := of(mean(1)), of(mean(1))
	cfg := *fewer.Config
	cfg.Model.NumHeads *= 2
	fewer.Config, averaged.Averaged = &cfg, true
	for _, c := range []struct {
		name, want string
		a, b       *train.Trained
	}{
		{"shape", `tensor "bn.running_mean" is float32 [1] in`, of(mean(1)), of(mean(1, 2))},
		{"missing", `tensor "bn.num_batches_tracked" is missing in`, of(mean(1)), of(mean(1), count(1))},
		{"more", `tensor "bn.num_batches_tracked" is in`, of(mean(1), count(1)), of(mean(1))},
		{"classes", "has the classes [cat]", others, of(mean(1))},
		{"heads", "are of other models: want the same heads", fewer, of(mean(1))},
		{"averages", "one has running averages", averaged, of(mean(1))},
		{"half a pathway", "fc.weight", of(checkpoint.New("fc.aux_weight", []int{1}, []float32{1})), of(mean(1))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := export.Mean([]*train.Trained{c.a, c.b}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
