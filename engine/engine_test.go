package engine

import (
	"testing"

	"m2pt/ops"
)

// TestGoldenPathway runs the method's golden example: one linear layer with a
// pathway, then the same gradient over two micro-steps.
func TestGoldenPathway(t *testing.T) {
	for _, c := range []struct {
		name   string
		sums   int
		lambda float32
		y      float32
		dw     [2]float32
		dl     float32
	}{
		{"one micro-step", 1, 0.5, 4, [2]float32{4, 4}, 8},
		{"two micro-steps", 2, 0.5, 4, [2]float32{8, 8}, 16},
		{"lambda zero", 1, 0, 3, [2]float32{3, 3}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			w, a, l := g.Param("w", 1, 2), g.Param("a", 1, 2), g.Param("l", 1)
			x := g.Feed("x", 1, 2)
			y := g.Linear(x, g.Pathway(w, []*ops.Node{l}, []*ops.Node{a}, true), nil)
			seed := g.Feed("seed", 1, 1)
			grads := g.Grad([]*ops.Node{y}, []*ops.Node{seed}, []*ops.Node{w, l, a, x})
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			s := NewState(Reference{})
			for _, in := range g.Inputs() {
				if in.Role == ops.State {
					if err := s.Add(in.Name, in.Spec); err != nil {
						t.Fatal(err)
					}
				}
			}
			must(t, Set(s, "w", []float32{1, 2}))
			must(t, Set(s, "a", []float32{3, -1}))
			must(t, Set(s, "l", []float32{c.lambda}))
			p, err := Compile(Job{Graph: g, Accumulate: c.sums, Fetches: []Fetch{{"y", y}, {"dw", grads[0]}, {"dl", grads[1]}, {"da", grads[2]}}}, s)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for range 2 { // the second cycle must not see the first
				for range c.sums {
					must(t, Feed(p, "x", []float32{1, 1}))
					must(t, Feed(p, "seed", []float32{c.y}))
					if err := p.Micro(); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Micro(); err == nil {
					t.Error("a micro-step too many is accepted")
				}
				if err := p.Update(); err != nil {
					t.Fatal(err)
				}
				var y, dl [1]float32
				var dw [2]float32
				for name, v := range map[string][]float32{"y": y[:], "dw": dw[:], "dl": dl[:]} {
					if err := Read(p, name, v); err != nil {
						t.Fatal(err)
					}
				}
				if y[0] != c.y || dw != c.dw || dl[0] != c.dl {
					t.Errorf("y %v dW %v dλ %v, want %v %v %v", y, dw, dl, c.y, c.dw, c.dl)
				}
			}
		})
	}
}
