package train

import (
	"fmt"
	"slices"

	"m2pt/checkpoint"
	naming "m2pt/checkpoint/names"
	"m2pt/experiment"
)

// origin is a checkpoint that weights come from, ours or another project's: those its
// run evaluates, averaged ones where it has them, with pathways folded.
type origin struct {
	path    string // as it was named
	at      string // of the checkpoint itself, in the run folder if there is one
	source  naming.Source
	weights *checkpoint.Tensors // under our names, biases of attentions whole
	unknown []checkpoint.Tensor // no part of the model, as the file has them
	classes []string            // of its run, nil where there is none
	// averages is what the file calls averaged weights beside the ones that are used.
	averages string
}

// loadOrigin reads a checkpoint with the names of a source, or "auto" for what they
// tell.
func loadOrigin(path, source string) (*origin, error) {
	cp, err := openExactly(path)
	if err != nil {
		return nil, err
	}
	ts, err := Weights(cp)
	if err != nil {
		return nil, err
	}
	if ts, err = Merge(ts); err != nil {
		return nil, err
	}
	o := &origin{path: path, at: cp.Path, averages: ts.Metadata[checkpoint.AveragesKey]}
	switch {
	case source != "auto":
		o.source = naming.Source(source)
	case cp.State != nil:
		o.source = naming.M2PT
	default:
		if o.source, err = naming.Detect(ts); err != nil {
			return nil, err
		}
	}
	if cp.State != nil {
		x, err := readExtra(cp)
		if err != nil {
			return nil, err
		}
		o.classes = x.Classes
	}
	ours, unknown, err := naming.Read(ts, o.source)
	if err != nil {
		return nil, err
	}
	o.weights = ours
	for _, name := range unknown {
		x, err := ts.Get(name)
		if err != nil {
			return nil, err
		}
		o.unknown = append(o.unknown, x)
	}
	return o, nil
}

// auxiliary is what matters of an origin to another model: the weights of its
// blocks' linear layers.
func (o *origin) auxiliary() (*Auxiliary, error) {
	a := &Auxiliary{From: o.path, Source: o.source, Averages: o.averages, Weights: &checkpoint.Tensors{}}
	for x := range o.weights.All() {
		var i int
		linear := func(layer string) bool { return x.Name == fmt.Sprintf("blocks.%d.%s.weight", i, layer) }
		if !scan(x.Name, "blocks.%d.", &i) || !slices.ContainsFunc(experiment.Layers(), linear) {
			continue
		}
		a.Depth = max(a.Depth, i+1)
		if err := a.Weights.Add(x); err != nil {
			return nil, err
		}
	}
	if a.Depth == 0 {
		return nil, fmt.Errorf("names of %s: no blocks: want a Vision Transformer", o.source)
	}
	return a, nil
}
