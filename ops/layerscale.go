package ops

import (
	"fmt"
	"slices"
)

// LayerScale multiplies each feature of x [..., D] by a learned factor γ [D].
type LayerScale struct{}

// LayerScale multiplies the rows of x by gamma.
func (g *Graph) LayerScale(x, gamma *Node) *Node { return g.Apply(LayerScale{}, x, gamma) }

func (k LayerScale) String() string { return "layer_scale" }

func (k LayerScale) Infer(in []Spec) ([]Spec, error) {
	if !slices.Equal(in[1].Shape, []int{in[0].last()}) {
		return nil, fmt.Errorf("factors %v do not fit input %v", in[1].Shape, in[0].Shape)
	}
	return in[:1], nil
}

func (k LayerScale) InPlace(int) []int { return []int{0} }

func (k LayerScale) DiffWRT(int) bool { return true }

func (k LayerScale) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	dx := g.Apply(LayerScaleGrad{}, in[0], in[1], grad)
	return []*Node{dx, g.Out(dx, 1)}
}

func (k LayerScale) Do(in, out []Buf) { byDtype(k, in, out, layerScale[float32], layerScale[float64]) }

func layerScale[T Float](_ LayerScale, in, out []Buf) {
	gamma, y := Of[T](in[1]), Of[T](out[0])
	for i, v := range Of[T](in[0]) {
		y[i] = v * gamma[i%len(gamma)]
	}
}

// LayerScaleGrad takes x, γ, dy to dx = dy·γ and dγ = Σ dy·x over the rows.
type LayerScaleGrad struct{}

func (k LayerScaleGrad) String() string { return "layer_scale.grad" }

func (k LayerScaleGrad) Infer(in []Spec) ([]Spec, error) { return in[:2], nil }

func (k LayerScaleGrad) Do(in, out []Buf) {
	byDtype(k, in, out, layerScaleGrad[float32], layerScaleGrad[float64])
}

func layerScaleGrad[T Float](_ LayerScaleGrad, in, out []Buf) {
	x, gamma := Of[T](in[0]), Of[T](in[1])
	dx, dgamma := Of[T](out[0]), Of[T](out[1])
	clear(dgamma)
	for i, d := range Of[T](in[2]) {
		c := i % len(gamma)
		dx[i] = d * gamma[c]
		dgamma[c] += d * x[i]
	}
}
