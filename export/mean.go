package export

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/train"
)

// Mean is the plain model whose weights are the means, taken in float64, of those of
// several models, pathways folded. All must have the same classes and the same
// tensors; of integers it has the last model's. Everything else about it is the last
// model's, but for evaluations: it had none.
func Mean(ms []*train.Trained) (*train.Trained, error) {
	last := *ms[len(ms)-1]
	if len(ms) == 1 {
		return &last, nil
	}
	var plain []*checkpoint.Tensors
	var paths []string
	for _, m := range ms {
		ts, err := train.Merge(m.Weights)
		if err != nil {
			return nil, fmt.Errorf("mean of checkpoints: %s: %w", m.Path, err)
		}
		if !slices.Equal(m.Classes, last.Classes) {
			return nil, fmt.Errorf("mean of checkpoints: %s has the classes %v, %s %v: want the same", m.Path, m.Classes, last.Path, last.Classes)
		}
		if err := alike(m, &last); err != nil {
			return nil, fmt.Errorf("mean of checkpoints: %w", err)
		}
		plain, paths = append(plain, ts), append(paths, m.Path)
	}
	model := *last.Model
	last.Model, last.Eval, last.MeanOf = &model, nil, paths
	model.Classifier.ViT.Pathways = nil
	model.Path = strings.Join(paths, " + ")
	var err error
	model.Weights, err = mean(plain, paths)
	return &last, err
}

// alike refuses models that tensors of the same shapes do not make the same, and
// averaged weights beside others.
func alike(a, b *train.Trained) error {
	x, y := a.Config, b.Config
	switch {
	case x.Model.NumHeads != y.Model.NumHeads || x.Model.CosAttn != y.Model.CosAttn || x.Model.GlobalPool != y.Model.GlobalPool || x.Tokenizer != y.Tokenizer:
		return fmt.Errorf("%s and %s are of other models: want the same heads, pool and tokenizer", a.Path, b.Path)
	case a.Averaged != b.Averaged:
		return fmt.Errorf("of %s and %s one has running averages: want both or, with -set eval.ema=false, neither", a.Path, b.Path)
	}
	return nil
}

// mean is the mean of tensors of the same names; paths say where they come from.
func mean(all []*checkpoint.Tensors, paths []string) (*checkpoint.Tensors, error) {
	last := len(all) - 1
	out := &checkpoint.Tensors{Metadata: all[last].Metadata}
	for t := range all[last].All() {
		same := make([]checkpoint.Tensor, len(all))
		for i, ts := range all {
			x, ok := ts.Lookup(t.Name)
			if !ok || !slices.Equal(x.Shape, t.Shape) || x.Dtype != t.Dtype {
				return nil, fmt.Errorf("mean of checkpoints: tensor %q is %s in %s and %s in %s: want the same", t.Name, described(x), paths[i], described(t), paths[last])
			}
			same[i] = x
		}
		m, err := meanTensor(same)
		if err == nil {
			err = out.Add(m)
		}
		if err != nil {
			return nil, fmt.Errorf("mean of checkpoints: %w", err)
		}
	}
	for i, ts := range all {
		for name := range ts.Names() {
			if _, ok := out.Lookup(name); !ok {
				return nil, fmt.Errorf("mean of checkpoints: tensor %q is in %s and not in %s: want the same", name, paths[i], paths[last])
			}
		}
	}
	return out, nil
}

func described(t checkpoint.Tensor) string {
	if t.Name == "" {
		return "missing"
	}
	return fmt.Sprintf("%v %v", t.Dtype, t.Shape)
}

// meanTensor is the mean of tensors of one shape, as float32; of integers the last.
func meanTensor(ts []checkpoint.Tensor) (checkpoint.Tensor, error) {
	last := ts[len(ts)-1]
	if _, err := last.Int64s(); err == nil {
		return last, nil
	}
	sum := make([]float64, last.Len())
	for _, t := range ts {
		v, err := t.Float32s()
		if err != nil {
			return last, err
		}
		for i, x := range v {
			sum[i] += float64(x)
		}
	}
	out := make([]float32, len(sum))
	for i, s := range sum {
		out[i] = float32(s / float64(len(ts)))
	}
	return checkpoint.New(last.Name, last.Shape, out), nil
}
