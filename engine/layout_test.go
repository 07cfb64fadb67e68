package engine

import (
	"fmt"
	"slices"
	"testing"

	"m2pt/ops"
)

// planOf is the layout of a job, without a program.
func planOf(t testing.TB, job Job, s *State) (*tracer, *layout) {
	t.Helper()
	tr, err := trace(job, s)
	must(t, err)
	return tr, tr.layout()
}

// life is the time, in steps, in which a value's memory must be left alone.
type life struct {
	v           *value
	first, last int
}

// lives finds the life of every value that lies in the arena, from the rules
// alone: from its step (for a sum over several micro-steps, from the first step
// of the micro stage) to its last reader, or without end where a later stage,
// the host or an assign's copy reads it or a sum stays for the next micro-step.
func lives(tr *tracer, l *layout) []life {
	var list []life
	at := map[*value]int{}
	for i, s := range l.steps {
		for _, v := range s.out {
			if v.slot.state == "" {
				at[v] = len(list)
				list = append(list, life{v, i, i})
			}
			if s.sum && l.sums > 1 {
				list[at[v]] = life{v, slices.IndexFunc(l.steps, func(s *step) bool { return s.stage == Micro }), forever}
			}
		}
	}
	forEver := func(v *value) {
		if i, ok := at[v]; ok {
			list[i].last = forever
		}
	}
	for i, s := range l.steps {
		for _, v := range s.in {
			k, ok := at[v]
			switch {
			case !ok:
			case l.steps[v.def].stage != s.stage:
				forEver(v)
			default:
				list[k].last = max(list[k].last, i)
			}
		}
	}
	for _, f := range tr.job.Fetches {
		forEver(tr.values[f.Node])
	}
	for _, c := range l.copies {
		forEver(c.from)
	}
	return list
}

// clash says what is wrong with two values' places, or returns "".
func clash(l *layout, a, b life) string {
	if a.first > b.first {
		a, b = b, a
	}
	sa, sb := a.v.slot, b.v.slot
	apart := sa.off+a.v.bytes() <= sb.off || sb.off+b.v.bytes() <= sa.off
	if apart || a.last < b.first {
		return ""
	}
	s := l.steps[b.v.def]
	if a.last == b.first && a.v != b.v && sa.off == sb.off && a.v.store == b.v.store {
		for _, j := range inPlace(s.kind, slices.Index(s.out, b.v)) {
			if s.in[j] == a.v {
				return ""
			}
		}
	}
	return fmt.Sprintf("%v [%d,%d] at %d and %v [%d,%d] at %d overlap, the second made by %v",
		a.v.spec, a.first, a.last, sa.off, b.v.spec, b.first, b.last, sb.off, s)
}

func checkLayout(t *testing.T, tr *tracer, l *layout) {
	t.Helper()
	list := lives(tr, l)
	for i, a := range list {
		if a.v.slot.off%Align != 0 || a.v.slot.off+a.v.bytes() > l.size() {
			t.Errorf("%v lies at %d of %d", a.v.spec, a.v.slot.off, l.size())
		}
		for _, b := range list[:i] {
			if why := clash(l, a, b); why != "" {
				t.Error(why)
			}
		}
	}
}

// TestNothingAliveOverlaps checks the real layout of a twelve-block training.
func TestNothingAliveOverlaps(t *testing.T) {
	for _, accumulate := range []int{1, 3} {
		v := small()
		v.depth, v.accumulate = 12, accumulate
		m := v.training()
		tr, l := planOf(t, m.job, newState(t, Reference{}, m.Graph))
		checkLayout(t, tr, l)
		all := 0
		for _, s := range l.steps {
			for _, v := range s.out {
				all += aligned(v.spec.Bytes())
			}
		}
		if l.size()*2 > all {
			t.Errorf("accumulate %d: the arena takes %d bytes of %d without sharing", accumulate, l.size(), all)
		}
		if len(l.copies) != 0 {
			t.Errorf("accumulate %d: %d assigns are copied, the first to %q", accumulate, len(l.copies), l.copies[0].state)
		}
	}
}

// TestClashIsSeen: the check above sees a slot moved onto another.
func TestClashIsSeen(t *testing.T) {
	m := small().training()
	tr, l := planOf(t, m.job, newState(t, Reference{}, m.Graph))
	list := lives(tr, l)
	for i, a := range list {
		for _, b := range list[:i] {
			if a.v.slot != b.v.slot && a.first <= b.last && b.first <= a.last && clash(l, a, b) == "" {
				a.v.slot.off = b.v.slot.off
				if clash(l, a, b) == "" {
					t.Fatal("two living values at one place are not noticed")
				}
				return
			}
		}
	}
	t.Fatal("no two values live at one time")
}

// TestDeadCodeIsDropped: what neither fetch nor assign needs is not in the
// plan, feeds included.
func TestDeadCodeIsDropped(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	x, y, w := g.Feed("x", 2, 3), g.Feed("y", 2, 3), g.Param("w", 3)
	used := g.GELU(x)
	n := g.LayerNorm(y, w, w, 1e-6)
	dead := g.Softmax(g.Out(n, 1))
	state := newState(t, Reference{}, g)
	p := compile(t, Job{Graph: g, Fetches: []Fetch{{"used", used}}}, state)
	if rows := p.Plan(); len(rows) != 1 || rows[0].Op != "gelu(0)" {
		t.Errorf("plan %v, want gelu alone", rows)
	}
	if !p.HasFeed("x") || p.HasFeed("y") {
		t.Error("the feeds are not those in use")
	}
	if p := compile(t, Job{Graph: g, Fetches: []Fetch{{"dead", dead}}}, state); len(p.Plan()) != 2 {
		t.Errorf("plan %v, want layer norm and softmax", p.Plan())
	}
}

// TestAssignInPlaceOrCopied: a new state is computed where the old one lies
// unless the old one is read afterwards; either way readers see the old value.
func TestAssignInPlaceOrCopied(t *testing.T) {
	for _, c := range []struct {
		name   string
		build  func(g *ops.Graph, x, s, e *ops.Node) (nextS, nextE, fetched *ops.Node)
		copies int
		want   [3]float32 // s, e and fetched, for x 1, s 10 and e 100
	}{
		{"nobody reads on", func(g *ops.Graph, x, s, _ *ops.Node) (_, _, _ *ops.Node) {
			n := g.Add(s, x)
			return n, nil, n
		}, 0, [3]float32{11, 100, 11}},
		{"read before", func(g *ops.Graph, x, s, _ *ops.Node) (_, _, _ *ops.Node) {
			old := g.Add(x, s)
			return g.Add(s, g.Add(x, x)), nil, old
		}, 0, [3]float32{12, 100, 11}},
		{"read afterwards", func(g *ops.Graph, x, s, _ *ops.Node) (_, _, _ *ops.Node) {
			n := g.Add(s, x)
			return n, nil, g.Add(n, s)
		}, 1, [3]float32{11, 100, 21}},
		{"new value read afterwards", func(g *ops.Graph, x, s, e *ops.Node) (_, _, _ *ops.Node) {
			n := g.Add(s, x)
			avg := g.Add(e, n)
			return n, avg, avg
		}, 0, [3]float32{11, 111, 111}},
		{"op cannot work in place", func(g *ops.Graph, x, s, _ *ops.Node) (_, _, _ *ops.Node) {
			n := g.MixTargets(s, x)
			return n, nil, n
		}, 1, [3]float32{10, 100, 10}},
		{"one value for two states", func(g *ops.Graph, x, s, _ *ops.Node) (_, _, _ *ops.Node) {
			n := g.Add(s, x)
			return n, n, n
		}, 1, [3]float32{11, 11, 11}},
		{"states change places", func(g *ops.Graph, x, s, e *ops.Node) (_, _, _ *ops.Node) {
			zero := g.Apply(ops.Scale{}, x, g.Param("zero", 1))
			return g.Add(e, zero), g.Add(s, zero), zero
		}, 1, [3]float32{100, 10, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			x, s, e := g.Feed("x", 1, 1), g.Param("s", 1, 1), g.Param("e", 1, 1)
			nextS, nextE, fetched := c.build(g, x, s, e)
			job := Job{Graph: g, Fetches: []Fetch{{"fetched", fetched}}, Assigns: []Assign{{"s", nextS}}}
			if nextE != nil {
				job.Assigns = append(job.Assigns, Assign{"e", nextE})
			}
			state := newState(t, Reference{}, g)
			for name, v := range map[string]float32{"s": 10, "e": 100, "zero": 0} {
				if state.Has(name) {
					must(t, Set(state, name, []float32{v}))
				}
			}
			if _, l := planOf(t, job, state); len(l.copies) != c.copies {
				t.Errorf("%d copies, want %d", len(l.copies), c.copies)
			}
			p := compile(t, job, state)
			must(t, Feed(p, "x", []float32{1}))
			must(t, p.Micro())
			must(t, p.Update())
			got := [3]float32{get(t, state, "s")[0], get(t, state, "e")[0], fetch(t, p, "fetched")[0]}
			if got != c.want {
				t.Errorf("s, e, fetched are %v, want %v", got, c.want)
			}
		})
	}
}
