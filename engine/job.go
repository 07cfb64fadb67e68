package engine

import (
	"fmt"
	"slices"
	"sort"

	"m2pt/ops"
)

// Job is what a program is to compute.
type Job struct {
	Graph      *ops.Graph
	Fetches    []Fetch
	Assigns    []Assign
	Accumulate int               // micro-steps per update; 0 means 1
	Bind       map[string]string // input name -> name of the state to read instead
	// Borders trade time for memory: nodes on the way of the forward pass, in order,
	// such as what enters a network's blocks and what leaves the last one. What is
	// made on the way from one to the next, and not read further on, is not kept but
	// computed again for the backward pass; after the last but one border it is kept,
	// for its backward pass follows at once. Results are the same to the bit.
	Borders []*ops.Node
}

// Fetch is a node whose value the host reads under Name.
type Fetch struct {
	Name string
	Node *ops.Node
}

// Assign makes a node's value the new value of a state.
type Assign struct {
	State string
	Node  *ops.Node
}

// check refuses fetches and assigns without a node or with a name twice, and
// borders without a node.
func (j Job) check() error {
	fetches, assigns := map[string]bool{}, map[string]bool{}
	for _, f := range j.Fetches {
		if f.Node == nil || fetches[f.Name] {
			return fmt.Errorf("fetch %q: no node, or fetched twice", f.Name)
		}
		fetches[f.Name] = true
	}
	for _, a := range j.Assigns {
		if a.Node == nil || assigns[a.State] {
			return fmt.Errorf("assign state %q: no node, or assigned twice", a.State)
		}
		assigns[a.State] = true
	}
	if i := slices.Index(j.Borders, nil); i >= 0 {
		return fmt.Errorf("border %d: no node", i)
	}
	return nil
}

// Stage says how often a step runs.
type Stage int

// The stages in the order they run.
const (
	Prepare Stage = iota // once after each change of the state
	Micro                // once per micro-batch
	Update               // once per update
)

func (s Stage) String() string { return [...]string{"prepare", "micro", "update"}[s] }

// value is one output of a step, or an input.
type value struct {
	spec  ops.Spec
	store Storage
	stage Stage
	def   int    // the step that writes it; -1 for inputs
	last  int    // the last step that reads it
	state string // name of the state it is, for inputs
	feed  string // name of the feed it is, for inputs
	slot  *slot
}

// bytes is the memory it takes.
func (v *value) bytes() int { return v.store.Bytes(v.spec) }

// step is one kernel call.
type step struct {
	kind      ops.Kind
	scope     string
	stage     Stage
	sum       bool // over micro-batches
	recompute bool // does again, for the backward pass, what another step has done
	in, out   []*value
	kernel    Kernel
	again     Kernel // of a sum over micro-batches: how further ones are added
}

// tracer turns the part of a graph that a job needs into steps.
type tracer struct {
	job    Job
	state  *State
	roles  map[*ops.Node]ops.Input
	values map[*ops.Node]*value
	outs   map[*ops.Node][]*value // all outputs of the node's op
	steps  []*step
	hashes map[uint32]*ops.Node
	// assigned are the values that the job's assigns make states: those of the nodes, in
	// full.
	assigned []*value
}

// trace lists the steps of a job in execution order: by stage, and within one
// as the graph was built, with casts and what is computed again in between. Node numbers are
// a topological order because gorgonia makes operands before the nodes that use
// them.
func trace(job Job, state *State) (*tracer, error) {
	t := &tracer{job: job, state: state, roles: map[*ops.Node]ops.Input{}, values: map[*ops.Node]*value{},
		outs: map[*ops.Node][]*value{}, hashes: map[uint32]*ops.Node{}}
	for _, in := range job.Graph.Inputs() {
		t.roles[in.Node] = in
	}
	for _, n := range t.needed() {
		if err := t.add(n); err != nil {
			return nil, err
		}
	}
	sort.SliceStable(t.steps, func(i, j int) bool { return t.steps[i].stage < t.steps[j].stage })
	for _, a := range job.Assigns {
		t.assigned = append(t.assigned, t.values[a.Node])
	}
	t.store()
	t.recompute()
	t.fuse()
	return t, nil
}

// needed are the nodes that fetches and assigns depend on, in graph order.
func (t *tracer) needed() []*ops.Node {
	seen := map[*ops.Node]bool{}
	var stack, list []*ops.Node
	push := func(n *ops.Node) {
		if !seen[n] {
			seen[n] = true
			stack, list = append(stack, n), append(list, n)
		}
	}
	for _, f := range t.job.Fetches {
		push(f.Node)
	}
	for _, a := range t.job.Assigns {
		push(a.Node)
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, c := range t.job.Graph.Children(n) {
			push(c)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID() < list[j].ID() })
	return list
}

func (t *tracer) add(n *ops.Node) error {
	h := n.Hashcode()
	if other, ok := t.hashes[h]; ok {
		return fmt.Errorf("nodes %v and %v share hash %#x: gorgonia cannot tell them apart; name an input differently", other, n, h)
	}
	t.hashes[h] = n
	switch op := n.Op().(type) {
	case nil:
		return t.input(n)
	case *ops.Op:
		return t.step(n, op.Kind, op.Scope, op.Out)
	case ops.Alias:
		t.values[n] = t.outs[t.job.Graph.Children(n)[0]][op.K]
		return nil
	default:
		if op.String() == "+ false" { // gorgonia adds gradients of a node used twice
			return t.step(n, ops.Add{}, "", []ops.Spec{ops.SpecOf(n)})
		}
		return fmt.Errorf("op %v (%T) is not of package ops", op, op)
	}
}

func (t *tracer) input(n *ops.Node) error {
	in, ok := t.roles[n]
	if !ok {
		return fmt.Errorf("input %q was not declared through ops.Graph", n.Name())
	}
	v := &value{spec: in.Spec, def: -1, last: -1}
	t.values[n] = v
	switch in.Role {
	case ops.PerBatch:
		v.feed, v.stage = in.Name, Micro
	case ops.PerUpdate:
		v.feed, v.stage = in.Name, Update
	default:
		v.state = in.Name
		if to, ok := t.job.Bind[in.Name]; ok {
			v.state = to
		}
		if !t.state.Has(v.state) {
			return fmt.Errorf("input %q: there is no state %q", in.Name, v.state)
		}
		if have := t.state.Spec(v.state); !have.Equal(in.Spec) {
			return fmt.Errorf("input %q is %v, state %q is %v", in.Name, in.Spec, v.state, have)
		}
	}
	return nil
}

// step adds the kernel call of a node. Its stage is the latest of its
// operands'; a sum over micro-batches counts as update for its readers.
func (t *tracer) step(n *ops.Node, k ops.Kind, scope string, outs []ops.Spec) error {
	s := &step{kind: k, scope: scope}
	batch, late := false, false
	for _, c := range t.job.Graph.Children(n) {
		v := t.values[c]
		s.in = append(s.in, v)
		s.stage = max(s.stage, v.stage)
		batch = batch || v.stage == Micro
		late = late || v.stage == Update
	}
	if batch && late {
		return fmt.Errorf("%v in %q needs both a batch and a sum over batches", k, scope)
	}
	readers := s.stage
	if _, s.sum = k.(ops.Accumulate); s.sum {
		if s.stage != Micro {
			return fmt.Errorf("accumulate in %q: its operand does not depend on a batch", scope)
		}
		readers = Update
	}
	for _, spec := range outs {
		s.out = append(s.out, &value{spec: spec, stage: readers})
	}
	t.values[n], t.outs[n] = s.out[0], s.out
	t.steps = append(t.steps, s)
	return nil
}
