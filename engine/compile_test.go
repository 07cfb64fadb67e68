package engine

import (
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"m2pt/ops"
)

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
		m := base().training()
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
