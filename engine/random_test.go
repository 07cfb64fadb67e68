package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/philox"
	"m2pt/ops"
)

// TestRandomGraphs runs random graphs with every kind of operand, stage, assign
// and border on the engine, with memory poisoned as values die, and step by step
// with a fresh buffer for every value and nothing computed again: the same bits
// come out, also where the device keeps some of them in bfloat16, or does every two
// steps at once that it can.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkRandomGraph(t, seed) })
	}
}

func FuzzRandomGraphs(f *testing.F) {
	f.Add(uint64(1000))
	f.Fuzz(checkRandomGraph)
}

func checkRandomGraph(t *testing.T, seed uint64) {
	for _, dev := range []Device{Reference{}, halves{}, joiner{}} {
		checkRandomGraphOn(t, dev, seed)
	}
}

func checkRandomGraphOn(t *testing.T, dev Device, seed uint64) {
	job := randomJob(seed)
	state := newState(t, dev, job.Graph)
	tr, l := planOf(t, job, state)
	checkLayout(t, tr, l)
	p := compile(t, job, state)
	poison(p, l)
	ref := newPlain(t, dev, job)
	for cycle := range 3 {
		for micro := range l.sums {
			x, u := initial(fmt.Sprint("x", cycle, micro), 24), initial(fmt.Sprint("u", cycle), 24)
			for name, values := range map[string][]float32{"x": x, "u": u} {
				if p.HasFeed(name) {
					must(t, Feed(p, name, values))
				}
				copy(ops.Of[float32](ref.feeds[name]), values)
			}
			must(t, p.Micro())
			ref.step(micro)
		}
		must(t, p.Update())
		ref.run(Update, 0)
		for _, f := range job.Fetches {
			same(t, f.Name, fetch(t, p, f.Name), ref.read(f.Node))
		}
		for _, name := range state.Names() {
			same(t, name, get(t, state, name), ops.Of[float32](ref.states[name]))
		}
	}
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b float32) bool { return a == b || a != a && b != b }) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// poison makes every step overwrite with NaN the arena's values that die at it.
func poison(p *Program, l *layout) {
	dying := map[int][]Tensor{}
	for _, s := range l.slots {
		dying[s.last] = append(dying[s.last], Tensor{Spec: ops.Spec{Shape: []int{s.bytes}, Dtype: ops.Uint8}, Mem: p.arena, Off: s.off})
	}
	i := 0 // as the layout counts, without copies
	for _, s := range p.steps {
		if strings.HasPrefix(s.scope, "assign ") {
			continue
		}
		dead := dying[i]
		i++
		kernel := s.kernel
		s.kernel = func() error {
			if kernel != nil {
				if err := kernel(); err != nil {
					return err
				}
			}
			for _, d := range dead {
				fill(HostBuf(d))
			}
			return nil
		}
	}
}

func fill(b ops.Buf) {
	for i := range b.Raw() {
		b.Raw()[i] = 0xff
	}
}

// plain runs the steps of a job without sharing memory. What a device keeps in less than
// its precision is rounded where it is read and written, without casts.
type plain struct {
	*tracer
	dev           Device
	feeds, states map[string]ops.Buf
	bufs          map[*value]ops.Buf
	ran, stale    bool
}

func newPlain(t *testing.T, dev Device, job Job) *plain {
	t.Helper()
	job.Borders = nil
	s := newState(t, Reference{}, job.Graph)
	tr, err := trace(job, s)
	must(t, err)
	r := &plain{tracer: tr, dev: dev, feeds: map[string]ops.Buf{}, states: map[string]ops.Buf{}, bufs: map[*value]ops.Buf{}}
	for _, in := range job.Graph.Inputs() {
		if in.Role != ops.State {
			r.feeds[in.Name] = ops.NewBuf(in.Spec)
		}
	}
	for _, name := range s.Names() {
		r.states[name] = HostBuf(s.tensors[name])
	}
	for i, s := range tr.steps {
		for _, v := range s.out {
			v.def = i
		}
	}
	return r
}

func (r *plain) step(micro int) {
	if !r.ran || r.stale {
		r.run(Prepare, 0)
		r.ran, r.stale = true, false
	}
	r.run(Micro, micro)
}

func (r *plain) run(stage Stage, micro int) {
	for _, s := range r.steps {
		if s.stage != stage {
			continue
		}
		want, made := Storages(r.dev, s.kind, operands(s.in), operands(s.out))
		var in, out []ops.Buf
		for i, v := range s.in {
			in = append(in, rounded(r.buf(v), want[i]))
		}
		for _, v := range s.out {
			b := ops.NewBuf(v.spec)
			fill(b)
			out = append(out, b)
		}
		if s.sum && micro > 0 {
			ops.Add{}.Do([]ops.Buf{r.bufs[s.out[0]], in[0]}, out)
		} else {
			s.kind.Do(in, out)
		}
		for k, v := range s.out {
			v.store = made[k]
			r.bufs[v] = rounded(out[k], made[k])
		}
	}
	for _, a := range r.job.Assigns {
		if v := r.values[a.Node]; v.stage == stage {
			b := ops.NewBuf(v.spec)
			copy(b.Raw(), r.buf(v).Raw())
			defer func() { r.states[a.State] = b }() // all at the end of the stage
			r.stale = r.stale || stage == Update || r.preparesFrom(a.State)
		}
	}
}

// rounded is b as it comes back from a storage.
func rounded(b ops.Buf, s Storage) ops.Buf {
	if s == Full {
		return b
	}
	c, kept := ops.NewBuf(b.Spec), make([]byte, s.Bytes(b.Spec))
	s.Encode(kept, ops.Of[float32](b))
	s.Decode(ops.Of[float32](c), kept)
	return c
}

func (r *plain) buf(v *value) ops.Buf {
	switch {
	case v.feed != "":
		return r.feeds[v.feed]
	case v.state != "":
		return r.states[v.state]
	}
	return r.bufs[v]
}

func (r *plain) read(n *ops.Node) []float32 { return ops.Of[float32](r.buf(r.values[n])) }

// randomJob is a graph over values [4, 6] in all stages. Operands come from
// what is there already, so values are read often, late, twice by one op, in
// the stage after, or never.
func randomJob(seed uint64) Job {
	r := philox.New(seed, "random graph", 0, 0)
	g := ops.NewGraph(ops.Float32)
	shape := []int{4, 6}
	x, u := g.Feed("x", shape...), g.Declare("u", ops.F32(shape...), ops.PerUpdate)
	gamma, hyper, one := g.Param("gamma", 6), g.Param("hyper", 3), g.Param("one", 1)
	var prepare []*ops.Node
	for i := range 4 {
		prepare = append(prepare, g.Param(fmt.Sprint("s", i), shape...))
	}
	inputs := len(prepare)
	pools := [3][]*ops.Node{Micro: {x}, Update: {u}} // by stage, without prepare
	var all []*ops.Node
	for range 5 + r.IntN(40) {
		stage := Stage(r.IntN(3))
		from := slices.Concat(prepare, pools[stage])
		pick := func() *ops.Node { // often the newest
			return from[max(r.IntN(len(from)), r.IntN(len(from)))]
		}
		var outs []*ops.Node
		switch r.IntN(9) {
		case 0:
			outs = []*ops.Node{g.Add(pick(), pick())}
		case 1:
			outs = []*ops.Node{g.GELU(pick())}
		case 2:
			outs = []*ops.Node{g.Apply(ops.ActivationGrad{Fn: "gelu"}, pick(), pick())}
		case 3:
			outs = []*ops.Node{g.Apply(ops.Scale{}, pick(), one)}
		case 4:
			outs = []*ops.Node{g.Softmax(pick())}
		case 5:
			n := g.LayerNorm(pick(), gamma, gamma, 1e-3)
			dx := g.Apply(ops.LayerNormGrad{}, pick(), gamma, g.Out(n, 1), g.Out(n, 2), pick())
			outs = []*ops.Node{n, dx}
		case 6:
			outs = []*ops.Node{g.AddPos(pick(), g.Apply(ops.SumBatch{}, pick()))}
		case 7:
			n := g.Apply(ops.AdamW{Beta1: 0.9, Beta2: 0.99, Eps: 1e-3}, pick(), pick(), pick(), pick(), hyper, one)
			outs = []*ops.Node{n, g.Out(n, 1), g.Out(n, 2)}
		case 8:
			if stage == Micro {
				stage = Update
				outs = []*ops.Node{g.Apply(ops.Accumulate{}, g.Add(pick(), x))}
			}
		}
		all = append(all, outs...)
		if stage == Prepare {
			prepare = append(prepare, outs...)
		}
		pools[stage] = append(pools[stage], outs...)
	}
	job := randomOutputs(&r, g, all, prepare[:inputs])
	randomBorders(&r, &job, pools[Micro])
	return job
}

// randomOutputs fetches and assigns some of the nodes. An assign in the prepare
// stage would change what the stage depends on, so it takes none of those.
func randomOutputs(r *philox.Rand, g *ops.Graph, nodes, states []*ops.Node) Job {
	job := Job{Graph: g, Accumulate: 1 + r.IntN(3)}
	for i := range 1 + r.IntN(4) {
		job.Fetches = append(job.Fetches, Fetch{fmt.Sprint("f", i), nodes[r.IntN(len(nodes))]})
	}
	for _, s := range states {
		n := nodes[r.IntN(len(nodes))]
		if r.IntN(3) > 0 && dependsOnFeed(g, n) {
			job.Assigns = append(job.Assigns, Assign{s.Name(), n})
		}
	}
	return job
}

// randomBorders makes borders of some of the older nodes of the micro stage, mostly
// in order, and a fetch that reads others late, as a backward pass does.
func randomBorders(r *philox.Rand, job *Job, micro []*ops.Node) {
	older := micro[:len(micro)-len(micro)/4]
	late := micro[len(micro)-1]
	for _, n := range older {
		if r.IntN(2) == 0 {
			job.Borders = append(job.Borders, n)
		} else {
			late = job.Graph.Add(late, n)
		}
	}
	if i, j := r.IntN(4), r.IntN(4); max(i, j) < len(job.Borders) {
		job.Borders[i], job.Borders[j] = job.Borders[j], job.Borders[i]
	}
	if late != micro[0] {
		job.Fetches = append(job.Fetches, Fetch{"late", late})
	}
}

func dependsOnFeed(g *ops.Graph, n *ops.Node) bool {
	return n.Name() == "x" || n.Name() == "u" || slices.ContainsFunc(g.Children(n), func(c *ops.Node) bool { return dependsOnFeed(g, c) })
}
