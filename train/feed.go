package train

import (
	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/tokenizers/masking"
)

// plain writes samples alone: the feeder of evaluation.
type plain struct{}

func (plain) feed(p *engine.Program, b *data.Batch) error { return FeedSamples(p, b) }

// augmented draws what is random about the micro-batches of a classifier's training,
// and writes it into the program with their samples.
type augmented struct {
	seed          uint64
	height, width int // of what is mixed or erased
	mix           data.Mix
	erase         data.Erase
	mask          *masking.Structured // of tokens, nil is off
	extra         int                 // tokens ahead of the patches: the class token

	lambda   []float32
	mixBox   []int32
	eraseBox []int32
	lossSeed []float32
	kept     []int32 // patches, as masking counts
	tokens   []int32
}

func (c Classifier) feeder(cfg *experiment.Config, mode nn.Mode, b int) (feeder, error) {
	if mode == nn.Eval {
		return plain{}, nil
	}
	in := c.Tokenizer.Input().Shape
	f := &augmented{seed: cfg.Seed, height: in[len(in)-2], width: in[len(in)-1], erase: data.Erase{Prob: cfg.Augment.ReProb}, extra: c.ViT.Tokens(0),
		lambda: make([]float32, b), mixBox: make([]int32, 4*b), eraseBox: make([]int32, 4*b), lossSeed: lossSeed(cfg, b)}
	var err error
	if f.mix, err = mixing(cfg.Augment); err != nil {
		return nil, err
	}
	if f.mask, err = tokenMask(cfg); err != nil {
		return nil, err
	}
	if f.mask != nil {
		f.kept, f.tokens = make([]int32, b*f.mask.Kept()), make([]int32, b*c.Keep)
	}
	return f, nil
}

// lossSeed is the share of each sample of a micro-batch in the mean loss of an
// update.
func lossSeed(cfg *experiment.Config, batch int) []float32 {
	v := make([]float32, batch)
	for i := range v {
		v[i] = 1 / float32(cfg.Train.Batch)
	}
	return v
}

func (f *augmented) feed(p *engine.Program, b *data.Batch) error {
	if p.HasFeed(LambdaFeed) {
		f.mix.Draw(f.seed, b.Keys, f.height, f.width, f.lambda, f.mixBox)
	}
	if p.HasFeed(EraseBoxFeed) {
		f.erase.Draw(f.seed, b.Keys, f.height, f.width, f.eraseBox)
	}
	if f.mask != nil {
		f.maskTokens(b.Keys)
	}
	return firstError(
		FeedSamples(p, b), feedIf(p, nn.SampleKeyFeed, b.Keys), feedIf(p, model.TokenIndexFeed, f.tokens),
		feedIf(p, LambdaFeed, f.lambda), feedIf(p, MixBoxFeed, f.mixBox), feedIf(p, EraseBoxFeed, f.eraseBox),
		feedIf(p, SeedFeed, f.lossSeed))
}

// maskTokens draws the tokens that every sample keeps, behind the class token.
func (f *augmented) maskTokens(keys []int32) {
	f.mask.Draw(f.seed, keys, f.kept)
	n := f.mask.Kept()
	for i, token := range f.kept {
		row := f.tokens[i/n*(n+f.extra):]
		row[i%n+f.extra] = token + int32(f.extra)
	}
}

// FeedSamples writes what the data holds of a batch: samples and labels or
// targets, as far as the program has feeds for them.
func FeedSamples(p *engine.Program, b *data.Batch) error {
	input := feedIf(p, InputFeed, b.Pixels)
	if len(b.Pixels) == 0 {
		input = feedIf(p, InputFeed, b.Values)
	}
	return firstError(input, feedIf(p, GroupFeed, b.Indices), feedIf(p, LabelsFeed, b.Labels), feedIf(p, PartsFeed, b.Parts),
		feedIf(p, TargetsFeed, b.Targets))
}

func feedIf[T any](p *engine.Program, name string, v []T) error {
	if !p.HasFeed(name) {
		return nil
	}
	return engine.Feed(p, name, v)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
