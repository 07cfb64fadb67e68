package train

import (
	"context"
	"fmt"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/internal/ridge"
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
	untrained ridge.Score
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
	s, err := y.prober.score(ctx)
	if err != nil {
		return err
	}
	if n, before := len(s.Right), len(y.untrained.Right); n != before {
		return fmt.Errorf("probe: %d samples are readable, %d were: has the data changed?", n, before)
	}
	r.Probe = newProbe(s, y.untrained)
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

// constant is a masked autoencoder that tells of every patch what it shows on average
// in training, whatever it sees: of point clouds, the mean group.
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
	mean, err := y.meanTargets(ctx)
	if err != nil {
		return 0, err
	}
	c := constant{y.network}
	state := engine.NewState(y.device)
	defer state.Close()
	if err := firstError(state.Add(constantName, ops.F32(c.shape()...)), engine.Set(state, constantName, mean)); err != nil {
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

// meanTargets are the targets [N, P] of the patches, on average over the training set;
// of point clouds, whose groups have no order, over the groups as well.
func (y *yardsticks) meanTargets(ctx context.Context) ([]float32, error) {
	loader, err := y.loader(y.sets[0])
	if err != nil {
		return nil, err
	}
	r, err := newReading(y.network, y.network.targets, engine.NewState(y.device), nil, y.batch)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	sum, samples := make([]float64, len(r.out)/y.batch), 0
	err = r.each(ctx, loader, func(_ int32, targets []float32) {
		samples++
		for i, v := range targets {
			sum[i] += float64(v)
		}
	})
	if err != nil {
		return nil, err
	}
	rows := len(sum) / y.network.MAE.Out
	_, unordered := y.network.Tokenizer.(tokenizers.Point)
	return meanRows(sum, rows, float64(samples), unordered), nil
}

// meanRows are sums over so many samples divided by their number; together, the mean
// of all rows in each.
func meanRows(sum []float64, rows int, samples float64, together bool) []float32 {
	mean, P := make([]float32, len(sum)), len(sum)/rows
	for i, v := range sum {
		if !together {
			mean[i] = float32(v / samples)
			continue
		}
		for row := range rows {
			mean[row*P+i%P] += float32(v / samples / float64(rows))
		}
	}
	return mean
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
