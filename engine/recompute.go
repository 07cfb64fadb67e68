package engine

// segments are the parts of a forward pass between the borders of a job. Segment
// n, counted from 1, is what border n needs and borders before it do not. Of an
// open segment, any but the first and the last, the arena keeps what other
// segments read; the rest is computed again for the backward pass, into values
// that live no longer than the segment's own backward steps (Chen et al.,
// "Training Deep Nets with Sublinear Memory Cost", 2016). A kernel is a function of
// its operands, a random one of its keys, so the same bits come out.
type segments struct {
	steps  []*step
	maker  map[*value]int  // the step that writes a value
	number []int           // of each step's segment, 0 outside
	kept   map[*value]bool // what another segment reads
	last   int             // segment
	end    int             // of the forward pass: no step from here on is in a segment
}

func (t *tracer) segments() *segments {
	g := &segments{steps: t.steps, maker: map[*value]int{}, number: make([]int, len(t.steps)),
		kept: map[*value]bool{}, last: len(t.job.Borders)}
	for i, s := range g.steps {
		for _, v := range s.out {
			g.maker[v] = i
		}
	}
	for k, b := range t.job.Borders {
		g.enter(k+1, t.values[b])
	}
	for i, s := range g.steps {
		if g.number[i] == 0 {
			continue
		}
		g.end = i + 1
		for _, v := range s.in {
			if g.number[g.maker[v]] != g.number[i] {
				g.kept[v] = true
			}
		}
	}
	return g
}

// enter puts the step behind v, and what it needs, in segment n where they are
// in none yet. What other stages make, and sums, stay anyhow.
func (g *segments) enter(n int, v *value) {
	i, ok := g.maker[v]
	if !ok || g.number[i] > 0 || v.stage != Micro {
		return
	}
	g.number[i] = n
	for _, in := range g.steps[i].in {
		g.enter(n, in)
	}
}

// open reports whether the backward pass has to compute v again to read it.
func (g *segments) open(v *value) bool {
	i, ok := g.maker[v]
	return ok && g.number[i] > 1 && g.number[i] < g.last && !g.kept[v]
}

// twice marks the steps to run again: those that make what the backward pass
// reads, and what they need of their segment.
func (g *segments) twice() []bool {
	twice := make([]bool, len(g.steps))
	var need func(vs []*value)
	need = func(vs []*value) {
		for _, v := range vs {
			if i := g.maker[v]; g.open(v) && !twice[i] {
				twice[i] = true
				need(g.steps[i].in)
			}
		}
	}
	for _, s := range g.steps[g.end:] {
		need(s.in)
	}
	return twice
}

// recompute has the steps of every open segment run again right before the first
// backward step that reads what they make. The last segment stays as it is: its
// backward pass comes first, when its values are still all there.
func (t *tracer) recompute() {
	if len(t.job.Borders) < 3 {
		return
	}
	g := t.segments()
	twice := g.twice()
	again := map[*value]*value{} // value -> the one computed again
	t.steps = nil
	for i, s := range g.steps {
		for j, v := range s.in {
			if i < g.end || !g.open(v) {
				continue
			}
			if again[v] == nil {
				t.steps = append(t.steps, g.repeat(g.number[g.maker[v]], twice, again)...)
			}
			s.in[j] = again[v]
		}
		t.steps = append(t.steps, s)
	}
}

// repeat copies the steps of segment n that run twice.
func (g *segments) repeat(n int, twice []bool, again map[*value]*value) []*step {
	var steps []*step
	for i, s := range g.steps {
		if !twice[i] || g.number[i] != n {
			continue
		}
		c := &step{kind: s.kind, scope: s.scope, stage: s.stage, recompute: true}
		for _, v := range s.in {
			if w, ok := again[v]; ok {
				v = w
			}
			c.in = append(c.in, v)
		}
		for _, v := range s.out {
			w := &value{spec: v.spec, store: v.store, stage: v.stage}
			c.out = append(c.out, w)
			if g.open(v) {
				again[v] = w
			}
		}
		steps = append(steps, c)
	}
	return steps
}
