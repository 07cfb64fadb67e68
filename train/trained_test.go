package train

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	naming "m2pt/checkpoint/names"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/nn"
	"m2pt/ops"
)

// TestOpenTrained: of a checkpoint its model and what its run tells, up to then.
func TestOpenTrained(t *testing.T) {
	t.Parallel()
	cfg := tiny(t, "train.ema_decay=0.5")
	trained(t, cfg)
	first := filepath.Join(cfg.Output, "checkpoints", "step-00000004")
	averaged, err := OpenTrained(first, "", nil)
	must(t, err)
	model, err := OpenModel(first, "", nil)
	must(t, err)
	if !averaged.Averaged || averaged.Samples != 33 || averaged.Step != 4 || averaged.Path != first || averaged.Eval == nil || averaged.Eval.Step != 4 || len(averaged.Classes) != 10 {
		t.Errorf("%+v, evaluation %+v", averaged, averaged.Eval)
	}
	if !slices.Equal(values(t, averaged.Weights, "head.weight"), values(t, model.Weights, "head.weight")) {
		t.Error("not the weights that the run evaluates")
	}
	raw, err := OpenTrained(first, "", []string{"eval.ema=false"})
	must(t, err)
	if raw.Averaged || !slices.Equal(values(t, raw.Weights, "head.weight"), values(t, parameters(t, open(t, first)), "head.weight")) {
		t.Errorf("averaged %v, or other parameters", raw.Averaged)
	}
	_, err = OpenTrained(filepath.Join(t.TempDir(), "nosuch"), "", nil)
	wantError(t, err, "nosuch")
}

func open(t testing.TB, path string) *checkpoint.Checkpoint {
	t.Helper()
	cp, err := openExactly(path)
	must(t, err)
	return cp
}

// TestOpenEncoder: a masked autoencoder is opened as its encoder, which answers with
// features of all tokens.
func TestOpenEncoder(t *testing.T) {
	t.Parallel()
	for name, sets := range map[string][]string{"class token": pretraining(), "none": pretraining("model.class_token=false")} {
		t.Run(name, func(t *testing.T) {
			cfg := tiny(t, append(sets, "train.epochs=1")...)
			trained(t, cfg)
			m, err := OpenTrained(cfg.Output, "", nil)
			must(t, err)
			for name := range m.Weights.Names() {
				if strings.HasPrefix(name, "decoder_") || name == "mask_token" {
					t.Errorf("tensor %q is left", name)
				}
			}
			if m.Classifier.Head.Outputs() != 16 || m.Classifier.ViT.Keep != 0 || m.Eval == nil || m.Path == "" {
				t.Errorf("%d features, %d tokens kept; %+v", m.Classifier.Head.Outputs(), m.Classifier.ViT.Keep, m)
			}
			first := m.Classifier.ViT.ClassToken
			if got, want := features(t, m.Model, first); !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-5 }) {
				t.Errorf("features %v, want %v", got, want)
			}
		})
	}
}

// features are what an encoder answers to a sample, and what it should: the norm of
// its first token, or the mean of the norms of all.
func features(t testing.TB, m *Model, first bool) (got, want []float32) {
	t.Helper()
	state, _, err := m.State(device(t, 1))
	must(t, err)
	defer state.Close()
	s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
	in := m.Classifier.Tokenizer.Input()
	var tokens *ops.Node
	_, answer := m.Classifier.Forward(s, s.Graph.Declare(InputFeed, ops.Spec{Shape: append([]int{1}, in.Shape...), Dtype: in.Dtype}, ops.PerBatch),
		func(_ string, x *ops.Node) { tokens = x })
	must(t, s.Err())
	fetches := []engine.Fetch{{Name: "answer", Node: answer}, {Name: "tokens", Node: tokens}}
	prog, err := engine.Compile(engine.Job{Graph: s.Graph, Fetches: fetches}, state)
	must(t, err)
	defer prog.Close()
	must(t, FeedSamples(prog, m.Classifier.RandomBatch(1)))
	must(t, prog.Micro())
	got = make([]float32, ops.SpecOf(answer).Len())
	must(t, engine.Read(prog, "answer", got))
	x := make([]float32, ops.SpecOf(tokens).Len())
	must(t, engine.Read(prog, "tokens", x))
	if first {
		x = x[:len(got)]
	}
	want = make([]float32, len(got))
	weight, bias := values(t, m.Weights, "norm.weight"), values(t, m.Weights, "norm.bias")
	for token := range slices.Chunk(x, len(got)) {
		mean, square := 0.0, 0.0
		for _, v := range token {
			mean += float64(v) / float64(len(token))
			square += float64(v) * float64(v) / float64(len(token))
		}
		for i, v := range token {
			n := (float64(v) - mean) / math.Sqrt(square-mean*mean+m.Config.Model.NormEps)
			want[i] += (float32(n)*weight[i] + bias[i]) * float32(len(token)) / float32(len(x))
		}
	}
	return got, want
}

// TestJournalEvaluation: the last evaluation that is not after a step, whatever else
// is in the journal.
func TestJournalEvaluation(t *testing.T) {
	t.Parallel()
	j := journal{t.TempDir()}
	if r, err := j.evaluation(9); err != nil || r != nil {
		t.Errorf("no journal: %+v, %v", r, err)
	}
	for _, r := range []Record{{Kind: "eval", Step: 4, Loss: 3}, {Kind: "train", Step: 6, Loss: 2}, {Kind: "eval", Step: 8, Loss: 1}} {
		must(t, j.add(r))
	}
	f, err := os.OpenFile(j.path(), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(`{"kind":"eval","step":9,"lo`)
	must(t, err)
	must(t, f.Close())
	for step, want := range map[int64]float64{3: 0, 4: 3, 7: 3, 8: 1, 99: 1} {
		r, err := j.evaluation(step)
		must(t, err)
		if (r == nil) != (want == 0) || r != nil && r.Loss != want {
			t.Errorf("up to step %d: %+v, want a loss of %g", step, r, want)
		}
	}
}

// TestOpenForeign: a file under another project's names is the same model; pathways
// are read as they are.
func TestOpenForeign(t *testing.T) {
	t.Parallel()
	scaled, clip, mae := tiny(t, "model.init_values=0.1"), tiny(t, clips("train.epochs=1")...), tiny(t, pretraining("train.epochs=1")...)
	for _, cfg := range []*experiment.Config{scaled, clip, mae} {
		trained(t, cfg)
	}
	for _, c := range []struct {
		cfg    *experiment.Config
		source naming.Source
	}{{scaled, naming.TIMM}, {clip, naming.VideoMAE}, {clip, naming.HFVideoMAE}, {mae, naming.MAE}, {mae, naming.HFViT}} {
		t.Run(string(c.source), func(t *testing.T) {
			want, err := OpenModel(c.cfg.Output, "", nil)
			must(t, err)
			theirs, err := naming.Write(want.Weights, c.source)
			must(t, err)
			path := filepath.Join(t.TempDir(), "theirs.safetensors")
			must(t, checkpoint.Save(path, theirs))
			got, err := OpenModel(path, filepath.Join(c.cfg.Output, ConfigFile), nil)
			must(t, err)
			a, b := assessed(t, want), assessed(t, got)
			if a.Loss != b.Loss || a.Samples != b.Samples {
				t.Errorf("%+v, want %+v", b, a)
			}
		})
	}
}

// assessed is the evaluation of a model.
func assessed(t testing.TB, m *Model) Result {
	t.Helper()
	state, _, err := m.State(device(t, 2))
	must(t, err)
	defer state.Close()
	e, _, err := m.Evaluator(state, nil)
	must(t, err)
	defer e.Close()
	r, err := e.Run(context.Background(), nil)
	must(t, err)
	return r
}
