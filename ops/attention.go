package ops

import (
	"fmt"
	"math"
)

// Attention is multi-head self-attention over packed qkv [B, N, 3D], rows
// ordered q, k, v, then head: per head o = softmax(q·kᵀ/√(D/H))·v. Outputs o
// [B, N, D] and, saved for the gradient, the logarithm of each softmax's
// denominator (log-sum-exp) [B, H, N].
type Attention struct{ Heads int }

// Attention applies multi-head self-attention with the given number of heads.
func (g *Graph) Attention(qkv *Node, heads int) *Node { return g.Apply(Attention{heads}, qkv) }

func (k Attention) String() string { return fmt.Sprintf("attention(heads=%d)", k.Heads) }

func (k Attention) Infer(in []Spec) ([]Spec, error) {
	s := in[0].Shape
	if len(s) != 3 || k.Heads <= 0 || s[2]%(3*k.Heads) != 0 {
		return nil, fmt.Errorf("qkv %v does not split into 3 times %d heads", s, k.Heads)
	}
	return []Spec{in[0].like(s[0], s[1], s[2]/3), in[0].like(s[0], k.Heads, s[1])}, nil
}

func (k Attention) FLOPs(in, out []Spec) int64 {
	return 4 * int64(out[0].Len()) * int64(in[0].Shape[1]) // q·kᵀ and p·v
}

func (k Attention) DiffWRT(int) bool { return true }

func (k Attention) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	return []*Node{g.Apply(AttentionGrad(k), in[0], out, g.Out(out, 1), grad)}
}

func (k Attention) Do(in, out []Buf) { byDtype(k, in, out, attention[float32], attention[float64]) }

// heads walks over batch and head; q, k, v return row n of the head at hand.
type heads[T Float] struct {
	N, D, Dh int
	scale    T
	qkv      []T
}

func newHeads[T Float](qkv Buf, h int) heads[T] {
	N, D := qkv.Shape[1], qkv.Shape[2]/3
	return heads[T]{N, D, D / h, T(1 / math.Sqrt(float64(D/h))), Of[T](qkv)}
}

// row is part p (0 q, 1 k, 2 v) of token n in a packed tensor; out is the same
// for an unpacked one [B, N, D].
func (a heads[T]) row(packed []T, b, h, p, n int) []T {
	return packed[(b*a.N+n)*3*a.D+p*a.D+h*a.Dh:][:a.Dh]
}

func (a heads[T]) out(o []T, b, h, n int) []T { return o[(b*a.N+n)*a.D+h*a.Dh:][:a.Dh] }

// score is q·k/√Dh of tokens n and m.
func (a heads[T]) score(b, h, n, m int) T {
	return a.scale * inner(a.row(a.qkv, b, h, 0, n), a.row(a.qkv, b, h, 1, m))
}

func inner[T Float](x, y []T) T {
	var s T
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

func addScaled[T Float](y []T, a T, x []T) {
	for i, v := range x {
		y[i] += a * v
	}
}

func attention[T Float](k Attention, in, out []Buf) {
	a := newHeads[T](in[0], k.Heads)
	o, lse := Of[T](out[0]), Of[T](out[1])
	clear(o)
	p := make([]T, a.N)
	for i := range lse {
		b, h, n := i/a.N/k.Heads, i/a.N%k.Heads, i%a.N
		for m := range p {
			p[m] = a.score(b, h, n, m)
		}
		lse[i] = softmaxRow(p, p)
		for m, w := range p {
			addScaled(a.out(o, b, h, n), w, a.row(a.qkv, b, h, 2, m))
		}
	}
}

// AttentionGrad takes qkv, o, log-sum-exp, do to dqkv. The probabilities are
// recomputed, p = exp(s - lse); with δ = ⟨do, o⟩ per row, ds = p·(do·vᵀ - δ).
type AttentionGrad Attention

func (k AttentionGrad) String() string { return Attention(k).String() + ".grad" }

func (k AttentionGrad) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k AttentionGrad) FLOPs(in, out []Spec) int64 {
	return 10 * int64(in[1].Len()) * int64(in[0].Shape[1]) // s, dp, dv, dq, dk
}

func (k AttentionGrad) Do(in, out []Buf) {
	byDtype(k, in, out, attentionGrad[float32], attentionGrad[float64])
}

func attentionGrad[T Float](k AttentionGrad, in, out []Buf) {
	a := newHeads[T](in[0], k.Heads)
	o, lse, do, d := Of[T](in[1]), Of[T](in[2]), Of[T](in[3]), Of[T](out[0])
	clear(d)
	for i, l := range lse {
		b, h, n := i/a.N/k.Heads, i/a.N%k.Heads, i%a.N
		g := a.out(do, b, h, n)
		delta := inner(g, a.out(o, b, h, n))
		for m := range a.N {
			p := T(math.Exp(float64(a.score(b, h, n, m) - l)))
			ds := a.scale * p * (inner(g, a.row(a.qkv, b, h, 2, m)) - delta)
			addScaled(a.row(d, b, h, 2, m), p, g)
			addScaled(a.row(d, b, h, 0, n), ds, a.row(a.qkv, b, h, 1, m))
			addScaled(a.row(d, b, h, 1, m), ds, a.row(a.qkv, b, h, 0, n))
		}
	}
}

// SplitBias packs the biases of q and v [D] into that of a qkv layer,
// [q, 0, v] of length 3D: attention whose keys have no bias.
type SplitBias struct{}

// SplitBias packs q and v biases.
func (g *Graph) SplitBias(q, v *Node) *Node { return g.Apply(SplitBias{}, q, v) }

func (k SplitBias) String() string { return "split_bias" }

func (k SplitBias) Infer(in []Spec) ([]Spec, error) {
	if len(in[0].Shape) != 1 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("biases %v and %v", in[0].Shape, in[1].Shape)
	}
	return []Spec{in[0].like(3 * in[0].Len())}, nil
}

func (k SplitBias) DiffWRT(int) bool { return true }

func (k SplitBias) SymDiff(g *Graph, _ []*Node, _, grad *Node) []*Node {
	dq := g.Apply(SplitBiasGrad{}, grad)
	return []*Node{dq, g.Out(dq, 1)}
}

func (k SplitBias) Do(in, out []Buf) {
	q, v, y := in[0].Raw(), in[1].Raw(), out[0].Raw()
	clear(y)
	copy(y, q)
	copy(y[2*len(q):], v)
}

// SplitBiasGrad cuts the gradient of a packed bias [3D] into those of q and v.
type SplitBiasGrad struct{}

func (k SplitBiasGrad) String() string { return "split_bias.grad" }

func (k SplitBiasGrad) Infer(in []Spec) ([]Spec, error) {
	s := in[0].like(in[0].Len() / 3)
	return []Spec{s, s}, nil
}

func (k SplitBiasGrad) Do(in, out []Buf) {
	g, n := in[0].Raw(), out[0].Bytes()
	copy(out[0].Raw(), g[:n])
	copy(out[1].Raw(), g[2*n:])
}
