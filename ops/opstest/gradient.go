package opstest

import (
	"fmt"
	"testing"

	"m2pt/engine"
	"m2pt/internal/philox"
	"m2pt/ops"
)

// smallEnough is the number of input elements up to which a case's gradient is
// compared: differences take two runs each.
const smallEnough = 400

// Gradients compares, for every ops.Differentiable kind, the gradients that
// gorgonia derives with central differences, in float64 on engine.Reference,
// for every element of every differentiable input and a random gradient of
// output 0. The error is at most 1e-6.
func Gradients(t *testing.T) {
	for _, c := range Cases() {
		if c.differentiable() {
			t.Run(c.Name, func(t *testing.T) {
				if err := c.checkGradient(1e-6); err != nil {
					t.Errorf("%v: %v", c.Kind, err)
				}
			})
		}
	}
}

// differentiable reports whether the case has gradients and is small enough to
// compare them.
func (c Case) differentiable() bool {
	d, ok := c.Kind.(ops.Differentiable)
	if !ok {
		return false
	}
	in, elements := c.inputs(signature{}), 0
	for _, b := range in {
		elements += b.Len()
	}
	return elements <= smallEnough && len(wrt(d, in)) > 0
}

// wrt are the inputs with gradients: floating-point ones that the kind names.
func wrt(k ops.Differentiable, in []ops.Buf) []int {
	var list []int
	for i, b := range in {
		if b.Dtype == ops.Float64 && k.DiffWRT(i) {
			list = append(list, i)
		}
	}
	return list
}

// function is a case as a graph in float64: y of the inputs, and the gradients
// of ⟨seed, y⟩.
type function struct {
	state   *engine.State
	program *engine.Program
	in      []ops.Buf
	seed    ops.Buf
	wrt     []int // inputs with gradients
}

func name(i int) string { return fmt.Sprintf("in%d", i) }

func (c Case) function() (*function, error) {
	f := &function{state: engine.NewState(engine.Reference{}), in: c.inputs(signature{})}
	f.wrt = wrt(c.Kind.(ops.Differentiable), f.in)
	g := ops.NewGraph(ops.Float64)
	var nodes, leaves []*ops.Node
	for i, b := range f.in {
		nodes = append(nodes, g.Declare(name(i), b.Spec, ops.State))
		if err := f.state.Add(name(i), b.Spec); err != nil {
			return nil, err
		}
		if err := f.set(i); err != nil {
			return nil, err
		}
	}
	for _, i := range f.wrt {
		leaves = append(leaves, nodes[i])
	}
	y := g.Apply(inFloat64(c.Kind), nodes...)
	if g.Err() != nil {
		return nil, g.Err()
	}
	r := philox.New(2, c.Name, 0, 0)
	f.seed = normal(ops.SpecOf(y).Shape...)(&r, nil)
	// A gradient that passes through would be the feed itself, which no fetch
	// reads; its negative is a value like others.
	seed := g.Apply(ops.Scale{}, g.Feed("seed", f.seed.Shape...), g.Feed("minus", 1))
	job := engine.Job{Graph: g, Fetches: []engine.Fetch{{Name: "y", Node: y}}}
	for j, n := range g.Grad([]*ops.Node{y}, []*ops.Node{seed}, leaves) {
		job.Fetches = append(job.Fetches, engine.Fetch{Name: name(f.wrt[j]), Node: n})
	}
	var err error
	f.program, err = engine.Compile(job, f.state)
	return f, err
}

// set brings input i to the state.
func (f *function) set(i int) error {
	switch b := f.in[i]; b.Dtype {
	case ops.Float64:
		return engine.Set(f.state, name(i), ops.Of[float64](b))
	case ops.Int32:
		return engine.Set(f.state, name(i), ops.Of[int32](b))
	default:
		return engine.Set(f.state, name(i), b.Raw())
	}
}

// run runs an update; the gradients are fetched afterwards.
func (f *function) run() error {
	if err := engine.Feed(f.program, "minus", []float64{-1}); err != nil {
		return err
	}
	if err := engine.Feed(f.program, "seed", ops.Of[float64](f.seed)); err != nil {
		return err
	}
	if err := f.program.Micro(); err != nil {
		return err
	}
	return f.program.Update()
}

// loss is -⟨seed, y⟩ at the present inputs.
func (f *function) loss() (float64, error) {
	if err := f.run(); err != nil {
		return 0, err
	}
	y := make([]float64, f.seed.Len())
	if err := engine.Read(f.program, "y", y); err != nil {
		return 0, err
	}
	s := 0.0
	for i, v := range y {
		s -= v * ops.Of[float64](f.seed)[i]
	}
	return s, nil
}

func (c Case) checkGradient(tol float64) error {
	f, err := c.function()
	if err != nil {
		return err
	}
	defer f.program.Close()
	if err := f.run(); err != nil {
		return err
	}
	grads := make([][]float64, len(f.wrt))
	for j, i := range f.wrt {
		grads[j] = make([]float64, f.in[i].Len())
		if err := engine.Read(f.program, name(i), grads[j]); err != nil {
			return err
		}
	}
	for j, i := range f.wrt {
		want, err := f.differences(i)
		if err != nil {
			return err
		}
		if err := compare(grads[j], want, tol); err != nil {
			return fmt.Errorf("gradient of input %d: %w", i, err)
		}
	}
	return nil
}

// differences are (loss(x+h) - loss(x-h)) / 2h for every element of input i.
func (f *function) differences(i int) ([]float64, error) {
	const h = 1e-5
	x := ops.Of[float64](f.in[i])
	diff := make([]float64, len(x))
	for e, old := range x {
		for _, side := range []float64{h, -h} {
			x[e] = old + side
			if err := f.set(i); err != nil {
				return nil, err
			}
			l, err := f.loss()
			if err != nil {
				return nil, err
			}
			diff[e] += l / (2 * side)
		}
		x[e] = old
	}
	return diff, f.set(i)
}
