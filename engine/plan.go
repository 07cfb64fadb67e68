package engine

import (
	"fmt"
	"io"
	"text/tabwriter"

	"m2pt/ops"
)

// Row is one step of a plan as a reader sees it.
type Row struct {
	Stage Stage
	Scope string // where in the model
	Op    string
	Out   []ops.Spec
	Bytes int64 // read and written, each operand once
	FLOPs int64 // 0 where not worth counting
}

// Plan are the program's steps in execution order.
func (p *Program) Plan() []Row {
	rows := make([]Row, len(p.steps))
	for i, s := range p.steps {
		r := Row{Stage: s.stage, Scope: s.scope, Op: s.kind.String()}
		var in []ops.Spec
		for _, v := range s.in {
			in = append(in, v.spec)
			r.Bytes += int64(v.spec.Bytes())
		}
		for _, v := range s.out {
			r.Out = append(r.Out, v.spec)
			r.Bytes += int64(v.spec.Bytes())
		}
		if c, ok := s.kind.(ops.Costed); ok {
			r.FLOPs = c.FLOPs(in, r.Out)
		}
		rows[i] = r
	}
	return rows
}

// FLOPs are those of one update: its micro-steps, prepare and update stages.
func (p *Program) FLOPs() int64 {
	var n int64
	for _, r := range p.Plan() {
		times := int64(1)
		if r.Stage == Micro {
			times = int64(p.sums)
		}
		n += times * r.FLOPs
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
		fmt.Fprintf(tw, "%d\t%v\t%s\t%s\t%v\t%.3f\t%.2f\n", i, r.Stage, r.Scope, r.Op, shapes(r.Out), float64(r.Bytes)/1e6, float64(r.FLOPs)/1e6)
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
