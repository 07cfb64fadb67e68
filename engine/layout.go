package engine

import (
	"math"
	"slices"
	"sort"

	"m2pt/ops"
)

// slot is a place in memory and the time it is taken. Values that die in place
// share one.
type slot struct {
	bytes       int
	first, last int    // steps; forever for what outlives the cycle
	off         int    // in the arena
	state       string // not in the arena but this state's memory
}

const forever = math.MaxInt

// layout decides where every value lives.
type layout struct {
	steps    []*step
	slots    []*slot           // those in the arena
	assigned map[*value]string // value -> state it becomes
	copies   []copyOut         // assigns that need a copy
	sums     int               // micro-steps per update
}

// copyOut is an assign whose value has a place of its own and is copied to the
// state at the end of its stage.
type copyOut struct {
	from  *value
	state string
}

func (t *tracer) layout() *layout {
	l := &layout{steps: t.steps, assigned: map[*value]string{}, sums: max(t.job.Accumulate, 1)}
	l.lifetimes()
	for _, f := range t.job.Fetches {
		t.values[f.Node].last = forever
	}
	for i, a := range t.job.Assigns {
		v := t.assigned[i]
		if l.direct(v, a.State) {
			l.assigned[v] = a.State
			continue
		}
		v.last = forever
		l.copies = append(l.copies, copyOut{v, a.State})
	}
	for i, s := range l.steps {
		l.place(i, s)
	}
	l.pack()
	return l
}

// lifetimes finds the first and last step of every value. What is made in one
// stage and read in a later one stays, because stages repeat on their own.
func (l *layout) lifetimes() {
	for i, s := range l.steps {
		for _, v := range s.out {
			v.def, v.last = i, i
		}
		for _, v := range s.in {
			if v.def >= 0 && l.steps[v.def].stage != s.stage {
				v.last = forever
			}
			v.last = max(v.last, i)
		}
	}
}

// direct reports whether a value may be computed straight into the state it is
// assigned to: nobody reads the old state afterwards, and the step itself only
// where it can work in place. A sum over micro-batches is copied once it is
// complete.
func (l *layout) direct(v *value, state string) bool {
	if v.def < 0 || l.assigned[v] != "" {
		return false
	}
	s := l.steps[v.def]
	if s.sum {
		return false
	}
	for i, r := range l.steps[v.def:] {
		for j, in := range r.in {
			if in.state != state {
				continue
			}
			if i > 0 && r.stage == s.stage || i == 0 && !slices.Contains(inPlace(s.kind, slices.Index(s.out, v)), j) {
				return false
			}
		}
	}
	return true
}

func inPlace(k ops.Kind, out int) []int {
	if p, ok := k.(ops.InPlace); ok {
		return p.InPlace(out)
	}
	return nil
}

// place gives every output of step i a slot: the state's it is assigned to,
// that of an input which dies here, or a new one.
func (l *layout) place(i int, s *step) {
	for k, v := range s.out {
		if state, ok := l.assigned[v]; ok {
			v.slot = &slot{state: state}
			continue
		}
		if v.slot = l.inherit(i, s, k); v.slot == nil {
			v.slot = &slot{bytes: aligned(v.bytes()), first: i}
			l.slots = append(l.slots, v.slot)
		}
		v.slot.last = v.last
		if s.sum && l.sums > 1 { // from the first micro-step to the update nothing may touch it
			v.slot.first, v.slot.last = 0, forever
		}
	}
}

// inherit finds an input of step i whose slot output k may take over.
func (l *layout) inherit(i int, s *step, k int) *slot {
	if s.sum && l.sums > 1 {
		return nil
	}
	for _, j := range inPlace(s.kind, k) {
		v := s.in[j]
		if v.def < 0 || v.last != i || v.slot.state != "" || v.store != s.out[k].store || v.bytes() != s.out[k].bytes() {
			continue
		}
		if taken := slices.ContainsFunc(s.out[:k], func(o *value) bool { return o.slot == v.slot }); taken {
			continue
		}
		return v.slot
	}
	return nil
}

// pack gives the slots offsets in the arena, largest first, each at the lowest
// one where no slot alive at the same time is in the way.
func (l *layout) pack() {
	order := slices.Clone(l.slots)
	sort.SliceStable(order, func(i, j int) bool { return order[i].bytes > order[j].bytes })
	var placed []*slot // by offset
	for _, s := range order {
		s.off = 0
		for _, p := range placed {
			if p.first <= s.last && s.first <= p.last {
				if s.off+s.bytes <= p.off {
					break
				}
				s.off = max(s.off, p.off+p.bytes)
			}
		}
		at, _ := slices.BinarySearchFunc(placed, s, func(a, b *slot) int { return a.off - b.off })
		placed = slices.Insert(placed, at, s)
	}
}

// size is the arena's.
func (l *layout) size() int {
	n := 0
	for _, s := range l.slots {
		n = max(n, s.off+s.bytes)
	}
	return n
}
