package engine

import (
	"fmt"
	"slices"
	"testing"

	"m2pt/ops"
)

// joiner is the reference that does at once whatever two steps it may.
type joiner struct{ Reference }

func (joiner) Fuses(Fused) bool { return true }

// some is the reference that fuses the pairs in the list.
type some struct {
	Reference
	pairs []string
}

func (d some) Fuses(f Fused) bool { return slices.Contains(d.pairs, name(f)) }

// TestFuse: which steps become one, what they hand on, and where that may lie.
func TestFuse(t *testing.T) {
	build := func(g *ops.Graph) []Fetch {
		x := g.Feed("x", 2, 3)
		gamma, beta := g.Param("gamma", 3), g.Param("beta", 3)
		sum := g.Add(x, g.Scale(x, g.Param("s", 1)))
		return []Fetch{{"y", g.LayerNorm(sum, gamma, beta, 1e-6)}, {"sum", sum}}
	}
	for _, c := range []struct {
		pairs, want []string
		fetches     int
		keep        []bool
	}{
		{nil, []string{"scale", "add", "layer_norm"}, 2, nil},
		{[]string{"scale + add"}, []string{"scale + add", "layer_norm"}, 2, []bool{false}},
		{[]string{"add + layer_norm"}, []string{"scale", "add + layer_norm"}, 2, []bool{true}},
		{[]string{"add + layer_norm"}, []string{"scale", "add + layer_norm"}, 1, []bool{false}},
		{[]string{"scale + add", "scale + add + layer_norm"}, []string{"scale + add + layer_norm"}, 1, []bool{false}},
	} {
		t.Run(fmt.Sprint(c.pairs, c.fetches), func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			job := Job{Graph: g, Fetches: build(g)[:c.fetches]}
			state := newState(t, some{pairs: c.pairs}, g)
			p := compile(t, job, state)
			var got []string
			for _, r := range p.Plan() {
				got = append(got, r.Kind)
			}
			if !slices.Equal(got, c.want) {
				t.Fatalf("steps %q, want %q", got, c.want)
			}
			for _, s := range p.steps {
				if f, ok := s.kind.(Fused); ok && !slices.Equal(f.Keep, c.keep) {
					t.Errorf("%v keeps %v, want %v", f, f.Keep, c.keep)
				}
			}
		})
	}
}

// TestFusedInPlace: an output may take memory that the other kind is done with.
func TestFusedInPlace(t *testing.T) {
	add, scale := ops.Add{}, ops.Scale{}
	for _, c := range []struct {
		name string
		f    Fused
		want [][]int // by output
	}{
		{"the inner value's memory", Fused{scale, add, 2, []bool{false}, []int{-1, 2}}, [][]int{{0, 2}}},
		{"which both read", Fused{scale, add, 2, []bool{false}, []int{-1, 0}}, [][]int{nil}},
		{"both kept", Fused{scale, add, 2, []bool{true}, []int{-1, 2}}, [][]int{{0}, {2}}},
	} {
		for k, want := range c.want {
			if got := c.f.InPlace(k); !slices.Equal(got, want) {
				t.Errorf("%s: output %d in inputs %v, want %v", c.name, k, got, want)
			}
		}
	}
}
