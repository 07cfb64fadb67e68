package engine

import "sort"

// casts makes a plan keep values as its device wants them.
type casts struct {
	dev    Device
	steps  []*step
	maker  map[*value]*step
	behind map[*step][]*step // casts that follow the step that makes their operand
	moving map[string]bool   // states that the micro stage changes
	made   map[cast]*value
}

// cast is a value in another storage. What is cast in one stage is there in the later
// ones; only state that moves on in between is cast in every stage that reads it.
type cast struct {
	v     *value
	to    Storage
	stage Stage
}

// store asks a device that is a Storer how it keeps the operands of every step, and
// casts what is kept otherwise, once for all readers. A cast that saves memory follows
// the step that makes its operand, others come right before the first reader. State is
// cast in the prepare stage: thus a weight that is wanted in less precision has a working
// copy, made once per update. What becomes a state is in full.
func (t *tracer) store() {
	if _, ok := t.state.dev.(Storer); !ok {
		return
	}
	c := &casts{dev: t.state.dev, maker: map[*value]*step{}, behind: map[*step][]*step{}, moving: map[string]bool{}, made: map[cast]*value{}}
	for i, v := range t.assigned {
		c.moving[t.job.Assigns[i].State] = v.stage == Micro
	}
	for _, s := range t.steps {
		c.settle(s)
	}
	for i, v := range t.assigned {
		t.assigned[i] = c.cast(v, Full, v.stage)
	}
	t.steps = c.list()
}

// settle gives a step the operands that the device wants.
func (c *casts) settle(s *step) {
	want, made := Storages(c.dev, s.kind, operands(s.in), operands(s.out))
	for i, v := range s.in {
		s.in[i] = c.cast(v, want[i], s.stage)
	}
	for i, v := range s.out {
		v.store = made[i]
		c.maker[v] = s
	}
	c.steps = append(c.steps, s)
}

func operands(values []*value) []Tensor {
	ts := make([]Tensor, len(values))
	for i, v := range values {
		ts[i] = Tensor{Spec: v.spec, Store: v.store}
	}
	return ts
}

// cast is v in the storage that a stage reads it in.
func (c *casts) cast(v *value, to Storage, reader Stage) *value {
	if v.store == to {
		return v
	}
	key := cast{v, to, v.stage}
	if c.moving[v.state] {
		key.stage = reader
	}
	if w, ok := c.made[key]; ok {
		return w
	}
	w := &value{spec: v.spec, stage: key.stage, store: to}
	c.made[key] = w
	s := &step{kind: Cast{to}, scope: v.state + v.feed, stage: key.stage, in: []*value{v}, out: []*value{w}}
	maker, computed := c.maker[v]
	if computed {
		s.scope = maker.scope
	}
	if computed && w.bytes() < v.bytes() {
		c.behind[maker] = append(c.behind[maker], s)
	} else {
		c.steps = append(c.steps, s)
	}
	return w
}

// list are all steps in execution order.
func (c *casts) list() []*step {
	var steps []*step
	for _, s := range c.steps {
		steps = append(append(steps, s), c.behind[s]...)
	}
	sort.SliceStable(steps, func(i, j int) bool { return steps[i].stage < steps[j].stage })
	return steps
}
