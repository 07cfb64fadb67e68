package engine

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"m2pt/ops"
)

// TestStages counts kernel calls over two updates of three micro-steps: what
// depends on state alone runs once per update, and so does what depends on
// sums.
func TestStages(t *testing.T) {
	v := small()
	v.accumulate = 3
	m := v.training()
	dev := counting{calls: map[string]int{}}
	p := compile(t, m.job, newState(t, dev, m.Graph))
	layers := 4 * v.depth
	for step := 1; step <= 2; step++ {
		clear(dev.calls)
		update(t, p, v, step)
		for op, want := range map[string]int{
			"pathway(terms=1,aux_trainable=false)":   layers,
			"attention(heads=3)":                     3 * v.depth,
			"cross_entropy.grad":                     3,
			"accumulate":                             len(m.params) - layers, // dλ is no sum of its own
			"dot":                                    layers,
			"grad_norm":                              1,
			"adamw(0.9,0.999,1e-08,wd=0.05,scale=1)": len(m.params),
			"ema(0.9)":                               len(m.params),
		} {
			if dev.calls[op] != want {
				t.Errorf("update %d: %d calls of %s, want %d", step, dev.calls[op], op, want)
			}
		}
	}
}

// TestPrepareRunsWhenStateChanges: a micro-step alone does not repeat the
// prepare stage; a Set, or an update of another program, does.
func TestPrepareRunsWhenStateChanges(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	x, w := g.Feed("x", 2), g.Param("w", 2)
	y := g.Add(x, g.GELU(w))
	dev := counting{calls: map[string]int{}}
	state := newState(t, dev, g)
	p := compile(t, Job{Graph: g, Fetches: []Fetch{{"y", y}}}, state)

	other := ops.NewGraph(ops.Float32)
	next := other.Add(other.Param("w", 2), other.Feed("dw", 2))
	writer := compile(t, Job{Graph: other, Assigns: []Assign{{"w", next}}}, state)

	for i, c := range []struct {
		name   string
		before func() error
		want   int
	}{
		{"first", func() error { return nil }, 1},
		{"nothing changed", func() error { return nil }, 1},
		{"set", func() error { return Set(state, "w", []float32{1, 2}) }, 2},
		{"another program", writer.Micro, 3},
		{"nothing changed again", p.Update, 3},
	} {
		must(t, c.before())
		must(t, p.Micro())
		if n := dev.calls["gelu(0)"]; n != c.want {
			t.Errorf("step %d, %s: prepare has run %d times, want %d", i, c.name, n, c.want)
		}
	}
}

// TestAccumulationIsALargeBatch: n micro-steps give the gradients of one batch n
// times as large, drop-path and all, but for rounding. Gradients are seen in
// AdamW's slots: its step divides by their size, which blows up the rounding of
// those that are zero, as the keys' biases have.
func TestAccumulationIsALargeBatch(t *testing.T) {
	after := func(batch, accumulate int) (*State, []string) {
		v := small()
		v.batch, v.accumulate = batch, accumulate
		m := v.training()
		state := newState(t, Reference{}, m.Graph)
		p := compile(t, m.job, state)
		update(t, p, v, 1)
		return state, state.Names()
	}
	whole, names := after(12, 1)
	for _, accumulate := range []int{2, 3, 12} {
		parts, _ := after(12/accumulate, accumulate)
		for _, name := range names {
			if !strings.Contains(name, ".exp_avg") {
				continue
			}
			if d := distance(get(t, parts, name), get(t, whole, name)); d > 1e-4 {
				t.Errorf("%d micro-steps: %s differs by %g", accumulate, name, d)
			}
		}
	}
}

// distance is max|a - b| / max|b|.
func distance(a, b []float32) float64 {
	d, top := 0.0, 1e-30
	for i := range b {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
		top = max(top, math.Abs(float64(b[i])))
	}
	return d / top
}

// TestSumWithoutUpdateStage: a sum counts micro-steps also where nothing
// depends on it but a fetch, or the state it is assigned to once it is complete.
func TestSumWithoutUpdateStage(t *testing.T) {
	for _, c := range []struct {
		name  string
		state string
		want  [2]float32 // with s 10 and feeds 1, 2, 3, twice
	}{
		{"fetched", "", [2]float32{36, 36}},
		{"assigned to what it depends on", "s", [2]float32{36, 114}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			x := g.Feed("x", 1)
			sum := g.Accumulated(g.Add(x, g.Param("s", 1)))
			state := newState(t, Reference{}, g)
			must(t, Set(state, "s", []float32{10}))
			job := Job{Graph: g, Accumulate: 3, Fetches: []Fetch{{"sum", sum}}}
			if c.state != "" {
				job.Assigns = []Assign{{c.state, sum}}
			}
			p := compile(t, job, state)
			for _, want := range c.want {
				for i := range 3 {
					must(t, Feed(p, "x", []float32{float32(i + 1)}))
					must(t, p.Micro())
				}
				if p.Micro() == nil {
					t.Error("a fourth micro-step is accepted")
				}
				must(t, p.Update())
				if got := fetch(t, p, "sum")[0]; got != want {
					t.Errorf("sum %v, want %v", got, want)
				}
			}
		})
	}
}

// TestCallsOutOfTurn: Step, Update, Feed, Read and what follows Close refuse
// what does not fit and go on working.
func TestCallsOutOfTurn(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	x := g.Feed("x", 2)
	sum := g.Apply(ops.Scale{}, g.Accumulated(g.GELU(x)), g.Param("one", 1))
	p := compile(t, Job{Graph: g, Accumulate: 2, Fetches: []Fetch{{"sum", sum}}}, newState(t, Reference{}, g))
	refuse := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	refuse("an update without micro-steps", p.Update())
	must(t, p.Micro())
	refuse("an update after half the micro-steps", p.Update())
	p.Reset()
	must(t, p.Micro())
	must(t, p.Micro())
	refuse("a micro-step too many", p.Micro())
	must(t, p.Update())
	refuse("a second update", p.Update())
	refuse("an unknown feed", Feed(p, "z", []float32{1, 2}))
	refuse("a short feed", Feed(p, "x", []float32{1}))
	refuse("a feed of another type", Feed(p, "x", []float64{1, 2}))
	refuse("an unknown fetch", Read(p, "z", []float32{1, 2}))
	refuse("a long fetch", Read(p, "sum", []float32{1, 2, 3}))
	must(t, p.Close())
	must(t, p.Close())
	refuse("a step of a closed program", p.Micro())
	refuse("an update of a closed program", p.Update())
	refuse("a feed of a closed program", Feed(p, "x", []float32{1, 2}))
	refuse("a fetch of a closed program", Read(p, "sum", []float32{1, 2}))
}

// TestResetForgetsMicroSteps: what was summed before a Reset is not in the sum.
func TestResetForgetsMicroSteps(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	sum := g.Apply(ops.Scale{}, g.Accumulated(g.ReLU(g.Feed("x", 1))), g.Param("one", 1))
	state := newState(t, Reference{}, g)
	must(t, Set(state, "one", []float32{1}))
	p := compile(t, Job{Graph: g, Accumulate: 2, Fetches: []Fetch{{"sum", sum}}}, state)
	for i, x := range []float32{100, 1, 2} {
		if i == 1 {
			p.Reset()
		}
		must(t, Feed(p, "x", []float32{x}))
		must(t, p.Micro())
	}
	must(t, p.Update())
	if got := fetch(t, p, "sum")[0]; got != 3 {
		t.Errorf("sum %v, want 3", got)
	}
}

// TestTwoProgramsShareState: evaluation sees each update of training, through
// its own prepare stage, also when it reads averages instead.
func TestTwoProgramsShareState(t *testing.T) {
	v := small()
	m := v.training()
	state := newState(t, Reference{}, m.Graph)
	train := compile(t, m.job, state)

	v.dropPath = 0
	e := &training{vit: v, Graph: ops.NewGraph(ops.Float32)}
	e.key = e.Declare("sample_key", ops.Spec{Shape: []int{v.batch, 2}, Dtype: ops.Int32}, ops.PerBatch)
	job := Job{Graph: e.Graph, Fetches: []Fetch{{"logits", e.forward()}}}
	live := compile(t, job, state)
	job.Bind = map[string]string{}
	for _, p := range e.params {
		job.Bind[p.Name()] = "ema." + p.Name()
	}
	averaged := compile(t, job, state)

	pixels := v.micro(1000, v.batch).pixels
	logits := func(p *Program) []float32 {
		must(t, Feed(p, "pixels", pixels))
		must(t, p.Micro())
		return fetch(t, p, "logits")
	}
	first := logits(live)
	if !slices.Equal(logits(averaged), first) {
		t.Error("averages that start at the weights give other logits")
	}
	for step := 1; step <= 2; step++ {
		update(t, train, v, step)
	}
	after, smooth := logits(live), logits(averaged)
	if slices.Equal(after, first) || slices.Equal(smooth, first) || slices.Equal(smooth, after) {
		t.Error("evaluation does not see the updates")
	}
	for _, p := range e.params { // weights := averages
		must(t, Set(state, p.Name(), get(t, state, "ema."+p.Name())))
	}
	if !slices.Equal(logits(live), smooth) {
		t.Error("the averages as weights give other logits than bound averages")
	}
	if averaged.HasFeed("sample_key") {
		t.Error("evaluation without drop-path reads sample keys")
	}
}

// TestIsAGorgoniaVM runs a program as gorgonia's machines are run: values are
// bound to the feeds' nodes and read at the fetches'.
func TestIsAGorgoniaVM(t *testing.T) {
	v := small()
	m := v.training()
	state := newState(t, Reference{}, m.Graph)
	byHand := compile(t, m.job, state)
	update(t, byHand, v, 1)
	want := map[string][]float32{"loss": fetch(t, byHand, "loss"), "norm": fetch(t, byHand, "norm")}

	m = v.training()
	var vm gorgonia.VM = compile(t, m.job, newState(t, Reference{}, m.Graph))
	b := v.micro(0, v.batch)
	for _, in := range m.Inputs() {
		if value, ok := map[string]any{"pixels": b.pixels, "labels": b.labels, "sample_key": b.key, "seed": b.seed, "hyper": hyper(1)}[in.Name]; ok {
			let(t, in.Node, value)
		}
	}
	must(t, vm.RunAll())
	for _, f := range m.job.Fetches {
		if w, ok := want[f.Name]; ok && !slices.Equal(valueOf(t, f.Node), w) {
			t.Errorf("%s is %v, want %v", f.Name, f.Node.Value(), w)
		}
	}
	vm.Reset()
	must(t, vm.RunAll())
	must(t, vm.Close())
}
