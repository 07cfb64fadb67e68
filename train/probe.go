package train

import (
	"context"
	"fmt"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/internal/ridge"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
)

// Probe is how much of the classes a frozen encoder's features tell: top-1 accuracy of
// ridge regression on the mean of its tokens, for each sample by the fit to all others
// (see package ridge), in percent with its standard error.
type Probe struct {
	Samples int     `json:"samples"`
	Top1    float64 `json:"top1"`
	Error   float64 `json:"error"`
	Penalty float64 `json:"penalty"`
	// Gain is the distance to the encoder as it was initialised, on the same samples.
	Gain      float64 `json:"gain"`
	GainError float64 `json:"gain_error"`
}

// newProbe are the figures of a score, and of its distance to that of the untrained
// encoder.
func newProbe(s, untrained ridge.Score) *Probe {
	p, err := s.Accuracy()
	gain, gainErr := s.Gain(untrained)
	return &Probe{Samples: len(s.Right), Top1: 100 * p, Error: 100 * err, Penalty: s.Penalty, Gain: 100 * gain, GainError: 100 * gainErr}
}

// features are the means [B, D] of an encoder's tokens, none of them masked, ahead of
// any norm: what the head of fine-tuning pools.
func (p Pretrainer) features(s nn.Scope, x *ops.Node) *ops.Node {
	v := p.MAE.ViT
	v.Keep = 0
	blocks := v.Forward(s, p.Tokenizer, x, nil)
	if s.Err() != nil {
		return nil
	}
	return s.Pool(blocks[len(blocks)-1], v.Tokens(0), model.Count(p.Tokenizer.Grid()))
}

// prober probes an encoder on the samples of all splits.
type prober struct {
	*reading
	loaders []*data.Loader
	classes int
}

func (y *yardsticks) newProber(state *engine.State, bind map[string]string) (*prober, error) {
	p := &prober{classes: len(y.sets[0].Classes())}
	if p.classes < 2 {
		return nil, misused("eval.probe: the dataset has %d classes: set it to \"none\"", p.classes)
	}
	for _, set := range y.sets {
		if set.Layout().Targets > 0 {
			return nil, misused("eval.probe: samples of this dataset have several classes: set it to \"none\"")
		}
		loader, err := y.loader(set)
		if err != nil {
			return nil, err
		}
		p.loaders = append(p.loaders, loader)
	}
	var err error
	p.reading, err = newReading(y.network, y.network.features, state, bind, y.batch)
	return p, err
}

// probing is a score and the samples it is of, counted through all splits.
type probing struct {
	ridge.Score
	samples []int32
}

// probe probes the encoder as its weights are now.
func (p *prober) probe(ctx context.Context) (probing, error) {
	var of probing
	var features []float64
	var labels []int
	first := int32(0) // of the split
	for _, loader := range p.loaders {
		err := p.each(ctx, loader, func(index, label int32, v []float32) {
			for _, f := range v {
				features = append(features, float64(f))
			}
			labels = append(labels, int(label))
			of.samples = append(of.samples, first+index)
		})
		if err != nil {
			return of, fmt.Errorf("probe: %w", err)
		}
		first += int32(loader.Dataset().Len())
	}
	var err error
	if of.Score, err = ridge.LeaveOneOut(features, labels, p.classes); err != nil {
		return of, fmt.Errorf("probe: %w", err)
	}
	return of, nil
}

// probeUntrained probes the encoder as the seed initialises it.
func (y *yardsticks) probeUntrained(ctx context.Context) (probing, error) {
	n := y.network.Build(nn.Eval, 1, 0) // the whole: it says how its tokenizer begins
	if err := n.Err(); err != nil {
		return probing{}, err
	}
	state := engine.NewState(y.device)
	defer state.Close()
	for _, p := range n.Registry().Params() {
		if err := firstError(state.Add(p.Name, ops.F32(p.Shape...)), engine.Set(state, p.Name, p.Values(y.cfg.Seed))); err != nil {
			return probing{}, err
		}
	}
	p, err := y.newProber(state, nil)
	if err != nil {
		return probing{}, err
	}
	defer p.Close()
	return p.probe(ctx)
}
