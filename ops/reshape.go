package ops

import (
	"fmt"
	"slices"
)

// Reshape gives the elements of x, in their order, another shape.
type Reshape struct{ Shape []int }

// Reshape gives x another shape of as many elements.
func (g *Graph) Reshape(x *Node, shape ...int) *Node { return g.Apply(Reshape{shape}, x) }

func (k Reshape) String() string { return fmt.Sprintf("reshape(%v)", k.Shape) }

func (k Reshape) Infer(in []Spec) ([]Spec, error) {
	y := in[0].like(k.Shape...)
	if len(k.Shape) == 0 || slices.Min(k.Shape) < 1 || y.Len() != in[0].Len() {
		return nil, fmt.Errorf("%v has not as many elements as shape %v", in[0], k.Shape)
	}
	return []Spec{y}, nil
}

func (k Reshape) InPlace(int) []int { return []int{0} }

func (k Reshape) DiffWRT(int) bool { return true }

func (k Reshape) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Reshape(grad, SpecOf(in[0]).Shape...)}
}

func (k Reshape) Do(in, out []Buf) { copy(out[0].Raw(), in[0].Raw()) }
