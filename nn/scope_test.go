package nn

import (
	"slices"
	"strings"
	"testing"

	"m2pt/ops"
)

func names(s Scope) []string {
	var list []string
	for _, p := range s.Registry().Params() {
		list = append(list, p.Name)
	}
	return list
}

// TestScope: parameters carry the name of their place and are listed in the
// order of declaration, each once.
func TestScope(t *testing.T) {
	s := NewScope(ops.Float32, Train, 2, 1)
	x := s.Feed("x", 2, 4)
	x = s.In("blocks.0", func(s Scope) *ops.Node {
		if s.Path() != "blocks.0" || s.Name("y") != "blocks.0.y" {
			t.Errorf("path %q, name %q", s.Path(), s.Name("y"))
		}
		x = s.LayerNorm("norm1", x, 4, 1e-6)
		return s.In("mlp", func(s Scope) *ops.Node { return s.Linear("fc", x, 4, 3, Ones) })
	})
	s.Param("tail", Zeros, 5)
	s.Param("tail", Zeros, 5) // the same again
	if s.Err() != nil || !slices.Equal(ops.SpecOf(x).Shape, []int{2, 3}) {
		t.Fatalf("%v of %v", x, s.Err())
	}
	want := []string{"blocks.0.norm1.weight", "blocks.0.norm1.bias", "blocks.0.mlp.fc.weight", "blocks.0.mlp.fc.bias", "tail"}
	if got := names(s); !slices.Equal(got, want) {
		t.Errorf("declared %q, want %q", got, want)
	}
	for name, init := range map[string]float32{"blocks.0.norm1.weight": 1, "blocks.0.norm1.bias": 0, "blocks.0.mlp.fc.weight": 1, "blocks.0.mlp.fc.bias": 0} {
		if p, ok := s.Registry().Lookup(name); !ok || p.Values(1)[0] != init || p.Fixed {
			t.Errorf("%s: %+v begins at %v, want %v", name, p, p.Values(1), init)
		}
	}
	if _, ok := s.Registry().Lookup("norm1.weight"); ok {
		t.Error("a parameter is found without its place")
	}
	s.Param("tail", Zeros, 6)
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), `"tail" declared with shapes [5] and [6]`) {
		t.Errorf("declared twice: error %v", err)
	}
}

// TestDropPath needs the sample key in training alone, and nothing at rate 0.
func TestDropPath(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		rate float64
		want bool
	}{{Train, 0.5, true}, {Train, 0, false}, {Eval, 0.5, false}} {
		s := NewScope(ops.Float32, c.mode, 2, 1)
		y := s.DropPath("mlp", s.Feed("x", 2, 3), s.Feed("r", 2, 3), c.rate)
		has := slices.ContainsFunc(s.Inputs(), func(i ops.Input) bool { return i.Name == SampleKeyFeed })
		if s.Err() != nil || has != c.want || !slices.Equal(ops.SpecOf(y).Shape, []int{2, 3}) {
			t.Errorf("mode %v, rate %g: random %v, want %v; error %v", c.mode, c.rate, has, c.want, s.Err())
		}
	}
}
