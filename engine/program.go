package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"m2pt/ops"
)

// Program is a plan on a device. It owns its arena and feeds; the State is
// shared. A Program belongs to one goroutine.
type Program struct {
	state    *State
	dev      Device
	steps    []*step
	from     [4]int // steps of stage s are steps[from[s]:from[s+1]]
	arena    Memory
	input    Memory
	feeds    map[string]Tensor
	nodes    map[string]*ops.Node // of the feeds
	fetches  []Fetch
	fetched  map[string]Tensor
	sums     int
	cycle    bool            // whether anything waits for a number of micro-steps
	done     int             // micro-steps since the last update
	prepared uint64          // version of the state that the prepare stage has seen
	ran      bool            // whether the prepare stage has run at all
	assigns  [3]bool         // whether the stage changes state
	restless bool            // whether the micro stage changes what the prepare stage reads
	moved    []string        // states that the micro stage changes
	values   int             // bytes of all values without reuse
	times    []time.Duration // of each step while Profile runs
	records  [4]record       // of the stages, and of the micro stage that adds to sums
}

var _ gorgonia.VM = (*Program)(nil)

// Compile plans a job over state and binds it to the state's device. All errors
// of the graph's construction surface here.
func Compile(job Job, state *State) (_ *Program, err error) {
	if err := job.Graph.Err(); err != nil {
		return nil, fmt.Errorf("build graph: %w", err)
	}
	if err := job.check(); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	t, err := trace(job, state)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	l := t.layout()
	p := &Program{state: state, dev: state.dev, sums: l.sums, feeds: map[string]Tensor{}, nodes: map[string]*ops.Node{},
		fetches: job.Fetches, fetched: map[string]Tensor{}}
	if err := p.bind(t, l); err != nil {
		p.Close()
		return nil, fmt.Errorf("compile: %w", err)
	}
	return p, nil
}

// check refuses fetches and assigns of what no step computes.
func (t *tracer) check() error {
	for _, a := range t.job.Assigns {
		v := t.values[a.Node]
		if !t.state.Has(a.State) {
			return fmt.Errorf("assign state %q: there is no such state", a.State)
		}
		if want := t.state.Spec(a.State); !want.Equal(v.spec) {
			return fmt.Errorf("assign state %q: value is %v, state %v", a.State, v.spec, want)
		}
		if v.feed != "" || v.state != "" {
			return fmt.Errorf("assign state %q: value is an input", a.State)
		}
	}
	for _, f := range t.job.Fetches {
		if v := t.values[f.Node]; v.feed != "" || v.state != "" {
			return fmt.Errorf("fetch %q: is an input", f.Name)
		}
	}
	return nil
}

// preparesFrom reports whether the prepare stage reads the state.
func (t *tracer) preparesFrom(state string) bool {
	return slices.ContainsFunc(t.steps, func(s *step) bool {
		return s.stage == Prepare && slices.ContainsFunc(s.in, func(v *value) bool { return v.state == state })
	})
}

// bind allocates memory and asks the device for kernels.
func (p *Program) bind(t *tracer, l *layout) (err error) {
	for _, a := range t.job.Assigns {
		stage := t.values[a.Node].stage
		p.assigns[stage] = true
		if stage == Micro {
			p.moved = append(p.moved, a.State)
			p.restless = p.restless || t.preparesFrom(a.State)
		}
	}
	if p.arena, err = p.dev.Alloc(l.size()); err != nil {
		return fmt.Errorf("arena of %d MiB: %w%s", l.size()>>20, err, t.fits(l.size(), err))
	}
	if err := p.bindFeeds(t); err != nil {
		return err
	}
	for _, c := range l.copies {
		to := &value{spec: c.from.spec, stage: c.from.stage, slot: &slot{state: c.state}}
		l.steps = append(l.steps, &step{kind: ops.Accumulate{}, scope: "assign " + c.state, stage: to.stage,
			in: []*value{c.from}, out: []*value{to}})
	}
	slices.SortStableFunc(l.steps, func(a, b *step) int { return int(a.stage) - int(b.stage) })
	p.steps = l.steps
	for i, s := range p.steps {
		p.from[s.stage+1] = i + 1
		p.cycle = p.cycle || s.sum || s.stage == Update
		if err := p.bindStep(s); err != nil {
			return fmt.Errorf("%v in %q: %w", s.kind, s.scope, err)
		}
	}
	for i := range 3 {
		p.from[i+1] = max(p.from[i], p.from[i+1])
	}
	for _, f := range t.job.Fetches {
		p.fetched[f.Name] = p.tensor(t.values[f.Node])
	}
	return nil
}

// fits says, where an arena does not fit and the device's error tells what is free, which
// batch would at most: arenas grow with the batch.
func (t *tracer) fits(arena int, err error) string {
	var room interface{ Free() int }
	if !errors.As(err, &room) {
		return ""
	}
	for _, in := range t.job.Graph.Inputs() {
		if n := in.Spec.Shape[0] * room.Free() / arena; in.Role == ops.PerBatch && n > 0 {
			return fmt.Sprintf(": micro-batches of at most %d instead of %d fit: set train.batch, train.accumulate or train.grad_checkpointing", n, in.Spec.Shape[0])
		}
	}
	return ""
}

func (p *Program) bindFeeds(t *tracer) (err error) {
	size := 0
	var used []*value
	for _, in := range t.job.Graph.Inputs() {
		if v := t.values[in.Node]; v != nil && v.feed != "" {
			p.feeds[v.feed] = Tensor{Spec: v.spec, Off: size}
			p.nodes[v.feed] = in.Node
			size += aligned(v.spec.Bytes())
			used = append(used, v)
		}
	}
	if p.input, err = p.dev.Alloc(size); err != nil {
		return fmt.Errorf("feeds of %d MiB: %w", size>>20, err)
	}
	for _, v := range used {
		f := p.feeds[v.feed]
		f.Mem = p.input
		p.feeds[v.feed] = f
	}
	return nil
}

func (p *Program) tensor(v *value) Tensor {
	switch {
	case v.feed != "":
		return p.feeds[v.feed]
	case v.state != "":
		return p.state.tensors[v.state]
	case v.slot.state != "":
		return p.state.tensors[v.slot.state]
	}
	return Tensor{Spec: v.spec, Mem: p.arena, Off: v.slot.off, Store: v.store}
}

func (p *Program) bindStep(s *step) (err error) {
	in, out := make([]Tensor, len(s.in)), make([]Tensor, len(s.out))
	for i, v := range s.in {
		in[i] = p.tensor(v)
	}
	for i, v := range s.out {
		out[i] = p.tensor(v)
		p.values += v.bytes()
	}
	if keeps(s.kind) && in[0].Mem == out[0].Mem && in[0].Off == out[0].Off {
		return nil
	}
	if s.sum {
		if s.again, err = p.dev.Kernel(ops.Add{}, []Tensor{out[0], in[0]}, out); err != nil {
			return err
		}
	}
	s.kernel, err = p.dev.Kernel(s.kind, in, out)
	return err
}

// keeps reports whether what k makes in place of its operand is the operand: a sum of
// one micro-step, the same elements by another shape.
func keeps(k ops.Kind) bool {
	switch k.(type) {
	case ops.Accumulate, ops.Reshape:
		return true
	}
	return false
}

// Feed writes a feed from the host.
func Feed[T any](p *Program, name string, values []T) error {
	t, ok := p.feeds[name]
	if !ok {
		return fmt.Errorf("feed %q: the program has no such feed", name)
	}
	if err := checkElems[T](t.Spec, len(values)); err != nil {
		return fmt.Errorf("feed %q: %w", name, err)
	}
	return p.dev.Upload(t, bytesOf(values))
}

// HasFeed reports whether the program reads a feed of that name.
func (p *Program) HasFeed(name string) bool { _, ok := p.feeds[name]; return ok }

// Read waits for a fetch and copies it to values.
func Read[T any](p *Program, name string, values []T) error {
	t, ok := p.fetched[name]
	if !ok {
		return fmt.Errorf("fetch %q: the program has no such fetch", name)
	}
	if err := checkElems[T](t.Spec, len(values)); err != nil {
		return fmt.Errorf("fetch %q: %w", name, err)
	}
	return p.download(bytesOf(values), t)
}

// download copies a value to the host in full: one that is kept in less comes to the end
// of dst and is widened from there.
func (p *Program) download(dst []byte, t Tensor) error {
	kept := dst[len(dst)-t.Bytes():]
	if err := p.dev.Download(kept, t); err != nil || t.Store == Full {
		return err
	}
	t.Store.Decode(unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(dst))), t.Len()), kept)
	return nil
}

// Micro runs the micro stage on the feeds as they are, after the prepare stage
// where the state has changed.
func (p *Program) Micro() error {
	if p.done == p.sums {
		return fmt.Errorf("micro-step after %d others: the sum is complete, call Update", p.done)
	}
	if !p.ran || p.prepared != p.state.version {
		if err := p.run(Prepare); err != nil {
			return err
		}
		p.ran = true
	}
	if err := p.run(Micro); err != nil {
		return err
	}
	if p.cycle {
		p.done++
	}
	p.prepared = p.state.version
	if p.assigns[Micro] {
		p.state.version++
		if !p.restless { // others see a new state, our prepare stage does not depend on it
			p.prepared = p.state.version
		}
	}
	return nil
}

// Update runs the update stage on the sums of the micro-steps since the last
// one.
func (p *Program) Update() error {
	if p.cycle && p.done != p.sums {
		return fmt.Errorf("update after %d micro-steps, the program sums %d", p.done, p.sums)
	}
	p.done = 0
	if err := p.run(Update); err != nil {
		return err
	}
	if p.assigns[Update] {
		p.state.version++
	}
	return nil
}

// each runs one stage kernel by kernel; after, where not nil, sees every step that has
// run, and sums stay as they are.
func (p *Program) each(stage Stage, after func(*step) error) (err error) {
	if p.arena == nil {
		return errors.New("the program is closed")
	}
	i := p.from[stage]
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %v", p.steps[i], r)
		}
	}()
	for ; i < p.from[stage+1]; i++ {
		s := p.steps[i]
		k := s.kernel
		switch {
		case s.sum && after != nil:
			k = nil // nothing new comes to the sum
		case s.again != nil && p.done > 0:
			k = s.again
		}
		if k != nil {
			if err := p.call(i, k); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		if after != nil {
			if err := after(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// call runs a kernel, timed while a profile is taken.
func (p *Program) call(i int, k Kernel) error {
	if p.times == nil {
		return k()
	}
	start := time.Now()
	err := errors.Join(k(), p.dev.Sync())
	p.times[i] += time.Since(start)
	return err
}

// Profile runs f with every step timed, one after another, and returns the
// total time of each step of the Plan. Timing waits for the device after every
// step, so the sum exceeds what f takes otherwise.
func (p *Program) Profile(f func() error) ([]time.Duration, error) {
	p.times = make([]time.Duration, len(p.steps))
	defer func() { p.times = nil }()
	err := f()
	return p.times, err
}

// RunAll makes a Program a gorgonia.VM: it takes feeds from the values bound to
// their nodes, runs one update's worth of micro-steps on them, updates, and
// binds the fetches' values to their nodes.
func (p *Program) RunAll() error {
	for name, n := range p.nodes {
		if n.Value() == nil {
			continue
		}
		src, err := ops.BufOf(n.Value())
		if err != nil {
			return fmt.Errorf("feed %q: %w", name, err)
		}
		if err := p.dev.Upload(p.feeds[name], src.Raw()); err != nil {
			return fmt.Errorf("feed %q: %w", name, err)
		}
	}
	for range p.sums {
		if err := p.Micro(); err != nil {
			return err
		}
	}
	if err := p.Update(); err != nil {
		return err
	}
	return p.publish()
}

func (p *Program) publish() error {
	for _, f := range p.fetches {
		t := p.fetched[f.Name]
		v := tensor.New(tensor.Of(t.Dtype), tensor.WithShape(t.Shape...))
		dst, err := ops.BufOf(v)
		if err != nil {
			return fmt.Errorf("fetch %q: %w", f.Name, err)
		}
		if err := p.download(dst.Raw(), t); err != nil {
			return fmt.Errorf("fetch %q: %w", f.Name, err)
		}
		if err := gorgonia.UnsafeLet(f.Node, v); err != nil {
			return fmt.Errorf("fetch %q: %w", f.Name, err)
		}
	}
	return nil
}

// Reset forgets micro-steps that no update has followed.
func (p *Program) Reset() { p.done = 0 }

// Close frees the program's memory. It may be called more than once.
func (p *Program) Close() error {
	for _, m := range []Memory{p.arena, p.input} {
		if m != nil {
			m.Free()
		}
	}
	p.arena, p.input, p.steps, p.feeds, p.fetched, p.records = nil, nil, nil, nil, nil, [4]record{}
	p.from = [4]int{}
	return nil
}
