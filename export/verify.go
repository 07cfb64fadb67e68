package export

import (
	"fmt"
	"math"
	"strings"

	"m2pt/checkpoint"
	"m2pt/checkpoint/names"
	"m2pt/engine"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/train"
)

// Report compares an exported file with the model it came from.
type Report struct {
	MaxLambda float64 `json:"max_lambda"`
	MaxDelta  float64 `json:"max_delta"` // largest difference between two logits
	MaxLogit  float64 `json:"max_logit"`
	Tolerance float64 `json:"tolerance"` // of MaxDelta / MaxLogit
}

// Tolerance is the largest difference of logits, over the largest logit, that
// verification accepts of a dtype. In float32 it is the arithmetic that differs:
// Ŵ·x against W·x + λ·(W′·x). The others round every weight, by up to u of it, 2⁻¹¹ in
// float16 and 2⁻⁹ in bfloat16. Independent errors of many weights mostly cancel: models
// of 3 to 12 blocks differ by 0.4u to 2.5u. Accepted are 4u and 10u, where a wrong
// weight still shows.
func Tolerance(d checkpoint.Dtype) float64 {
	switch d {
	case checkpoint.Float16:
		return 2e-3
	case checkpoint.BFloat16:
		return 2e-2
	}
	return 1e-4
}

// OK reports whether the file computes what the model does.
func (r Report) OK() bool { return r.MaxDelta <= r.Tolerance*r.MaxLogit && !math.IsNaN(r.MaxLogit) }

// verifyBatch is how many random samples verification looks at.
const verifyBatch = 4

// Verify reads what Write wrote back and compares its logits, on random
// samples, with those of the model before merging, every pathway layer
// computed apart as x·Wᵀ + λ·(x·W′ᵀ) + b. Unmerged weights are folded first.
func Verify(m *train.Trained, f Form, dev engine.Device) (Report, error) {
	r := Report{Tolerance: Tolerance(f.Dtype)}
	plain, err := f.read(m)
	if err != nil {
		return r, fmt.Errorf("verify %s: %w", f.Out, err)
	}
	got, err := logits(plain, dev)
	if err != nil {
		return r, fmt.Errorf("verify %s: %w", f.Out, err)
	}
	apart := *m.Model
	apart.Classifier.ViT.Apart = true
	want, err := logits(&apart, dev)
	if err != nil {
		return r, fmt.Errorf("verify %s: %w", m.Path, err)
	}
	for i, w := range want {
		r.MaxDelta = math.Max(r.MaxDelta, math.Abs(float64(got[i]-w)))
		r.MaxLogit = math.Max(r.MaxLogit, math.Abs(float64(w)))
	}
	r.MaxLambda, err = maxLambda(m.Weights)
	return r, err
}

// read is the plain model that Write wrote.
func (f Form) read(m *train.Trained) (*train.Model, error) {
	ts, err := checkpoint.Load(f.Out)
	if err != nil {
		return nil, err
	}
	ts, unknown, err := names.Read(ts, f.names(m))
	if err == nil && unknown != nil {
		err = fmt.Errorf("unknown tensors %s", strings.Join(unknown, ", "))
	}
	if err == nil {
		ts, err = train.Merge(ts)
	}
	plain := *m.Model
	plain.Path, plain.Weights = f.Out, ts
	plain.Classifier.ViT.Pathways = nil
	if plain.Classifier.ViT.QKVBias == "split" {
		plain.Classifier.ViT.QKVBias = "full"
	}
	return &plain, err
}

// logits are the model's answers to the same random samples.
func logits(m *train.Model, dev engine.Device) ([]float32, error) {
	state, _, err := m.State(dev)
	if err != nil {
		return nil, err
	}
	defer state.Close()
	n := m.Classifier.Build(nn.Eval, verifyBatch, 0)
	prog, err := engine.Compile(engine.Job{Graph: n.Graph, Fetches: []engine.Fetch{{Name: "logits", Node: n.Logits}}}, state)
	if err != nil {
		return nil, err
	}
	defer prog.Close()
	if err := train.FeedSamples(prog, m.Classifier.RandomBatch(verifyBatch)); err != nil {
		return nil, err
	}
	if err := prog.Micro(); err != nil {
		return nil, err
	}
	out := make([]float32, ops.SpecOf(n.Logits).Len())
	return out, engine.Read(prog, "logits", out)
}

func maxLambda(ts *checkpoint.Tensors) (float64, error) {
	var top float64
	for t := range ts.All() {
		if _, name, _, ok := model.SplitTerm(t.Name); !ok || name != model.ScaleName {
			continue
		}
		v, err := t.Float32s()
		if err != nil {
			return 0, err
		}
		top = math.Max(top, math.Abs(float64(v[0])))
	}
	return top, nil
}
