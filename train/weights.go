package train

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/checkpoint"
	naming "m2pt/checkpoint/names"
	"m2pt/engine"
	"m2pt/model"
	"m2pt/nn"
)

// Merge folds every pathway into plain weights: Ŵ = W + Σₖ λₖ·W′ₖ. Tensors that
// belong to no pathway are passed on. The order and names are those of a plain
// ViT. A term without its λ, W′ or W is an error.
func Merge(ts *checkpoint.Tensors) (*checkpoint.Tensors, error) {
	out := &checkpoint.Tensors{Metadata: ts.Metadata}
	for t := range ts.All() {
		if layer, _, _, ok := model.SplitTerm(t.Name); ok {
			if _, err := ts.Get(layer + ".weight"); err != nil {
				return nil, fmt.Errorf("merge %q: %w", t.Name, err)
			}
			continue
		}
		merged, err := mergeLayer(ts, t)
		if err != nil {
			return nil, fmt.Errorf("merge %q: %w", t.Name, err)
		}
		if err := out.Add(merged); err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
	}
	return out, nil
}

func mergeLayer(ts *checkpoint.Tensors, t checkpoint.Tensor) (checkpoint.Tensor, error) {
	layer, ok := strings.CutSuffix(t.Name, ".weight")
	if !ok {
		return t, nil
	}
	terms := model.Terms(layer, ts.Names())
	if len(terms) == 0 {
		return t, nil
	}
	w, err := t.Float32s()
	if err != nil {
		return t, err
	}
	w = slices.Clone(w)
	for _, term := range terms {
		lambda, err := floats(ts, term.Scale, 1)
		if err != nil {
			return t, err
		}
		aux, err := floats(ts, term.Aux, len(w))
		if err != nil {
			return t, err
		}
		model.Fold(w, lambda[0], aux)
	}
	return checkpoint.New(t.Name, t.Shape, w), nil
}

// floats reads n elements of a tensor as float32.
func floats(ts *checkpoint.Tensors, name string, n int) ([]float32, error) {
	t, err := ts.Get(name)
	if err != nil {
		return nil, err
	}
	v, err := t.Float32s()
	if err == nil && len(v) != n {
		err = fmt.Errorf("tensor %q: shape %v has %d elements, want %d", name, t.Shape, len(v), n)
	}
	return v, err
}

// Auxiliary is a model whose linear weights join the target's.
type Auxiliary struct {
	From    string // path, for messages
	Source  naming.Source
	Weights *checkpoint.Tensors
	Depth   int      // blocks
	Skipped []string // samples its training could not read
	// Averages is what the file calls averaged weights beside the ones that are used.
	Averages string
}

// LoadAuxiliary reads a checkpoint, ours or another project's, and folds its own
// pathways. source is whose names it has, one of [experiment.Sources]. Of it only the
// linear weights of blocks matter.
func LoadAuxiliary(path, source string) (*Auxiliary, error) {
	o, err := loadOrigin(path, source)
	if err != nil {
		return nil, fmt.Errorf("auxiliary %q: %w", path, err)
	}
	a, err := o.auxiliary()
	if err != nil {
		return nil, fmt.Errorf("auxiliary %q: %w", path, err)
	}
	return a, nil
}

// Weights are all parameters of a checkpoint, the frozen auxiliary ones
// included: the weights its run evaluates, so averages stand in place of the
// parameters they average unless eval.ema is off.
func Weights(cp *checkpoint.Checkpoint) (*checkpoint.Tensors, error) {
	ema, err := averages(cp)
	if err != nil {
		return nil, err
	}
	return replaced(cp, ema)
}

// replaced are all parameters of a checkpoint, those of ema, which may be nil, in
// place of the ones of their names.
func replaced(cp *checkpoint.Checkpoint, ema *checkpoint.Tensors) (*checkpoint.Tensors, error) {
	ts, err := cp.Model()
	if err != nil {
		return nil, err
	}
	all := &checkpoint.Tensors{Metadata: ts.Metadata}
	for t := range ts.All() {
		if ema != nil {
			if e, ok := ema.Lookup(t.Name); ok {
				t = e
			}
		}
		if err := all.Add(t); err != nil {
			return nil, err
		}
	}
	aux, err := cp.Aux()
	if err != nil {
		return nil, err
	}
	for _, a := range aux {
		for t := range a.All() {
			if err := all.Add(t); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// averages are the averaged weights of a checkpoint where its run evaluates
// those, nil otherwise.
func averages(cp *checkpoint.Checkpoint) (*checkpoint.Tensors, error) {
	if cp.State == nil {
		return nil, nil
	}
	x, err := readExtra(cp)
	if err != nil || x.Raw {
		return nil, err
	}
	return cp.EMA()
}

// initialise gives every parameter its first value: W′ from its auxiliary model
// (aux nil leaves it 0), the rest drawn by seed and name.
func initialise(state *engine.State, params []nn.Param, aux []*Auxiliary, seed uint64) error {
	for _, p := range params {
		v := p.Values(seed)
		if p.Aux > 0 && aux != nil {
			a := aux[p.Aux-1]
			t, err := a.Weights.Get(p.Source)
			if err != nil {
				return fmt.Errorf("auxiliary %q: %w", a.From, err)
			}
			if !slices.Equal(t.Shape, p.Shape) {
				return fmt.Errorf("auxiliary %q: tensor %q: shape %v, want %v: the auxiliary model must have the target's width and MLP ratio", a.From, p.Source, t.Shape, p.Shape)
			}
			if v, err = t.Float32s(); err != nil {
				return fmt.Errorf("auxiliary %q: %w", a.From, err)
			}
		}
		if err := engine.Set(state, p.Name, v); err != nil {
			return err
		}
	}
	return nil
}

// load overwrites parameters with tensors of the same names. Every parameter
// that want accepts must be there, and nothing else may be.
func load(state *engine.State, prefix string, ts *checkpoint.Tensors, want func(name string) bool) error {
	used := 0
	for _, name := range state.Names() {
		short, ok := strings.CutPrefix(name, prefix)
		if !ok || !want(short) {
			continue
		}
		t, err := ts.Get(short)
		if err != nil {
			return err
		}
		spec := state.Spec(name)
		if !slices.Equal(t.Shape, spec.Shape) {
			return fmt.Errorf("tensor %q: shape %v, want %v", short, t.Shape, spec.Shape)
		}
		v, err := t.Float32s()
		if err != nil {
			return err
		}
		if err := engine.Set(state, name, v); err != nil {
			return err
		}
		used++
	}
	if used != ts.Len() {
		for t := range ts.All() {
			if !state.Has(prefix+t.Name) || !want(t.Name) {
				return fmt.Errorf("tensor %q: the model has no such parameter (%d of %d tensors fit)", t.Name, used, ts.Len())
			}
		}
	}
	return nil
}

// collect reads the named states from the device, without their prefix.
func collect(state *engine.State, prefix string, names []string) (*checkpoint.Tensors, error) {
	ts := &checkpoint.Tensors{}
	for _, name := range names {
		v, err := engine.Get[float32](state, prefix+name)
		if err != nil {
			return nil, err
		}
		if err := ts.Add(checkpoint.New(name, state.Spec(prefix+name).Shape, v)); err != nil {
			return nil, err
		}
	}
	return ts, nil
}
