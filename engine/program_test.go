package engine

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"m2pt/ops"
)

// idle is a device that does nothing, to see what the engine itself costs.
type idle struct{ Planner }

func (idle) Kernel(ops.Kind, []Tensor, []Tensor) (Kernel, error) {
	return func() error { return nil }, nil
}
func (idle) Upload(Tensor, []byte) error   { return nil }
func (idle) Download([]byte, Tensor) error { return nil }

// counting is the reference with a count of the kernel calls per op.
type counting struct {
	Reference
	calls map[string]int
}

func (d counting) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	kernel, err := d.Reference.Kernel(k, in, out)
	return func() error { d.calls[k.String()]++; return kernel() }, err
}

// TestStages counts kernel calls over two updates of three micro-steps: what
// depends on state alone runs once per update, and so does what depends on
// sums.
func TestStages(t *testing.T) {
	v := small
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
		{"another program", writer.Step, 3},
		{"nothing changed again", p.Update, 3},
	} {
		must(t, c.before())
		must(t, p.Step())
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
		v := small
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
// depends on it but a fetch, or the state it is assigned to.
func TestSumWithoutUpdateStage(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	x := g.Feed("x", 1)
	sum := g.Accumulated(g.Add(x, g.Param("s", 1)))
	state := newState(t, Reference{}, g)
	must(t, Set(state, "s", []float32{10}))
	p := compile(t, Job{Graph: g, Accumulate: 3, Fetches: []Fetch{{"sum", sum}}, Assigns: []Assign{{"s", sum}}}, state)
	for _, want := range []float32{36, 114} {
		for i := range 3 {
			must(t, Feed(p, "x", []float32{float32(i + 1)}))
			must(t, p.Step())
		}
		if p.Step() == nil {
			t.Error("a fourth micro-step is accepted")
		}
		must(t, p.Update())
		if got, s := fetch(t, p, "sum")[0], get(t, state, "s")[0]; got != want || s != want {
			t.Errorf("sum %v, state %v, want %v", got, s, want)
		}
	}
}

// TestMisuseIsAnError: every way to ask for what cannot be has an error that
// names the thing.
func TestMisuseIsAnError(t *testing.T) {
	for _, c := range []struct {
		name string
		want []string // parts of the error
		job  func(g *ops.Graph, x, w *ops.Node) Job
	}{
		{"batch and sum", []string{"add", "both a batch and a sum"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", g.Add(x, g.Accumulated(x))}}}
		}},
		{"batch and update feed", []string{"both a batch and a sum"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", g.Add(x, g.Declare("lr", ops.F32(2, 3), ops.PerUpdate))}}}
		}},
		{"sum of state", []string{"accumulate", "does not depend on a batch"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", g.Apply(ops.Accumulate{}, w)}}}
		}},
		{"undeclared input", []string{`"stray"`, "not declared"}, func(g *ops.Graph, x, w *ops.Node) Job {
			n := gorgonia.NewTensor(g.ExprGraph, tensor.Float32, 2, gorgonia.WithShape(2, 3), gorgonia.WithName("stray"))
			return Job{Fetches: []Fetch{{"y", g.Add(x, n)}}}
		}},
		{"foreign op", []string{"not of package ops"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", gorgonia.Must(gorgonia.Tanh(x))}}}
		}},
		{"unknown state", []string{`"v"`}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", g.Add(x, g.Param("v", 2, 3))}}}
		}},
		{"bound to an unknown state", []string{`"w"`, `"ema.w"`}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", g.Add(x, w)}}, Bind: map[string]string{"w": "ema.w"}}
		}},
		{"bound to another shape", []string{`"w"`, `"bias"`}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", g.Add(x, w)}}, Bind: map[string]string{"w": "bias"}}
		}},
		{"fetch of a feed", []string{`"y"`, "input"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", x}}}
		}},
		{"fetch of a state", []string{`"y"`, "input"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", w}}}
		}},
		{"fetch of nothing", []string{`"y"`}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", nil}}}
		}},
		{"two fetches of one name", []string{`"y"`, "twice"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Fetches: []Fetch{{"y", g.GELU(x)}, {"y", g.ReLU(x)}}}
		}},
		{"assign of nothing", []string{`"w"`}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Assigns: []Assign{{"w", nil}}}
		}},
		{"assign of an input", []string{`"w"`, "input"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Assigns: []Assign{{"w", x}}}
		}},
		{"assign to an unknown state", []string{`"v"`}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Assigns: []Assign{{"v", g.GELU(x)}}}
		}},
		{"assign of another shape", []string{`"bias"`, "[2 3]", "[3]"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Assigns: []Assign{{"bias", g.GELU(x)}}}
		}},
		{"two assigns to one state", []string{`"w"`, "twice"}, func(g *ops.Graph, x, w *ops.Node) Job {
			return Job{Assigns: []Assign{{"w", g.GELU(x)}, {"w", g.ReLU(x)}}}
		}},
		{"graph that failed", []string{"blocks.7", "linear"}, func(g *ops.Graph, x, w *ops.Node) Job {
			defer g.Enter("blocks.7")()
			return Job{Fetches: []Fetch{{"y", g.GELU(g.Linear(x, g.Param("v", 5, 5), nil))}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			x, w := g.Feed("x", 2, 3), g.Param("w", 2, 3)
			g.Param("bias", 3)
			state := newState(t, Reference{}, g)
			job := c.job(g, x, w)
			job.Graph = g
			_, err := Compile(job, state)
			for _, part := range c.want {
				if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "PANIC") {
					t.Errorf("error %v, want one with %q", err, part)
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
	must(t, p.Step())
	refuse("an update after half the micro-steps", p.Update())
	p.Reset()
	must(t, p.Step())
	must(t, p.Step())
	refuse("a micro-step too many", p.Step())
	must(t, p.Update())
	refuse("a second update", p.Update())
	refuse("an unknown feed", Feed(p, "z", []float32{1, 2}))
	refuse("a short feed", Feed(p, "x", []float32{1}))
	refuse("a feed of another type", Feed(p, "x", []float64{1, 2}))
	refuse("an unknown fetch", Read(p, "z", []float32{1, 2}))
	refuse("a long fetch", Read(p, "sum", []float32{1, 2, 3}))
	must(t, p.Close())
	must(t, p.Close())
	refuse("a step of a closed program", p.Step())
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
		must(t, p.Step())
	}
	must(t, p.Update())
	if got := fetch(t, p, "sum")[0]; got != 3 {
		t.Errorf("sum %v, want 3", got)
	}
}

// TestTwoProgramsShareState: evaluation sees each update of training, through
// its own prepare stage, also when it reads averages instead.
func TestTwoProgramsShareState(t *testing.T) {
	v := small
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
		must(t, p.Step())
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
	v := small
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

// TestFirstNonFiniteNamesTheCulprit, and leaves sums as they are.
func TestFirstNonFiniteNamesTheCulprit(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name  string
		x, w  float32
		spoil string // op
		want  string
	}{
		{"clean", 1, 1, "", ""},
		{"feed", nan, 1, "", `feed "x"`},
		{"parameter", 1, float32(math.Inf(1)), "", `parameter "w"`},
		{"micro op", 1, 1, "softmax(log=false)", "micro blocks.3 softmax(log=false)"},
		{"prepare op", 1, 1, "gelu(0)", "prepare blocks.3 gelu(0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			x, w := g.Feed("x", 2), g.Param("w", 2)
			leave := g.Enter("blocks.3")
			y := g.Softmax(g.Add(x, g.GELU(w)))
			leave()
			grad := g.ReLU(y)
			sum := g.Accumulated(grad)
			dev := spoiling{op: c.spoil}
			state := newState(t, dev, g)
			must(t, Set(state, "w", []float32{1, c.w}))
			p := compile(t, Job{Graph: g, Accumulate: 2, Fetches: []Fetch{{"y", y}, {"grad", grad}, {"sum", sum}}}, state)
			must(t, Feed(p, "x", []float32{1, c.x}))
			must(t, p.Step())
			before := fetch(t, p, "sum")
			got, err := p.FirstNonFinite()
			if err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
			if c.want == "" && !slices.Equal(fetch(t, p, "sum"), before) {
				t.Errorf("the search changed the sum from %v to %v", before, fetch(t, p, "sum"))
			}
		})
	}
}

// spoiling is the reference with an op whose output is NaN.
type spoiling struct {
	Reference
	op string
}

func (d spoiling) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	kernel, err := d.Reference.Kernel(k, in, out)
	return func() error {
		if err := kernel(); k.String() != d.op {
			return err
		}
		fill(HostBuf(out[0]))
		return nil
	}, err
}

// failing is the reference with something wrong: no memory, no kernel, or a
// kernel that fails or panics.
type failing struct {
	Reference
	how string
}

var errDevice = errors.New("device on fire")

func (d failing) Alloc(bytes int) (Memory, error) {
	if d.how == "no memory" && bytes > 64 {
		return nil, errDevice
	}
	return d.Reference.Alloc(bytes)
}

func (d failing) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	if k.String() == "gelu(0)" {
		switch d.how {
		case "no kernel":
			return nil, errDevice
		case "kernel fails":
			return func() error { return errDevice }, nil
		case "kernel panics":
			return func() error { panic(errDevice.Error()) }, nil
		}
	}
	return d.Reference.Kernel(k, in, out)
}

// TestDeviceTroubleIsNamed: what goes wrong on the device is an error that
// names the step, and a panic does not get past the engine.
func TestDeviceTroubleIsNamed(t *testing.T) {
	for _, c := range []struct{ how, want string }{
		{"no memory", "arena"},
		{"no kernel", `gelu(0) in "blocks.3"`},
		{"kernel fails", "micro blocks.3 gelu(0)"},
		{"kernel panics", "micro blocks.3 gelu(0)"},
	} {
		t.Run(c.how, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			x := g.Feed("x", 4)
			leave := g.Enter("blocks.3")
			y := g.Softmax(g.GELU(g.Softmax(x)))
			leave()
			p, err := Compile(Job{Graph: g, Fetches: []Fetch{{"y", y}}}, newState(t, failing{how: c.how}, g))
			if err == nil {
				err = p.Step()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), errDevice.Error()) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestStepsDoNotAllocate: after Compile, feeds, micro-steps, updates and reads
// leave the heap alone.
func TestStepsDoNotAllocate(t *testing.T) {
	v := small
	v.accumulate = 2
	m := v.training()
	p := compile(t, m.job, newState(t, idle{}, m.Graph))
	b, h, loss := v.micro(0, v.batch), hyper(1), make([]float32, v.batch)
	if n := testing.AllocsPerRun(20, func() {
		must(t, Feed(p, "hyper", h))
		for range v.accumulate {
			feed(t, p, b)
			must(t, p.Step())
		}
		must(t, p.Update())
		must(t, Read(p, "loss", loss))
	}); n != 0 {
		t.Errorf("%v allocations per update", n)
	}
}

// TestHashesThatCollide: gorgonia tells nodes apart by a 32-bit hash; where two
// share one it may compute with the wrong operand, so the engine refuses.
func TestHashesThatCollide(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	a, b := g.Feed("w540d986", 1), g.Feed("w17e6358c", 1) // found by search
	if a == b || a.Hashcode() != b.Hashcode() {
		t.Fatalf("nodes %p and %p with hashes %#x and %#x: look for other names", a, b, a.Hashcode(), b.Hashcode())
	}
	_, err := Compile(Job{Graph: g, Fetches: []Fetch{{"y", g.Add(a, b)}}}, newState(t, Reference{}, g))
	if err == nil || !strings.Contains(err.Error(), "share hash") || !strings.Contains(err.Error(), "w540d986") {
		t.Errorf("error %v", err)
	}
}

// BenchmarkCompileViTB builds ViT-B/16 with pathways, derives its gradients,
// and compiles the training program, optimizer and averages included.
func BenchmarkCompileViTB(b *testing.B) {
	for b.Loop() {
		m := base.training()
		state := NewState(idle{})
		must(b, m.Err())
		for _, in := range m.Inputs() {
			if in.Role == ops.State {
				must(b, state.Add(in.Name, in.Spec))
			}
		}
		p, err := Compile(m.job, state)
		must(b, err)
		b.ReportMetric(float64(p.arena.Size())/(1<<20), "arena-MiB")
		b.ReportMetric(float64(len(p.steps)), "steps")
		must(b, p.Close())
	}
}
