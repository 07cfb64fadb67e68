package train

import (
	"cmp"
	"fmt"
	"time"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/internal/philox"
	"m2pt/ops"
	"m2pt/tokenizers"
)

// Synthetic is the training step of an experiment on one made-up batch, or its
// evaluation, without data, weights of files or a run folder: what benchmarks measure.
type Synthetic struct {
	t     *trainer
	eval  *Evaluator // nil where steps train
	batch *data.Batch
	// Compile is how long graph, gradient and program took to make.
	Compile time.Duration
}

// NewSynthetic compiles the experiment's training step on dev.
func NewSynthetic(cfg *experiment.Config, a Answers, dev engine.Device) (*Synthetic, error) {
	depths := make([]int, len(cfg.Pathway))
	for i := range depths {
		depths[i] = cfg.Model.Depth
	}
	net, err := newNetwork(cfg, a, depths)
	if err != nil {
		return nil, fmt.Errorf("synthetic step: %w", err)
	}
	own := *cfg
	own.Model.Init = ""
	t := &trainer{cfg: &own, model: net, state: engine.NewState(dev), perEpoch: 1}
	start := time.Now()
	if err := t.declare(); err != nil {
		t.close()
		return nil, fmt.Errorf("synthetic step: %w", err)
	}
	return &Synthetic{t: t, batch: t.model.RandomBatch(cfg.Train.MicroBatch()), Compile: time.Since(start)}, nil
}

// NewSyntheticEval compiles the experiment's evaluation of a micro-batch on dev: the
// forward pass to loss and logits.
func NewSyntheticEval(cfg *experiment.Config, a Answers, dev engine.Device) (*Synthetic, error) {
	s, err := NewSynthetic(cfg, a, dev)
	if err != nil {
		return nil, err
	}
	s.t.prog.Close() // and its arena
	s.t.prog = nil
	start := time.Now()
	if s.eval, err = newEvaluator(cfg, s.t.model, s.t.state, nil, nil, cfg.Train.MicroBatch()); err != nil {
		s.t.close()
		return nil, fmt.Errorf("synthetic step: %w", err)
	}
	s.Compile = time.Since(start)
	return s, nil
}

// RandomBatch is a batch of random samples, always the same one.
func (c Classifier) RandomBatch(size int) *data.Batch {
	outputs := c.Head.Outputs()
	return randomBatch(c.Tokenizer, size, cmp.Or(c.Categories, outputs), outputs)
}

// randomBatch is a batch of random samples with random labels below labels, and
// labels of points below parts.
func randomBatch(t tokenizers.Tokenizer, size, labels, parts int) *data.Batch {
	in := t.Input()
	b := &data.Batch{Targets: make([]float32, size*parts), Labels: make([]int32, size), Keys: make([]int32, 2*size)}
	r := philox.New(0, "random batch", 0, 0)
	if in.Dtype == ops.Uint8 {
		b.Pixels = make([]uint8, size*in.Len())
	} else {
		b.Values = make([]float32, size*in.Len())
	}
	for i := range b.Pixels {
		b.Pixels[i] = uint8(r.Uint32())
	}
	for i := range b.Values {
		b.Values[i] = float32(r.Norm())
	}
	for i := range b.Labels {
		b.Labels[i], b.Keys[2*i+1] = int32(r.IntN(labels)), int32(i)
	}
	if p, ok := t.(tokenizers.Point); ok {
		b.Indices, b.Parts = make([]int32, size*p.Groups*(1+p.Size)), make([]int32, size*p.Points)
		for i := range b.Indices {
			b.Indices[i] = int32(r.IntN(p.Points))
		}
		for i := range b.Parts {
			b.Parts[i] = int32(r.IntN(parts))
		}
	}
	return b
}

// Step is one update, its micro-steps and what follows them, or one evaluation. The
// batch is on the device from the first step on.
func (s *Synthetic) Step() error {
	if s.t.at.Step == 0 {
		if err := s.t.fill(nil); err != nil {
			return err
		}
		if s.eval == nil {
			if err := s.t.feeds.feed(s.t.prog, s.batch); err != nil {
				return err
			}
		}
	}
	s.t.at.Step++
	if s.eval != nil {
		return s.eval.forward(s.batch)
	}
	for range s.t.cfg.Train.Accumulate {
		if err := s.t.prog.Micro(); err != nil {
			return err
		}
	}
	if err := engine.Feed(s.t.prog, HyperFeed, s.t.optim.Hyper(s.t.schedule.LR, s.t.at.Step)); err != nil {
		return err
	}
	if err := s.t.prog.Update(); err != nil {
		return err
	}
	if err := engine.Read(s.t.prog, "loss", s.t.loss); err != nil {
		return err
	}
	var norm [1]float32
	return engine.Read(s.t.prog, "grad_norm", norm[:])
}

// Samples are those of a step: an evaluation takes a micro-batch.
func (s *Synthetic) Samples() int {
	if s.eval != nil {
		return s.eval.batch
	}
	return s.t.cfg.Train.Batch
}

// Loss is the mean loss of the last micro-batch.
func (s *Synthetic) Loss() float64 {
	losses := s.t.loss
	if s.eval != nil {
		losses = s.eval.loss
	}
	sum := 0.0
	for _, l := range losses {
		sum += float64(l)
	}
	return sum / float64(len(losses))
}

// State is what the step trains.
func (s *Synthetic) State() *engine.State { return s.t.state }

// Program is the compiled step, to be printed and counted.
func (s *Synthetic) Program() *engine.Program {
	if s.eval != nil {
		return s.eval.prog
	}
	return s.t.prog
}

// Close frees the step's memory.
func (s *Synthetic) Close() {
	if s.eval != nil {
		_ = s.eval.Close()
	}
	s.t.close()
}

// WithPathway is the experiment with one frozen auxiliary model on all layers
// where it has none, and WithoutPathway the one with none: the two sides of the
// pathway's cost.
func WithPathway(cfg experiment.Config) *experiment.Config {
	if len(cfg.Pathway) == 0 {
		cfg.Pathway = []experiment.Pathway{{Layers: experiment.Layers(), LambdaTrainable: true, Order: "forward"}}
	}
	return &cfg
}

// WithoutPathway is the experiment as plain training.
func WithoutPathway(cfg experiment.Config) *experiment.Config {
	cfg.Pathway = nil
	return &cfg
}

// Unmasked is the pretraining whose encoder sees all tokens but one, of clips but one
// place or of pictures two: the other side of what masking saves.
func Unmasked(cfg experiment.Config) *experiment.Config {
	grid := tokenizer(&cfg).Grid()
	if cfg.MAE.Mask == "grid" {
		cfg.MAE.Mask = "random"
	}
	cfg.MAE.MaskRatio = 1.5 / float64(grid[1]*grid[2])
	return &cfg
}
