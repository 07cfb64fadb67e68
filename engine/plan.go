package engine

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"m2pt/ops"
)

// Row is one step of a plan as a reader sees it.
type Row struct {
	Stage Stage
	Scope string // where in the model
	Op    string // with its attributes
	Kind  string // of op, without them
	Calls int    // per update; 0 where the result is in its place already
	Out   []ops.Spec
	Bytes int64 // of a call: what it reads and what it writes, each operand once
	FLOPs int64 // of a call; 0 where not worth counting
	// Recompute is set where the step does again, for the backward pass, what an
	// earlier one has done: see Job.Borders.
	Recompute bool
}

// Plan are the program's steps in execution order.
func (p *Program) Plan() []Row {
	rows := make([]Row, len(p.steps))
	for i, s := range p.steps {
		in, out := specs(s.in), specs(s.out)
		r := Row{Stage: s.stage, Scope: s.scope, Op: s.kind.String(), Kind: name(s.kind), Out: out, Bytes: int64(p.bytes(s, in, out)), Recompute: s.recompute}
		if s.kernel != nil {
			r.Calls = p.calls(s.stage)
		}
		if c, ok := s.kind.(ops.Costed); ok {
			r.FLOPs = c.FLOPs(in, out)
		}
		rows[i] = r
	}
	return rows
}

// name is what a kind is called without its attributes.
func name(k ops.Kind) string {
	if f, ok := k.(Fused); ok {
		return name(f.First) + " + " + name(f.Second)
	}
	return ops.Name(k)
}

func specs(values []*value) []ops.Spec {
	list := make([]ops.Spec, len(values))
	for i, v := range values {
		list[i] = v.spec
	}
	return list
}

// calls is how often an update runs a stage.
func (p *Program) calls(stage Stage) int {
	if stage == Micro {
		return p.sums
	}
	return 1
}

// bytes are those that a call of s must move where nothing is in a cache. An operand
// that is given twice is read once; what is changed in place is read and written.
func (p *Program) bytes(s *step, in, out []ops.Spec) int {
	n := 0
	for i, v := range s.in {
		if !slices.Contains(s.in[:i], v) {
			n += v.bytes()
		}
	}
	if k, ok := s.kind.(ops.Selective); ok {
		n -= s.in[0].bytes() / in[0].Len() * (in[0].Len() - k.Reads(in, out))
	}
	for _, v := range s.out {
		n += v.bytes()
	}
	if s.sum { // every micro-step but the first reads the sum as well
		n += s.out[0].bytes() * (p.sums - 1) / p.sums
	}
	return n
}

// FLOPs are those of one update: its micro-steps, prepare and update stages. What
// is computed again to save memory does not count, as usual in a share of a
// device's peak: it says how much of the device the model gets.
func (p *Program) FLOPs() int64 {
	var n int64
	for _, r := range p.Plan() {
		if r.Recompute {
			continue
		}
		n += int64(r.Calls) * r.FLOPs
	}
	return n
}

// Usage is the device memory a program takes, in bytes.
type Usage struct {
	Arena  int `json:"arena"`  // all values of a step
	Values int `json:"values"` // what they would take without sharing
	Feeds  int `json:"feeds"`
	State  int `json:"state"` // shared with other programs
}

// Memory is what the program takes on its device, nothing once closed.
func (p *Program) Memory() Usage {
	if p.arena == nil {
		return Usage{}
	}
	return Usage{Arena: p.arena.Size(), Values: p.values, Feeds: p.input.Size(), State: p.state.Bytes()}
}

// Print writes the plan as a table.
func (p *Program) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "step\tstage\tscope\top\tout\tMB\tMFLOP")
	for i, r := range p.Plan() {
		op := r.Op
		if r.Recompute {
			op += " again"
		}
		fmt.Fprintf(tw, "%d\t%v\t%s\t%s\t%v\t%.3f\t%.2f\n", i, r.Stage, r.Scope, op, shapes(r.Out), float64(r.Bytes)/1e6, float64(r.FLOPs)/1e6)
	}
	return tw.Flush()
}

func shapes(specs []ops.Spec) [][]int {
	out := make([][]int, len(specs))
	for i, s := range specs {
		out[i] = s.Shape
	}
	return out
}

func (s *step) String() string { return fmt.Sprintf("%s %s %v", s.stage, s.scope, s.kind) }
