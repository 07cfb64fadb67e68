package ops

import (
	"fmt"
	"math"
)

// CrossEntropy is the softmax cross-entropy per row,
// loss_b = -Σₖ t_bk·log p_bk, for logits and targets [..., K], a row being a
// sample or a point of one. Hard and smoothed labels come through OneHot, mixed
// ones through MixTargets. Outputs the loss [...] and, saved for the gradient,
// the probabilities [..., K].
type CrossEntropy struct{}

// CrossEntropy is the softmax cross-entropy per row.
func (g *Graph) CrossEntropy(logits, target *Node) *Node {
	return g.Apply(CrossEntropy{}, logits, target)
}

func (k CrossEntropy) String() string { return "cross_entropy" }

func (k CrossEntropy) Infer(in []Spec) ([]Spec, error) {
	loss, err := lossOf(in[0], in[1])
	return []Spec{loss, in[0]}, err
}

// lossOf is the loss of each row.
func lossOf(logits, target Spec) (Spec, error) {
	n := len(logits.Shape) - 1
	if n < 1 || !logits.Equal(target) {
		return Spec{}, fmt.Errorf("logits %v, targets %v", logits, target)
	}
	return logits.like(logits.Shape[:n]...), nil
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

// BCE is binary cross-entropy with logits per row, the mean over the K classes of
// max(z,0) - z·t + log(1+e^-|z|); logits and targets [..., K], loss [...].
type BCE struct{}

// BCE is the binary cross-entropy per row.
func (g *Graph) BCE(logits, target *Node) *Node { return g.Apply(BCE{}, logits, target) }

func (k BCE) String() string { return "bce" }

func (k BCE) Infer(in []Spec) ([]Spec, error) {
	loss, err := lossOf(in[0], in[1])
	return []Spec{loss}, err
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

// SampleMean is the mean of all of a sample's numbers, [B, ...] to [B]: the loss
// of a sample whose every point has one.
type SampleMean struct{}

// SampleMean averages each sample of x.
func (g *Graph) SampleMean(x *Node) *Node { return g.Apply(SampleMean{}, x) }

func (k SampleMean) String() string { return "sample_mean" }

func (k SampleMean) Infer(in []Spec) ([]Spec, error) { return []Spec{in[0].like(in[0].Shape[0])}, nil }

func (k SampleMean) DiffWRT(int) bool { return true }

func (k SampleMean) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Apply(SampleMeanGrad{SpecOf(in[0]).Shape}, grad)}
}

func (k SampleMean) Do(in, out []Buf) { byDtype(k, in, out, sampleMean[float32], sampleMean[float64]) }

func sampleMean[T Float](_ SampleMean, in, out []Buf) {
	mean := Of[T](out[0])
	n := in[0].Len() / len(mean)
	clear(mean)
	for i, v := range Of[T](in[0]) {
		mean[i/n] += v / T(n)
	}
}

// SampleMeanGrad spreads dy [B] evenly over samples of the given shape.
type SampleMeanGrad struct{ Shape []int }

func (k SampleMeanGrad) String() string { return fmt.Sprintf("sample_mean.grad(%v)", k.Shape) }

func (k SampleMeanGrad) Infer(in []Spec) ([]Spec, error) {
	if in[0].Len() != k.Shape[0] {
		return nil, fmt.Errorf("gradient %v does not fit samples %v", in[0].Shape, k.Shape)
	}
	return []Spec{in[0].like(k.Shape...)}, nil
}

func (k SampleMeanGrad) Do(in, out []Buf) {
	byDtype(k, in, out, sampleMeanGrad[float32], sampleMeanGrad[float64])
}

func sampleMeanGrad[T Float](_ SampleMeanGrad, in, out []Buf) {
	dy, dx := Of[T](in[0]), Of[T](out[0])
	n := len(dx) / len(dy)
	for i := range dx {
		dx[i] = dy[i/n] / T(n)
	}
}
