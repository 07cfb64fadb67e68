package train

import (
	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/tokenizers"
)

// network is what a run trains: a [Classifier] or a [Pretrainer].
type network interface {
	// Build builds the network from stored samples to loss.
	Build(mode nn.Mode, batch int, seed uint64) Net
	// RandomBatch is a batch of random samples, always the same one.
	RandomBatch(size int) *data.Batch
	// encoder is what a checkpoint for another task has in common with it.
	encoder() (tokenizers.Tokenizer, model.ViT)
	// feeder is what writes batches into its programs.
	feeder(cfg *experiment.Config, mode nn.Mode, batch int) (feeder, error)
	// scorer makes figures of its answers for a dataset.
	scorer(set data.Dataset) (scorer, error)
}

var (
	_ network = Classifier{}
	_ network = Pretrainer{}
)

// feeder writes a batch into a program: its samples, and what is random about them.
type feeder interface {
	feed(p *engine.Program, b *data.Batch) error
}

// newNetwork is the network of an experiment; auxDepth holds the block count of each
// pathway's auxiliary model.
func newNetwork(cfg *experiment.Config, a Answers, auxDepth []int) (network, error) {
	if cfg.Task == "pretrain" {
		return newPretrainer(cfg)
	}
	return NewClassifier(cfg, a, auxDepth), nil
}
