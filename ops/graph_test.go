package ops_test

import (
	"fmt"
	"strings"
	"testing"

	"m2pt/internal/philox"
	"m2pt/ops"
	"m2pt/ops/opstest"
)

// TestMisuseIsAnErrorWithAPlace: an op on operands that do not fit is an error
// that names scope and op, whatever the operands; nothing built afterwards
// panics or hides it.
func TestMisuseIsAnErrorWithAPlace(t *testing.T) {
	kinds := map[string]ops.Kind{}
	for _, c := range opstest.Cases() {
		kinds[c.Kind.String()] = c.Kind
	}
	refused := 0
	for name, k := range kinds {
		r := philox.New(1, name, 0, 0)
		for range 100 {
			g := ops.NewGraph(ops.Float32)
			leave := g.Enter("blocks.3")
			var in []*ops.Node
			for i := range 1 + r.IntN(6) {
				spec := ops.Spec{Dtype: []ops.Dtype{ops.Float32, ops.Float32, ops.Int32, ops.Uint8}[r.IntN(4)]}
				for range 1 + r.IntN(4) {
					spec.Shape = append(spec.Shape, 1+r.IntN(3))
				}
				in = append(in, g.Declare(fmt.Sprint("in", i), spec, ops.PerBatch))
			}
			y := g.Apply(k, in...)
			leave()
			z := g.GELU(g.Out(g.Add(y, y), 1))
			err := g.Err()
			if y == nil && (err == nil || !strings.Contains(err.Error(), "blocks.3") || !strings.Contains(err.Error(), name)) {
				t.Fatalf("%s: error %v", name, err)
			}
			if y == nil {
				refused++
				g.Grad([]*ops.Node{z}, []*ops.Node{z}, in)
			}
		}
	}
	if refused == 0 {
		t.Error("everything is accepted")
	}
}

// TestGradOnce: gorgonia answers a second derivation with the first one's
// nodes, so the graph refuses it.
func TestGradOnce(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	x := g.Feed("x", 2)
	y, seed := g.GELU(x), g.Feed("seed", 2)
	if g.Grad([]*ops.Node{y}, []*ops.Node{seed}, []*ops.Node{x}); g.Err() != nil {
		t.Fatal(g.Err())
	}
	if g.Grad([]*ops.Node{g.ReLU(y)}, []*ops.Node{seed}, []*ops.Node{x}); g.Err() == nil {
		t.Error("a second derivation is accepted")
	}
}

// TestOpsOfInputsWithOneHash: gorgonia merges nodes of one op whose operands'
// hashes agree, whatever the operands are; a number in each op's hash keeps
// them apart.
func TestOpsOfInputsWithOneHash(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	a, b := g.Feed("w540d986", 1), g.Feed("w17e6358c", 1) // found by search
	if a == b || a.Hashcode() != b.Hashcode() {
		t.Fatalf("hashes %#x and %#x: look for other names", a.Hashcode(), b.Hashcode())
	}
	if ya, yb := g.GELU(a), g.GELU(b); ya == yb || g.Children(ya)[0] != a || g.Children(yb)[0] != b {
		t.Error("the ops of two inputs became one")
	}
}

// TestDeclare: a name stands for one input.
func TestDeclare(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	if x, again := g.Feed("x", 2), g.Feed("x", 2); x != again || len(g.Inputs()) != 1 {
		t.Error("declaring again gives another input")
	}
	for name, declare := range map[string]func(g *ops.Graph){
		"other shape":  func(g *ops.Graph) { g.Feed("x", 3) },
		"other role":   func(g *ops.Graph) { g.Param("x", 2) },
		"no name":      func(g *ops.Graph) { g.Feed("", 2) },
		"no shape":     func(g *ops.Graph) { g.Feed("y") },
		"no elements":  func(g *ops.Graph) { g.Feed("y", 2, 0) },
		"no output":    func(g *ops.Graph) { g.Out(g.GELU(g.Feed("x", 2)), 1) },
		"out of input": func(g *ops.Graph) { g.Out(g.Feed("x", 2), 1) },
	} {
		g := ops.NewGraph(ops.Float32)
		g.Feed("x", 2)
		if declare(g); g.Err() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
