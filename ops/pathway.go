package ops

import "fmt"

// Pathway is the paper's cross-modal re-parameterisation
//
//	Ŵ = W + Σₖ λₖ·W′ₖ
//
// with inputs W, λ₁, W′₁, λ₂, W′₂, ...: W and every W′ of one shape, every λ of
// shape [1]. With G = ∂L/∂Ŵ summed over the micro-batches of an update,
// ∂W = G, ∂λₖ = ⟨G, W′ₖ⟩ and, where AuxTrainable, ∂W′ₖ = λₖ·G. W, λ and W′ are
// state, so the engine computes Ŵ once per update and the pathway costs the
// model nothing per batch.
type Pathway struct {
	Terms        int
	AuxTrainable bool // W′ gets gradients too, as in the published code
}

// Pathway returns Ŵ; scale and aux hold λₖ and W′ₖ.
func (g *Graph) Pathway(w *Node, scale, aux []*Node, auxTrainable bool) *Node {
	in := []*Node{w}
	for k := range scale {
		in = append(in, scale[k], aux[k])
	}
	return g.Apply(Pathway{len(scale), auxTrainable}, in...)
}

func (k Pathway) String() string {
	return fmt.Sprintf("pathway(terms=%d,aux_trainable=%v)", k.Terms, k.AuxTrainable)
}

func (k Pathway) Infer(in []Spec) ([]Spec, error) {
	for i := 1; i < len(in); i += 2 {
		if in[i].Len() != 1 {
			return nil, fmt.Errorf("lambda has shape %v, want [1]", in[i].Shape)
		}
		if !in[i+1].Equal(in[0]) {
			return nil, fmt.Errorf("auxiliary weight is %v, the target's is %v", in[i+1], in[0])
		}
	}
	return in[:1], nil
}

func (k Pathway) DiffWRT(i int) bool { return i == 0 || i%2 == 1 || k.AuxTrainable }

func (k Pathway) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	sum := g.Accumulated(grad)
	grads := []*Node{sum}
	for i := 1; i < len(in); i += 2 {
		var dAux *Node
		if k.AuxTrainable {
			dAux = g.Scale(sum, in[i])
		}
		grads = append(grads, g.Apply(Dot{}, sum, in[i+1]), dAux)
	}
	return grads
}

func (k Pathway) Do(in, out []Buf) { byDtype(k, in, out, pathway[float32], pathway[float64]) }

func pathway[T Float](k Pathway, in, out []Buf) {
	y := Of[T](out[0])
	copy(y, Of[T](in[0]))
	for t := range k.Terms {
		lambda := Of[T](in[1+2*t])[0]
		for i, a := range Of[T](in[2+2*t]) {
			y[i] += lambda * a
		}
	}
}

// Dot is ⟨x, y⟩ over all elements, shape [1].
type Dot struct{}

func (k Dot) String() string { return "dot" }

func (k Dot) Infer(in []Spec) ([]Spec, error) {
	if !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("operands %v and %v differ", in[0], in[1])
	}
	return []Spec{in[0].like(1)}, nil
}

func (k Dot) Do(in, out []Buf) { byDtype(k, in, out, dot[float32], dot[float64]) }

func dot[T Float](_ Dot, in, out []Buf) {
	var s float64
	y := Of[T](in[1])
	for i, x := range Of[T](in[0]) {
		s += float64(x) * float64(y[i])
	}
	Of[T](out[0])[0] = T(s)
}

// Scale is s·x with s of shape [1].
type Scale struct{}

// Scale is x times the number s [1].
func (g *Graph) Scale(x, s *Node) *Node { return g.Apply(Scale{}, x, s) }

func (k Scale) String() string { return "scale" }

func (k Scale) Infer(in []Spec) ([]Spec, error) {
	if in[1].Len() != 1 {
		return nil, fmt.Errorf("factor has shape %v, want [1]", in[1].Shape)
	}
	return in[:1], nil
}

func (k Scale) InPlace(int) []int { return []int{0} }

func (k Scale) Do(in, out []Buf) { byDtype(k, in, out, scale[float32], scale[float64]) }

func scale[T Float](_ Scale, in, out []Buf) {
	y, s := Of[T](out[0]), Of[T](in[1])[0]
	for i, x := range Of[T](in[0]) {
		y[i] = s * x
	}
}
