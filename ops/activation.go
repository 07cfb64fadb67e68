package ops

import (
	"fmt"
	"math"
)

// Activation is an elementwise non-linearity: Fn "gelu" (exact, with the error
// function), "relu" or "leaky_relu" (Slope for negative inputs).
type Activation struct {
	Fn    string
	Slope float64
}

// GELU is x·Φ(x), Φ the standard normal distribution function.
func (g *Graph) GELU(x *Node) *Node { return g.Apply(Activation{Fn: "gelu"}, x) }

// ReLU is max(x, 0).
func (g *Graph) ReLU(x *Node) *Node { return g.Apply(Activation{Fn: "relu"}, x) }

// LeakyReLU is x where positive and slope·x elsewhere.
func (g *Graph) LeakyReLU(x *Node, slope float64) *Node {
	return g.Apply(Activation{"leaky_relu", slope}, x)
}

func (k Activation) String() string { return fmt.Sprintf("%s(%g)", k.Fn, k.Slope) }

func (k Activation) Infer(in []Spec) ([]Spec, error) {
	switch k.Fn {
	case "gelu", "relu", "leaky_relu":
		return in[:1], nil
	}
	return nil, fmt.Errorf("unknown activation %q", k.Fn)
}

func (k Activation) InPlace(int) []int { return []int{0} }

func (k Activation) DiffWRT(int) bool { return true }

func (k Activation) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Apply(ActivationGrad(k), in[0], grad)}
}

func (k Activation) Do(in, out []Buf) { byDtype(k, in, out, activation[float32], activation[float64]) }

func activation[T Float](k Activation, in, out []Buf) {
	y := Of[T](out[0])
	for i, x := range Of[T](in[0]) {
		y[i] = T(k.at(float64(x)))
	}
}

func (k Activation) at(x float64) float64 {
	switch {
	case k.Fn == "gelu":
		return 0.5 * x * (1 + math.Erf(x/math.Sqrt2))
	case x <= 0:
		return k.Slope * x
	}
	return x
}

// ActivationGrad takes x, dy to dx = f′(x)·dy.
type ActivationGrad Activation

func (k ActivationGrad) String() string { return Activation(k).String() + ".grad" }

func (k ActivationGrad) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k ActivationGrad) InPlace(int) []int { return []int{1, 0} }

func (k ActivationGrad) Do(in, out []Buf) {
	byDtype(k, in, out, activationGrad[float32], activationGrad[float64])
}

func activationGrad[T Float](k ActivationGrad, in, out []Buf) {
	dx, dy := Of[T](out[0]), Of[T](in[1])
	for i, x := range Of[T](in[0]) {
		dx[i] = T(k.slope(float64(x))) * dy[i]
	}
}

func (k ActivationGrad) slope(x float64) float64 {
	switch {
	case k.Fn == "gelu": // Φ(x) + x·φ(x)
		return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	case x <= 0:
		return k.Slope
	}
	return 1
}
