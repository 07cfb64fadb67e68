package export

import (
	"fmt"
	"math"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/train"
)

// verifyBatch is how many random samples verification looks at.
const verifyBatch = 4

// Verify reads what Write wrote back and compares its logits, on random
// samples, with those of the model before merging, every pathway layer
// computed apart as x·Wᵀ + λ·(x·W′ᵀ) + b.
func Verify(m *train.Model, out string, dev engine.Device) (Report, error) {
	ts, err := checkpoint.Load(WeightsFile(out))
	if err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	plain := *m
	plain.Path, plain.Weights = out, ts
	plain.Classifier.ViT.Pathways = nil
	if plain.Classifier.ViT.QKVBias == "split" {
		plain.Classifier.ViT.QKVBias = "full"
	}
	apart := *m
	apart.Classifier.ViT.Apart = true
	r := Report{Tolerance: Tolerance}
	got, err := logits(&plain, dev)
	if err != nil {
		return r, fmt.Errorf("verify %s: %w", out, err)
	}
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
