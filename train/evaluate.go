package train

import (
	"context"
	"errors"
	"fmt"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/nn"
	"m2pt/ops"
)

// Evaluator runs a model over a dataset.
type Evaluator struct {
	prog   *engine.Program
	loader *data.Loader
	model  network
	feeds  feeder
	batch  int
	loss   []float32
	logits []float32
	// yardsticks are what the result of a masked autoencoder is held against.
	yardsticks *yardsticks
}

// newEvaluator compiles a network for evaluation against state. bind names the
// states that replace parameters, say by their averages.
func newEvaluator(cfg *experiment.Config, net network, state *engine.State, bind map[string]string, loader *data.Loader, batch int) (*Evaluator, error) {
	n := net.Build(nn.Eval, batch, 0)
	if err := n.Err(); err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	e := &Evaluator{loader: loader, model: net, batch: batch, loss: make([]float32, batch)}
	fetches := []engine.Fetch{{Name: "loss", Node: n.Loss}}
	if n.Logits != nil {
		e.logits = make([]float32, ops.SpecOf(n.Logits).Len())
		fetches = append(fetches, engine.Fetch{Name: "logits", Node: n.Logits})
	}
	var err error
	if e.feeds, err = net.feeder(cfg, nn.Eval, batch); err == nil {
		e.prog, err = engine.Compile(engine.Job{Graph: n.Graph, Bind: bind, Fetches: fetches}, state)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	return e, nil
}

// newFullEvaluator is newEvaluator with the yardsticks of masked autoencoders.
func newFullEvaluator(cfg *experiment.Config, net network, state *engine.State, bind map[string]string, loader *data.Loader) (*Evaluator, error) {
	e, err := newEvaluator(cfg, net, state, bind, loader, cfg.Eval.Batch)
	if p, ok := net.(Pretrainer); ok && err == nil {
		e.yardsticks, err = newYardsticks(cfg, p, state, bind)
	}
	return e, err
}

// Prediction is a model's answer to one sample, whose slices are borrowed until the
// next one.
type Prediction struct {
	Index  int // in the dataset, of its first look
	Label  int
	Loss   float32   // the mean over the looks
	Logits []float32 // [K], or [P, K] where every point has a label
	Looks  int       // that Logits are the mean of
	// Targets are the shares of the classes [K], where samples have several.
	Targets []float32
	// Parts are the labels [P] of the points, Predicted the answers and IoU the mean
	// overlap of the parts.
	Parts, Predicted []int32
	IoU              float64
}

// Run evaluates every readable sample once; each may be nil. A loss that is not
// finite is ErrNonFinite.
func (e *Evaluator) Run(ctx context.Context, each func(Prediction) error) (Result, error) {
	s, err := e.model.scorer(e.loader.Dataset())
	if err != nil {
		return Result{}, fmt.Errorf("evaluate: %w", err)
	}
	answer := func(p *Prediction) error {
		if err := s.add(p); err != nil || each == nil {
			return err
		}
		return each(*p)
	}
	c, _ := e.model.(Classifier)
	looks := newLooks(data.Views(e.loader.Dataset()), c.MergeLogits, answer)
	for b, err := range e.loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return s.result(), fmt.Errorf("evaluate: %w", err)
		}
		if err := e.forward(b); err != nil {
			return s.result(), fmt.Errorf("evaluate: %w", err)
		}
		for i, index := range b.Index {
			if index < 0 {
				continue
			}
			if err := looks.add(e.prediction(b, i)); err != nil {
				return s.result(), err
			}
		}
	}
	if err := looks.flush(); err != nil {
		return s.result(), err
	}
	r := s.result()
	if !finite(r.Loss) {
		return r, fmt.Errorf("evaluate: loss %g: %w: lower the learning rate or set train.clip_grad", r.Loss, ErrNonFinite)
	}
	if e.yardsticks != nil {
		if err := e.yardsticks.measure(ctx, e.loader, &r); err != nil {
			return r, fmt.Errorf("evaluate: %w", err)
		}
	}
	return r, nil
}

// prediction is row i of a batch.
func (e *Evaluator) prediction(b *data.Batch, i int) Prediction {
	return Prediction{Index: int(b.Index[i]), Label: int(b.Labels[i]), Loss: e.loss[i], Looks: 1,
		Logits: row(e.logits, i, e.batch), Targets: row(b.Targets, i, e.batch), Parts: row(b.Parts, i, e.batch)}
}

// row is row i of so many.
func row[T any](v []T, i, rows int) []T {
	n := len(v) / rows
	return v[i*n:][:n]
}

func (e *Evaluator) forward(b *data.Batch) error {
	if err := e.feeds.feed(e.prog, b); err != nil {
		return err
	}
	if err := e.prog.Micro(); err != nil {
		return err
	}
	if err := engine.Read(e.prog, "loss", e.loss); err != nil {
		return err
	}
	if e.logits == nil {
		return nil
	}
	return engine.Read(e.prog, "logits", e.logits)
}

// Close frees the programs.
func (e *Evaluator) Close() error {
	if e.yardsticks != nil {
		return errors.Join(e.yardsticks.Close(), e.prog.Close())
	}
	return e.prog.Close()
}
