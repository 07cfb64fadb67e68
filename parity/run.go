package parity

import (
	"fmt"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/ops"
	"m2pt/train"
)

// feed declares recorded input in/<name> as a feed of the same shape.
func (r *replay) feed(g *ops.Graph, name string) *ops.Node {
	t := r.tensor("in/" + name)
	spec := ops.Spec{Shape: t.Shape, Dtype: ops.Float32}
	switch t.Dtype {
	case checkpoint.Float32, checkpoint.Float64:
	case checkpoint.Uint8:
		spec.Dtype = ops.Uint8
	default:
		spec.Dtype = ops.Int32
	}
	return g.Declare(t.Name, spec, ops.PerBatch)
}

// param declares recorded parameter param/<name> as state.
func (r *replay) param(g *ops.Graph, name string) *ops.Node {
	return g.Param(name, r.tensor("param/"+name).Shape...)
}

// constants are feeds the file does not hold, by name: seeds of losses, boxes.
type constants map[string]any // []float32, []int32 or []uint8

// gradients derives what the file records under group ("grad", "grad_soft"):
// <group>/<parameter> and <group>_in/<input>, of Σ⟨seed, out⟩.
func (r *replay) gradients(g *ops.Graph, group string, outs, seeds []*ops.Node) []engine.Fetch {
	inputs := map[string]*ops.Node{}
	for _, in := range g.Inputs() {
		inputs[in.Name] = in.Node
	}
	var fetches []engine.Fetch
	var wrt []*ops.Node
	add := func(group, inputPrefix string) {
		for _, name := range r.below(group) {
			n := inputs[inputPrefix+name]
			if n == nil && g.Err() == nil {
				r.stop(fmt.Errorf("%s%s: the model has no such input", group, name))
			}
			fetches, wrt = append(fetches, engine.Fetch{Name: group + name}), append(wrt, n)
		}
	}
	add(group+"/", "")
	add(group+"_in/", "in/")
	grads := g.Grad(outs, seeds, wrt)
	r.must(g.Err())
	for i, n := range grads {
		fetches[i].Node = n
	}
	return fetches
}

// run computes the fetches once, with the recorded parameters and inputs.
func (r *replay) run(g *ops.Graph, c constants, fetches ...engine.Fetch) []checkpoint.Tensor {
	r.must(g.Err())
	state := r.state(g)
	defer state.Close()
	p, err := engine.Compile(engine.Job{Graph: g, Fetches: fetches}, state)
	r.must(err)
	defer p.Close()
	for _, in := range g.Inputs() {
		if p.HasFeed(in.Name) {
			r.must(r.write(p, in, c[in.Name]))
		}
	}
	r.must(p.Micro())
	r.must(p.Update())
	var got []checkpoint.Tensor
	for _, f := range fetches {
		got = append(got, r.read(p, f))
	}
	return got
}

// write fills a feed from a constant or else from the recorded input.
func (r *replay) write(p *engine.Program, in ops.Input, constant any) error {
	switch v := constant.(type) {
	case []float32:
		return engine.Feed(p, in.Name, v)
	case []int32:
		return engine.Feed(p, in.Name, v)
	case []uint8:
		return engine.Feed(p, in.Name, v)
	}
	switch in.Spec.Dtype {
	case ops.Float32:
		return engine.Feed(p, in.Name, r.floats(in.Name))
	case ops.Int32:
		return engine.Feed(p, in.Name, r.ints(in.Name))
	}
	return engine.Feed(p, in.Name, r.tensor(in.Name).Data)
}

// read is the value of a float32 fetch, under the fetch's name.
func (r *replay) read(p *engine.Program, f engine.Fetch) checkpoint.Tensor {
	s := ops.SpecOf(f.Node)
	v := make([]float32, s.Len())
	r.must(engine.Read(p, f.Name, v))
	return checkpoint.New(f.Name, s.Shape, v)
}

// state holds the recorded parameters of a graph, and derived ones; optimizer slots
// start at zero.
func (r *replay) state(g *ops.Graph) *engine.State {
	state := engine.NewState(r.dev)
	for _, in := range g.Inputs() {
		if in.Role != ops.State {
			continue
		}
		r.must(state.Add(in.Name, in.Spec))
		if values, ok := r.derived[in.Name]; ok {
			r.must(engine.Set(state, in.Name, values))
			continue
		}
		if isSlot(in.Name) {
			continue
		}
		name := "param/" + in.Name
		if shape := r.tensor(name).Shape; !slices.Equal(shape, in.Spec.Shape) {
			r.stop(fmt.Errorf("%q has shape %v, the model's %v", name, shape, in.Spec.Shape))
		}
		r.must(engine.Set(state, in.Name, r.floats(name)))
		r.used[name] = true
	}
	return state
}

// value is a state's present value, under another name.
func (r *replay) value(s *engine.State, state, name string) checkpoint.Tensor {
	v, err := engine.Get[float32](s, state)
	r.must(err)
	return checkpoint.New(name, s.Spec(state).Shape, v)
}

// isSlot reports whether a state is what some optimizer keeps beside a parameter.
func isSlot(name string) bool {
	for _, o := range []train.Optimizer{train.AdamW{}, train.SGD{}, train.LARS{}} {
		if slices.ContainsFunc(o.Slots(), func(slot string) bool { return strings.HasSuffix(name, slot) }) {
			return true
		}
	}
	return false
}

// mean is the mean of per-sample losses as a recorded scalar.
func (r *replay) mean(losses checkpoint.Tensor) checkpoint.Tensor {
	v := r.numbers(losses)
	s := 0.0
	for _, x := range v {
		s += x / float64(len(v))
	}
	return checkpoint.New(losses.Name, []int{1}, []float64{s})
}

func repeat[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}
