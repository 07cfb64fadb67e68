package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
)

// yardsticks are what the figures of a masked autoencoder are held against: its loss
// against that of the best constant, and, where eval.probe asks for it, what a linear
// probe makes of its features against those of the untrained encoder. Neither
// yardstick changes in a run: they are measured at its first evaluation.
type yardsticks struct {
	cfg     *experiment.Config
	network Pretrainer
	device  engine.Device
	batch   int
	sets    []data.Dataset // of training and evaluation, as evaluation sees them
	prober  *prober        // of the weights that are evaluated, where eval.probe is on

	known     bool
	constant  float64
	untrained probing
}

// yardstickSamples is how many samples of a split yardsticks and probes look at, at
// most.
const yardstickSamples = 2000

func newYardsticks(cfg *experiment.Config, p Pretrainer, state *engine.State, bind map[string]string) (y *yardsticks, err error) {
	y = &yardsticks{cfg: cfg, network: p, device: state.Device(), batch: cfg.Eval.Batch}
	for _, split := range []Split{TrainSplit, ValSplit} {
		set, err := OpenPlain(cfg, split)
		if err != nil {
			return nil, err
		}
		y.sets = append(y.sets, data.Spread(set, yardstickSamples))
	}
	if cfg.Eval.Probe == "ridge" {
		y.prober, err = y.newProber(state, bind)
	}
	return y, err
}

// measure completes the result of an evaluation on the samples of val.
func (y *yardsticks) measure(ctx context.Context, val *data.Loader, r *Result) (err error) {
	if !y.known {
		if err := y.survey(ctx, val); err != nil {
			return err
		}
	}
	r.Constant = y.constant
	if y.prober == nil {
		return nil
	}
	now, err := y.prober.probe(ctx)
	if err == nil && !slices.Equal(now.samples, y.untrained.samples) { // some are no longer readable, or again
		y.untrained, err = y.probeUntrained(ctx)
	}
	if err != nil {
		return err
	}
	if !slices.Equal(now.samples, y.untrained.samples) {
		return errors.New("probe: which samples are readable changes from one look to the next")
	}
	r.Probe = newProbe(now.Score, y.untrained.Score)
	return nil
}

// survey measures what the run is held against.
func (y *yardsticks) survey(ctx context.Context, val *data.Loader) (err error) {
	if y.constant, err = y.constantLoss(ctx, val); err != nil {
		return fmt.Errorf("loss of a constant: %w", err)
	}
	if y.prober != nil {
		if y.untrained, err = y.probeUntrained(ctx); err != nil {
			return fmt.Errorf("probe of the untrained encoder: %w", err)
		}
	}
	y.known = true
	return nil
}

// loader hands out the samples of a split in order.
func (y *yardsticks) loader(set data.Dataset) (*data.Loader, error) {
	return data.NewLoader(set, data.Options{Batch: y.batch, Workers: Workers(y.cfg.Data), Seed: y.cfg.Seed, Eval: true, MaxSkipped: y.cfg.Data.MaxSkipped})
}

// constant is a masked autoencoder that tells the same whatever it sees: of every patch
// what it shows on average in training, and of point clouds the group that is nearest
// to those of training.
type constant struct{ Pretrainer }

// constantName is the parameter [1, N, P] of a constant.
const constantName = "constant"

func (c constant) shape() []int {
	return []int{1, model.Count(c.Tokenizer.Grid()), c.MAE.Out}
}

// Build builds the loss of the constant.
func (c constant) Build(mode nn.Mode, batch int, seed uint64) Net {
	return c.build(mode, batch, seed, func(s nn.Scope, _, masked *ops.Node) *ops.Node {
		return s.Gather(s.Param(constantName, nn.Zeros, c.shape()...), masked)
	})
}

// constantLoss is the masked loss of the constant, with the masks of the evaluation.
func (y *yardsticks) constantLoss(ctx context.Context, val *data.Loader) (float64, error) {
	best, err := y.bestConstant(ctx)
	if err != nil {
		return 0, err
	}
	c := constant{y.network}
	state := engine.NewState(y.device)
	defer state.Close()
	if err := firstError(state.Add(constantName, ops.F32(c.shape()...)), engine.Set(state, constantName, best)); err != nil {
		return 0, err
	}
	e, err := newEvaluator(y.cfg, c, state, nil, val, y.batch)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	r, err := e.Run(ctx, nil)
	return r.Loss, err
}

// bestConstant is what a constant tells [N, P].
func (y *yardsticks) bestConstant(ctx context.Context) ([]float32, error) {
	loader, err := y.loader(y.sets[0])
	if err != nil {
		return nil, err
	}
	none := engine.NewState(y.device)
	defer none.Close()
	r, err := newReading(y.network, y.network.targets, none, nil, y.batch)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if t, ok := y.network.Tokenizer.(tokenizers.Point); ok {
		return bestGroup(ctx, r, loader, t)
	}
	sum, samples := make([]float64, len(r.out)/y.batch), 0.0
	err = r.each(ctx, loader, func(_, _ int32, targets []float32) {
		samples++
		for i, v := range targets {
			sum[i] += float64(v)
		}
	})
	mean := make([]float32, len(sum))
	for i, v := range sum {
		mean[i] = float32(v / samples)
	}
	return mean, err
}

// bestGroup is the group of points nearest to those of training, once for every token.
// Of each cloud one group is taken, each at another place.
func bestGroup(ctx context.Context, r *reading, loader *data.Loader, t tokenizers.Point) ([]float32, error) {
	var groups [][]float32
	err := r.each(ctx, loader, func(_, _ int32, all []float32) {
		groups = append(groups, slices.Clone(row(all, len(groups)%t.Groups, t.Groups)))
	})
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	best := nearestGroup(groups)
	constant := make([]float32, 0, t.Groups*len(best))
	for range t.Groups {
		constant = append(constant, best...)
	}
	return constant, nil
}

// targets is what there is to tell of all tokens of samples x: [B, N, P].
func (p Pretrainer) targets(s nn.Scope, x *ops.Node) *ops.Node {
	if t, ok := p.Tokenizer.(tokenizers.Point); ok {
		local, _ := t.Neighbours(s, x)
		return local
	}
	return p.Pixels.AllTargets(s, x)
}

// Close frees the programs.
func (y *yardsticks) Close() error {
	if y.prober == nil {
		return nil
	}
	return y.prober.Close()
}
