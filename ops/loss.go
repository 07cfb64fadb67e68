package ops

import (
	"fmt"
	"math"
)

// CrossEntropy is the softmax cross-entropy per sample,
// loss_b = -Σₖ t_bk·log p_bk, for logits and targets [B, K]. Hard and smoothed
// labels come through OneHot, mixed ones through MixTargets. Outputs the loss
// [B] and, saved for the gradient, the probabilities [B, K].
type CrossEntropy struct{}

// CrossEntropy is the softmax cross-entropy per sample.
func (g *Graph) CrossEntropy(logits, target *Node) *Node {
	return g.Apply(CrossEntropy{}, logits, target)
}

func (k CrossEntropy) String() string { return "cross_entropy" }

func (k CrossEntropy) Infer(in []Spec) ([]Spec, error) {
	if len(in[0].Shape) != 2 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("logits %v, targets %v", in[0], in[1])
	}
	return []Spec{in[0].like(in[0].Shape[0]), in[0]}, nil
}

func (k CrossEntropy) DiffWRT(i int) bool { return i == 0 }

func (k CrossEntropy) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	return []*Node{g.Apply(CrossEntropyGrad{}, g.Out(out, 1), in[1], grad), nil}
}

func (k CrossEntropy) Do(in, out []Buf) {
	byDtype(k, in, out, crossEntropy[float32], crossEntropy[float64])
}

func crossEntropy[T Float](_ CrossEntropy, in, out []Buf) {
	z, t, loss, p, K := Of[T](in[0]), Of[T](in[1]), Of[T](out[0]), Of[T](out[1]), in[0].last()
	for b := range loss {
		row := z[b*K:][:K]
		lse := softmaxRow(p[b*K:][:K], row)
		loss[b] = 0
		for i, v := range row {
			loss[b] += t[b*K+i] * (lse - v)
		}
	}
}

// CrossEntropyGrad takes p, t, dloss to dlogits = dloss·(p·Σt - t).
type CrossEntropyGrad struct{}

func (k CrossEntropyGrad) String() string { return "cross_entropy.grad" }

func (k CrossEntropyGrad) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k CrossEntropyGrad) Do(in, out []Buf) {
	byDtype(k, in, out, crossEntropyGrad[float32], crossEntropyGrad[float64])
}

func crossEntropyGrad[T Float](_ CrossEntropyGrad, in, out []Buf) {
	p, t, g, dz, K := Of[T](in[0]), Of[T](in[1]), Of[T](in[2]), Of[T](out[0]), in[0].last()
	for b, d := range g {
		var sum T
		for _, v := range t[b*K:][:K] {
			sum += v
		}
		for i := b * K; i < (b+1)*K; i++ {
			dz[i] = d * (p[i]*sum - t[i])
		}
	}
}

// BCE is binary cross-entropy with logits per sample, the mean over the K
// classes of max(z,0) - z·t + log(1+e^-|z|); logits and targets [B, K], loss [B].
type BCE struct{}

// BCE is the binary cross-entropy per sample.
func (g *Graph) BCE(logits, target *Node) *Node { return g.Apply(BCE{}, logits, target) }

func (k BCE) String() string { return "bce" }

func (k BCE) Infer(in []Spec) ([]Spec, error) {
	if len(in[0].Shape) != 2 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("logits %v, targets %v", in[0], in[1])
	}
	return []Spec{in[0].like(in[0].Shape[0])}, nil
}

func (k BCE) DiffWRT(i int) bool { return i == 0 }

func (k BCE) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Apply(BCEGrad{}, in[0], in[1], grad), nil}
}

func (k BCE) Do(in, out []Buf) { byDtype(k, in, out, bce[float32], bce[float64]) }

func bce[T Float](_ BCE, in, out []Buf) {
	loss, t, K := Of[T](out[0]), Of[T](in[1]), in[0].last()
	clear(loss)
	for i, z := range Of[T](in[0]) {
		l := max(z, 0) - z*t[i] + T(math.Log1p(math.Exp(-math.Abs(float64(z)))))
		loss[i/K] += l / T(K)
	}
}

// BCEGrad takes z, t, dloss to dz = dloss·(σ(z) - t)/K.
type BCEGrad struct{}

func (k BCEGrad) String() string { return "bce.grad" }

func (k BCEGrad) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k BCEGrad) Do(in, out []Buf) { byDtype(k, in, out, bceGrad[float32], bceGrad[float64]) }

func bceGrad[T Float](_ BCEGrad, in, out []Buf) {
	t, g, dz, K := Of[T](in[1]), Of[T](in[2]), Of[T](out[0]), in[0].last()
	for i, z := range Of[T](in[0]) {
		dz[i] = g[i/K] * (T(1/(1+math.Exp(-float64(z)))) - t[i]) / T(K)
	}
}
