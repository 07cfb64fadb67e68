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
		name  string
		pool  string
		class bool // whether token 0 is the class token
		want  []float32
	}{
		{"token", "token", true, []float32{-1, 1}},                    // of 1, 3
		{"avg without the class token", "avg", true, []float32{0, 0}}, // of 2, 2
		{"avg of all", "avg", false, []float32{-1, 1}},                // of 5/3, 7/3
	} {
		t.Run(c.name, func(t *testing.T) {
			s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
			h := Classifier{Classes: 4, Pool: c.pool}
			features, logits := h.Forward(s, Encoding{[]*ops.Node{s.Feed("x", 1, 3, 2)}, c.class, 1e-12, Cloud{}})
			if s.Err() != nil || !slices.Equal(ops.SpecOf(logits).Shape, []int{1, 4}) {
				t.Fatalf("logits %v, %v", logits, s.Err())
			}
			got := evaluate(t, s, features, map[string]any{"x": []float32{1, 3, 0, 2, 4, 2}})
			if !slices.EqualFunc(got, c.want, func(a, b float32) bool { return a-b < 1e-4 && b-a < 1e-4 }) {
				t.Errorf("features %v, want %v", got, c.want)
			}
		})
	}
}

// evaluate computes a node from feeds, []float32 or []int32, and the parameters'
// initial values.
func evaluate(t *testing.T, s nn.Scope, node *ops.Node, feeds map[string]any) []float32 {
	t.Helper()
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
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
	p, err := engine.Compile(engine.Job{Graph: s.Graph, Fetches: []engine.Fetch{{Name: "node", Node: node}}}, state)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, v := range feeds {
		switch v := v.(type) {
		case []float32:
			err = engine.Feed(p, name, v)
		case []int32:
			err = engine.Feed(p, name, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Micro(); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, ops.SpecOf(node).Len())
	if err := engine.Read(p, "node", out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDeclared: names and order, and what trains where the network is frozen.
func TestDeclared(t *testing.T) {
	for _, c := range []struct {
		name   string
		head   Head
		frozen bool
		want   string // trained
		fixed  string
	}{
		{"avg", Classifier{Classes: 4, Pool: "avg"}, false, "head.weight head.bias fc_norm.weight fc_norm.bias", ""},
		{"token", Classifier{Classes: 4, Pool: "token"}, false, "norm.weight norm.bias head.weight head.bias", ""},
		{"frozen", Classifier{Classes: 4, Pool: "token"}, true, "head.weight head.bias", "norm.weight norm.bias"},
		{"probe", Probe{Classes: 4, Pool: "avg"}, true, "head.1.weight head.1.bias", "fc_norm.weight fc_norm.bias head.0.running_mean head.0.running_var"},
	} {
		s := nn.NewScope(ops.Float32, nn.Train, 2, 0)
		s.Frozen = c.frozen
		c.head.Forward(s, Encoding{[]*ops.Node{s.Feed("x", 2, 3, 2)}, true, 1e-6, Cloud{}})
		var trained, fixed []string
		for _, p := range s.Registry().Params() {
			if p.Fixed {
				fixed = append(fixed, p.Name)
			} else {
				trained = append(trained, p.Name)
			}
		}
		if strings.Join(trained, " ") != c.want || strings.Join(fixed, " ") != c.fixed || s.Err() != nil {
			t.Errorf("%s: trained %q, fixed %q, want %q and %q, %v", c.name, trained, fixed, c.want, c.fixed, s.Err())
		}
		if n := len(s.Registry().Updates()); (n == 2) != (c.name == "probe") {
			t.Errorf("%s: %d running statistics change", c.name, n)
		}
	}
}

func TestRefuses(t *testing.T) {
	const pooling = "want avg or token"
	for _, c := range []struct {
		name  string
		head  Head
		class bool
		want  string
	}{
		{"pool", Classifier{Pool: "max"}, true, pooling},
		{"nothing", Classifier{}, false, pooling},
		{"probe", Probe{Pool: "first"}, false, pooling},
		{"point without a class token", PointClassifier{Hidden: 4}, false, "want a class token"},
		{"parts with one", PartSegmenter{}, true, "no class token"},
		{"parts of one block", PartSegmenter{}, false, "a multiple of 3"},
	} {
		s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
		c.head.Forward(s, Encoding{[]*ops.Node{s.Feed("x", 1, 3, 2)}, c.class, 1e-6, Cloud{}})
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
