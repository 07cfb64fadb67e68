package main

import (
	"fmt"
	"os"
	"path/filepath"

	"m2pt/checkpoint"
	"m2pt/data"
	"m2pt/internal/cli"
	"m2pt/train"
)

// writeLogits writes an evaluation as the tensors that [answers] makes, to a file of
// the format that its extension says.
func writeLogits(path string, m *train.Model, set data.Dataset, evaluate evaluation) (train.Result, error) {
	if m.Pretrainer != nil {
		return train.Result{}, cli.Misused("-predictions %s: a masked autoencoder has no logits: name a .csv file", path)
	}
	if _, ok := set.(data.Segmented); ok {
		return train.Result{}, cli.Misused("-predictions %s: points have labels, not samples: name a .csv file", path)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return train.Result{}, fmt.Errorf("-predictions: %w", err) // now, and not after hours
	}
	var a answers
	result, err := evaluate(a.add)
	if err != nil {
		return result, err
	}
	ts, err := a.tensors()
	if err != nil {
		return result, err
	}
	return result, checkpoint.Save(path, ts)
}

// answers gathers the predictions of N samples over K classes.
type answers struct {
	index, label    []int64
	logits, targets []float32
}

func (a *answers) add(p train.Prediction) error {
	a.index = append(a.index, int64(p.Index))
	a.label = append(a.label, int64(p.Label))
	a.logits = append(a.logits, p.Logits...)
	a.targets = append(a.targets, p.Targets...)
	return nil
}

// tensors are index [N], the samples' places in the dataset, and logits [N, K], of
// several views or votes their mean; then label [N], or targets [N, K] where samples
// have several classes.
func (a *answers) tensors() (*checkpoint.Tensors, error) {
	n := len(a.index)
	table := []int{n, len(a.logits) / max(n, 1)}
	truth := checkpoint.New("label", []int{n}, a.label)
	if a.targets != nil {
		truth = checkpoint.New("targets", table, a.targets)
	}
	ts := &checkpoint.Tensors{}
	for _, t := range []checkpoint.Tensor{checkpoint.New("index", []int{n}, a.index), checkpoint.New("logits", table, a.logits), truth} {
		if err := ts.Add(t); err != nil {
			return nil, err
		}
	}
	return ts, nil
}
