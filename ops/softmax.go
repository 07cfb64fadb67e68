package ops

import (
	"fmt"
	"math"
)

// Softmax is the softmax over the last dimension, or its logarithm.
type Softmax struct{ Log bool }

// Softmax is exp(xᵢ) / Σⱼ exp(xⱼ) over the last dimension.
func (g *Graph) Softmax(x *Node) *Node { return g.Apply(Softmax{}, x) }

// LogSoftmax is the logarithm of the softmax over the last dimension.
func (g *Graph) LogSoftmax(x *Node) *Node { return g.Apply(Softmax{Log: true}, x) }

func (k Softmax) String() string { return fmt.Sprintf("softmax(log=%v)", k.Log) }

func (k Softmax) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k Softmax) DiffWRT(int) bool { return true }

func (k Softmax) SymDiff(g *Graph, _ []*Node, out, grad *Node) []*Node {
	return []*Node{g.Apply(SoftmaxGrad(k), out, grad)}
}

func (k Softmax) Do(in, out []Buf) { byDtype(k, in, out, softmax[float32], softmax[float64]) }

func softmax[T Float](k Softmax, in, out []Buf) {
	x, y, K := Of[T](in[0]), Of[T](out[0]), in[0].last()
	for r := 0; r < len(x); r += K {
		lse := softmaxRow(y[r:r+K], x[r:r+K])
		if k.Log {
			for i, v := range x[r : r+K] {
				y[r+i] = v - lse
			}
		}
	}
}

// softmaxRow writes the softmax of x to y, which may be x, and returns
// log Σ exp(x), both relative to the maximum so that nothing overflows.
func softmaxRow[T Float](y, x []T) T {
	top := T(math.Inf(-1))
	for _, v := range x {
		top = max(top, v)
	}
	var sum T
	for i, v := range x {
		y[i] = T(math.Exp(float64(v - top)))
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return top + T(math.Log(float64(sum)))
}

// SoftmaxGrad takes y, dy to dx: y·(dy - ⟨y, dy⟩), or dy - exp(y)·Σ dy for the
// logarithm.
type SoftmaxGrad Softmax

func (k SoftmaxGrad) String() string { return Softmax(k).String() + ".grad" }

func (k SoftmaxGrad) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k SoftmaxGrad) Do(in, out []Buf) {
	byDtype(k, in, out, softmaxGrad[float32], softmaxGrad[float64])
}

func softmaxGrad[T Float](k SoftmaxGrad, in, out []Buf) {
	K := in[0].last()
	for r := 0; r < in[0].Len(); r += K {
		y, dy, dx := Of[T](in[0])[r:r+K], Of[T](in[1])[r:r+K], Of[T](out[0])[r:r+K]
		if !k.Log {
			s := inner(y, dy)
			for i := range dx {
				dx[i] = y[i] * (dy[i] - s)
			}
			continue
		}
		var s T
		for _, d := range dy {
			s += d
		}
		for i := range dx {
			dx[i] = dy[i] - T(math.Exp(float64(y[i])))*s
		}
	}
}
