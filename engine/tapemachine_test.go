package engine

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"m2pt/ops"
)

// TestTapeMachineAgrees trains a small ViT with pathways for three updates with
// the engine and with gorgonia's own machine, which knows neither stages nor
// shared memory nor state: parameters, slots, averages, losses and gradient
// norms are the same to the bit.
func TestTapeMachineAgrees(t *testing.T) {
	const updates = 3
	v := small()
	m := v.training()
	state := newState(t, Reference{}, m.Graph)
	program := compile(t, m.job, state)
	tape := newTape(t, v.training())
	defer tape.Close()
	for step := 1; step <= updates; step++ {
		update(t, program, v, step)
		tape.update(t, step)
		for _, f := range tape.job.Fetches {
			sameBits(t, step, "fetch "+f.Name, fetch(t, program, f.Name), valueOf(t, f.Node))
		}
		for _, a := range tape.job.Assigns {
			sameBits(t, step, "state "+a.State, get(t, state, a.State), valueOf(t, tape.states[a.State]))
		}
	}
	if len(tape.job.Assigns) != 4*len(m.params) {
		t.Errorf("%d assigns for %d parameters", len(tape.job.Assigns), len(m.params))
	}
	for _, name := range []string{"blocks.0.attn.qkv.cross_modal_scale", "cls_token", "pos_embed", "ema.head.weight"} {
		if slices.Equal(get(t, state, name), initial(name, state.Spec(name).Len())) {
			t.Errorf("%s did not change in %d updates", name, updates)
		}
	}
}

// tape is a training on gorgonia's machine: assigned values are copied back
// into the input nodes by hand.
type tape struct {
	*training
	gorgonia.VM
	states map[string]*ops.Node
	feeds  map[string]*ops.Node
}

func newTape(t *testing.T, m *training) *tape {
	t.Helper()
	must(t, m.Err())
	tm := &tape{m, gorgonia.NewTapeMachine(m.ExprGraph), map[string]*ops.Node{}, map[string]*ops.Node{}}
	for _, in := range m.Inputs() {
		if in.Role != ops.State {
			tm.feeds[in.Name] = in.Node
			continue
		}
		tm.states[in.Name] = in.Node
		let(t, in.Node, initial(in.Name, in.Spec.Len()))
	}
	return tm
}

func (tm *tape) update(t *testing.T, step int) {
	t.Helper()
	b := tm.micro((step-1)*tm.batch, tm.batch)
	let(t, tm.feeds["pixels"], b.pixels)
	let(t, tm.feeds["labels"], b.labels)
	let(t, tm.feeds["sample_key"], b.key)
	let(t, tm.feeds["seed"], b.seed)
	let(t, tm.feeds["hyper"], hyper(step))
	must(t, tm.RunAll())
	next := map[string][]float32{}
	for _, a := range tm.job.Assigns {
		next[a.State] = slices.Clone(valueOf(t, a.Node))
	}
	for name, v := range next {
		let(t, tm.states[name], v)
	}
	tm.Reset()
}

func let(t *testing.T, n *ops.Node, backing any) {
	t.Helper()
	must(t, gorgonia.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(backing))))
}

func valueOf(t *testing.T, n *ops.Node) []float32 {
	t.Helper()
	v, ok := n.Value().(*tensor.Dense)
	if !ok {
		t.Fatalf("node %v has value %v", n, n.Value())
	}
	return v.Float32s()
}

func sameBits(t *testing.T, step int, what string, got, want []float32) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Errorf("update %d: %s: %v, want %v", step, what, got, want)
	}
}
