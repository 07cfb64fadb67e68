package heads

import (
	"slices"
	"strings"
	"testing"

	"m2pt/engine"
	"m2pt/nn"
	"m2pt/ops"
)

// TestFeatures: "avg" is the mean of the patch tokens, normalised; "token" the
// normalised class token. With weights of ones, the class token [1, 3] and the
// patches [0, 2] and [4, 2].
func TestFeatures(t *testing.T) {
	for _, c := range []struct {
		name string
		head Classifier
		want []float32
	}{
		{"token", Classifier{Pool: "token", ClassToken: true}, []float32{-1, 1}},                    // of 1, 3
		{"avg without the class token", Classifier{Pool: "avg", ClassToken: true}, []float32{0, 0}}, // of 2, 2
		{"avg of all", Classifier{Pool: "avg"}, []float32{-1, 1}},                                   // of 5/3, 7/3
	} {
		t.Run(c.name, func(t *testing.T) {
			c.head.Dim, c.head.Tokens, c.head.Classes, c.head.Eps = 2, 3, 4, 1e-12
			s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
			features := c.head.Features(s, s.Feed("x", 1, 3, 2))
			logits := c.head.Logits(s, features)
			if s.Err() != nil || !slices.Equal(ops.SpecOf(logits).Shape, []int{1, 4}) {
				t.Fatalf("logits %v, %v", logits, s.Err())
			}
			got := evaluate(t, s, features)
			if !slices.EqualFunc(got, c.want, func(a, b float32) bool { return a-b < 1e-4 && b-a < 1e-4 }) {
				t.Errorf("features %v, want %v", got, c.want)
			}
		})
	}
}

func evaluate(t *testing.T, s nn.Scope, features *ops.Node) []float32 {
	t.Helper()
	state := engine.NewState(engine.Reference{})
	defer state.Close()
	for _, p := range s.Registry().Params() {
		if err := state.Add(p.Name, ops.F32(p.Shape...)); err != nil {
			t.Fatal(err)
		}
		if err := engine.Set(state, p.Name, p.Values(0)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := engine.Compile(engine.Job{Graph: s.Graph, Fetches: []engine.Fetch{{Name: "features", Node: features}}}, state)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := engine.Feed(p, "x", []float32{1, 3, 0, 2, 4, 2}); err != nil {
		t.Fatal(err)
	}
	if err := p.Micro(); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, 2)
	if err := engine.Read(p, "features", out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDeclare fixes the head's place in front of its norm.
func TestDeclare(t *testing.T) {
	s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
	h := Classifier{Classes: 4, Dim: 2, Pool: "avg", Tokens: 3, InitStd: 1}
	h.Declare(s)
	h.Logits(s, h.Features(s, s.Feed("x", 1, 3, 2)))
	var got []string
	for _, p := range s.Registry().Params() {
		got = append(got, p.Name)
	}
	if want := []string{"head.weight", "head.bias", "fc_norm.weight", "fc_norm.bias"}; !slices.Equal(got, want) || s.Err() != nil {
		t.Errorf("declared %q, want %q, %v", got, want, s.Err())
	}
}

func TestFeaturesRefuses(t *testing.T) {
	for _, h := range []Classifier{{Pool: "max", ClassToken: true}, {Pool: "token"}, {}} {
		s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
		h.Dim, h.Tokens = 2, 3
		h.Features(s, s.Feed("x", 1, 3, 2))
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), "want avg, or token with a class token") {
			t.Errorf("%+v: error %v", h, err)
		}
	}
}
