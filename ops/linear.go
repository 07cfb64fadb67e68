package ops

import (
	"fmt"
	"slices"
)

// Linear is y = x·Wᵀ + b over the last dimension of x [..., K], with W [out, ...]
// whose trailing dimensions together are K (so a patch convolution's weight
// [D, C, P, P] serves as it is). Bias is optional.
type Linear struct{ Bias bool }

// Linear applies a linear layer; b may be nil.
func (g *Graph) Linear(x, w, b *Node) *Node {
	if b == nil {
		return g.Apply(Linear{}, x, w)
	}
	return g.Apply(Linear{Bias: true}, x, w, b)
}

func (k Linear) String() string { return fmt.Sprintf("linear(bias=%v)", k.Bias) }

func (k Linear) Infer(in []Spec) ([]Spec, error) {
	x, w := in[0], in[1]
	if w.Len()/w.Shape[0] != x.last() {
		return nil, fmt.Errorf("weight %v does not fit input %v", w.Shape, x.Shape)
	}
	if k.Bias && !slices.Equal(in[2].Shape, w.Shape[:1]) {
		return nil, fmt.Errorf("bias %v does not fit weight %v", in[2].Shape, w.Shape)
	}
	return []Spec{x.withLast(w.Shape[0])}, nil
}

func (s Spec) withLast(n int) Spec {
	shape := slices.Clone(s.Shape)
	shape[len(shape)-1] = n
	return s.like(shape...)
}

func (k Linear) FLOPs(in, out []Spec) int64 { return 2 * int64(out[0].Len()) * int64(in[0].last()) }

func (k Linear) DiffWRT(int) bool { return true }

func (k Linear) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	x, w := in[0], in[1]
	grads := []*Node{
		g.Apply(LinearGradX{}, grad, w),
		g.Apply(LinearGradW{SpecOf(w).Shape}, grad, x),
	}
	if k.Bias {
		grads = append(grads, g.Apply(SumRows{}, grad))
	}
	return grads
}

func (k Linear) Do(in, out []Buf) { byDtype(k, in, out, linear[float32], linear[float64]) }

func linear[T Float](k Linear, in, out []Buf) {
	x, w, y := Of[T](in[0]), Of[T](in[1]), Of[T](out[0])
	K, N := in[0].last(), out[0].last()
	for i := range y {
		xr, wr := x[i/N*K:][:K], w[i%N*K:][:K]
		var s T
		for j, v := range xr {
			s += v * wr[j]
		}
		if k.Bias {
			s += Of[T](in[2])[i%N]
		}
		y[i] = s
	}
}

// LinearGradX is dx = dy·W of a linear layer: dy [..., out], W [out, ...].
type LinearGradX struct{}

func (k LinearGradX) String() string { return "linear.dx" }

func (k LinearGradX) Infer(in []Spec) ([]Spec, error) {
	dy, w := in[0], in[1]
	if dy.last() != w.Shape[0] {
		return nil, fmt.Errorf("gradient %v does not fit weight %v", dy.Shape, w.Shape)
	}
	return []Spec{dy.withLast(w.Len() / w.Shape[0])}, nil
}

func (k LinearGradX) FLOPs(in, out []Spec) int64 {
	return 2 * int64(out[0].Len()) * int64(in[0].last())
}

func (k LinearGradX) Do(in, out []Buf) {
	byDtype(k, in, out, linearGradX[float32], linearGradX[float64])
}

func linearGradX[T Float](_ LinearGradX, in, out []Buf) {
	dy, w, dx := Of[T](in[0]), Of[T](in[1]), Of[T](out[0])
	N, K := in[0].last(), out[0].last()
	clear(dx)
	for i, d := range dy {
		row := dx[i/N*K:][:K]
		for j, v := range w[i%N*K:][:K] {
			row[j] += d * v
		}
	}
}

// LinearGradW is dW = dyᵀ·x of a linear layer, summed over all rows; Shape is
// the weight's.
type LinearGradW struct{ Shape []int }

func (k LinearGradW) String() string { return fmt.Sprintf("linear.dw(%v)", k.Shape) }

func (k LinearGradW) Infer(in []Spec) ([]Spec, error) {
	dy, x := in[0], in[1]
	w := dy.like(k.Shape...)
	if dy.rows() != x.rows() || w.Shape[0] != dy.last() || w.rows()*w.last() != dy.last()*x.last() {
		return nil, fmt.Errorf("gradient %v and input %v do not give weight %v", dy.Shape, x.Shape, k.Shape)
	}
	return []Spec{w}, nil
}

func (k LinearGradW) FLOPs(in, out []Spec) int64 {
	return 2 * int64(in[0].Len()) * int64(in[1].last())
}

func (k LinearGradW) Do(in, out []Buf) {
	byDtype(k, in, out, linearGradW[float32], linearGradW[float64])
}

func linearGradW[T Float](_ LinearGradW, in, out []Buf) {
	dy, x, dw := Of[T](in[0]), Of[T](in[1]), Of[T](out[0])
	N, K := in[0].last(), in[1].last()
	clear(dw)
	for i, d := range dy {
		row := dw[i%N*K:][:K]
		for j, v := range x[i/N*K:][:K] {
			row[j] += d * v
		}
	}
}

// SumRows sums x [..., K] over all rows to [K]: the bias gradient.
type SumRows struct{}

func (k SumRows) String() string { return "sum_rows" }

func (k SumRows) Infer(in []Spec) ([]Spec, error) { return []Spec{in[0].like(in[0].last())}, nil }

func (k SumRows) Do(in, out []Buf) { byDtype(k, in, out, sumRows[float32], sumRows[float64]) }

func sumRows[T Float](_ SumRows, in, out []Buf) {
	s := Of[T](out[0])
	clear(s)
	for i, v := range Of[T](in[0]) {
		s[i%len(s)] += v
	}
}
