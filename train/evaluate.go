package train

import (
	"context"
	"fmt"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/nn"
)

// Evaluator runs a model over a dataset.
type Evaluator struct {
	prog   *engine.Program
	loader *data.Loader
	batch  int
	multi  bool // samples have several classes
	loss   []float32
	logits []float32
}

// NewEvaluator compiles the model for evaluation against state. bind names the
// states that replace parameters, say by their averages.
func NewEvaluator(c Classifier, state *engine.State, bind map[string]string, loader *data.Loader, batch int) (*Evaluator, error) {
	n := c.Build(nn.Eval, batch, 0)
	prog, err := engine.Compile(engine.Job{Graph: n.Graph, Bind: bind, Fetches: []engine.Fetch{{Name: "loss", Node: n.Loss}, {Name: "logits", Node: n.Logits}}}, state)
	if err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	return &Evaluator{prog, loader, batch, c.Loss == "bce", make([]float32, batch), make([]float32, batch*c.Head.Classes)}, nil
}

// Prediction is a model's answer to one sample.
type Prediction struct {
	Index  int // in the dataset
	Label  int
	Loss   float32
	Logits []float32 // borrowed until the next one
}

// Run evaluates every readable sample once; each may be nil. A loss that is not
// finite is ErrNonFinite.
func (e *Evaluator) Run(ctx context.Context, each func(Prediction) error) (Result, error) {
	var t Tally
	var scores, targets []float32 // of all samples, where they have several classes
	classes := len(e.logits) / e.batch
	for b, err := range e.loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return t.Result(), fmt.Errorf("evaluate: %w", err)
		}
		if err := e.forward(b); err != nil {
			return t.Result(), fmt.Errorf("evaluate: %w", err)
		}
		for i, index := range b.Index {
			if index < 0 {
				continue
			}
			p := Prediction{int(index), int(b.Labels[i]), e.loss[i], e.logits[i*classes:][:classes]}
			if e.multi {
				t.AddMean(float64(p.Loss), 1)
				scores, targets = append(scores, p.Logits...), append(targets, b.Targets[i*classes:][:classes]...)
			} else {
				t.Add(p.Loss, p.Logits, b.Labels[i])
			}
			if each != nil {
				if err := each(p); err != nil {
					return t.Result(), err
				}
			}
		}
	}
	r := t.Result()
	if e.multi && r.Samples > 0 {
		m := RankMetrics(scores, targets, classes)
		r.MultiLabel = &m
	}
	if !finite(r.Loss) {
		return r, fmt.Errorf("evaluate: loss %g: %w: lower the learning rate or set train.clip_grad", r.Loss, ErrNonFinite)
	}
	return r, nil
}

func (e *Evaluator) forward(b *data.Batch) error {
	if err := feedSamples(e.prog, b); err != nil {
		return err
	}
	if err := e.prog.Micro(); err != nil {
		return err
	}
	if err := engine.Read(e.prog, "loss", e.loss); err != nil {
		return err
	}
	return engine.Read(e.prog, "logits", e.logits)
}

// Close frees the program.
func (e *Evaluator) Close() error { return e.prog.Close() }
