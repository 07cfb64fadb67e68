package ops

import (
	"fmt"
	"math"
)

// Constants of cosine attention as its authors published them (Liu et al.,
// "Swin Transformer V2", CVPR 2022): the scale is at most ln 100, τ at least 1/100,
// and a row of no length is divided by this instead.
const (
	cosineMaxScale = 4.6052
	cosineMinTau   = 0.01
	cosineEps      = 1e-12
)

// CosineQK makes Attention behind it cosine attention: of packed qkv
// [B, N, 3D] and one learned scale s per head (H elements) it makes, head by
// head,
//
//	q′ = q/|q| · exp(min(s, ln 100)) · √(D/H),  k′ = k/|k|,  v′ = v
//
// whose product is √(D/H), which Attention divides by, times the scaled cosine
// of the angle between q and k. With Tau the learned number is τ, as the paper has it
// and AudioMAE's decoder: 1/max(τ, 0.01) stands in the place of exp(min(s, ln 100)).
type CosineQK struct {
	Heads int
	Tau   bool
}

// CosineQK normalises queries and keys for cosine attention.
func (g *Graph) CosineQK(qkv, scale *Node, heads int) *Node {
	return g.Apply(CosineQK{Heads: heads}, qkv, scale)
}

// CosineTau is CosineQK with τ instead of the scale.
func (g *Graph) CosineTau(qkv, tau *Node, heads int) *Node {
	return g.Apply(CosineQK{Heads: heads, Tau: true}, qkv, tau)
}

func (k CosineQK) String() string { return fmt.Sprintf("cosine_qk(heads=%d,tau=%v)", k.Heads, k.Tau) }

func (k CosineQK) Infer(in []Spec) ([]Spec, error) {
	if _, err := (Attention{k.Heads}).Infer(in[:1]); err != nil {
		return nil, err
	}
	if in[1].Len() != k.Heads {
		return nil, fmt.Errorf("scale %v, want one number for each of %d heads", in[1].Shape, k.Heads)
	}
	return in[:1], nil
}

func (k CosineQK) DiffWRT(int) bool { return true }

func (k CosineQK) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	dqkv := g.Apply(CosineQKGrad(k), in[0], in[1], grad)
	return []*Node{dqkv, g.Out(dqkv, 1)}
}

// Factor is what the unit vectors of a head's queries are multiplied by, and
// how it changes with the head's scale, or τ.
func (k CosineQK) Factor(scale float64, width int) (factor, slope float64) {
	if k.Tau {
		factor = math.Sqrt(float64(width)) / max(scale, cosineMinTau)
		if scale >= cosineMinTau {
			slope = -factor / scale
		}
		return factor, slope
	}
	factor = math.Exp(min(scale, cosineMaxScale)) * math.Sqrt(float64(width))
	if scale <= cosineMaxScale {
		slope = factor
	}
	return factor, slope
}

// CosineLength is the length of a vector given its square, as CosineQK divides
// by it.
func CosineLength(square float64) float64 { return max(math.Sqrt(square), cosineEps) }

func (k CosineQK) Do(in, out []Buf) { byDtype(k, in, out, cosineQK[float32], cosineQK[float64]) }

func cosineQK[T Float](k CosineQK, in, out []Buf) {
	a, y := newHeads[T](in[0], k.Heads), Of[T](out[0])
	copy(y, a.qkv)
	for i := range in[0].Shape[0] * k.Heads * a.N {
		b, h, n := i/a.N/k.Heads, i/a.N%k.Heads, i%a.N
		factor, _ := k.Factor(float64(Of[T](in[1])[h]), a.Dh)
		scaleUnit(a.row(y, b, h, 0, n), factor)
		scaleUnit(a.row(y, b, h, 1, n), 1)
	}
}

// scaleUnit gives x the length factor.
func scaleUnit[T Float](x []T, factor float64) {
	f := T(factor / CosineLength(float64(inner(x, x))))
	for i := range x {
		x[i] *= f
	}
}

// CosineQKGrad takes qkv, scale, dqkv′ to dqkv and dscale. With û = u/|u|, the
// gradient of f·û is f/|u|·(d - û·⟨û, d⟩); dscale is the sum of f′·⟨û, d⟩ of the
// queries over samples and tokens, f′ = 0 where the scale is cut off.
type CosineQKGrad CosineQK

func (k CosineQKGrad) String() string { return CosineQK(k).String() + ".grad" }

func (k CosineQKGrad) Infer(in []Spec) ([]Spec, error) { return in[:2], nil }

func (k CosineQKGrad) Do(in, out []Buf) {
	byDtype(k, in, out, cosineQKGrad[float32], cosineQKGrad[float64])
}

func cosineQKGrad[T Float](k CosineQKGrad, in, out []Buf) {
	a, d, dscale := newHeads[T](in[0], k.Heads), Of[T](out[0]), Of[T](out[1])
	copy(d, Of[T](in[2]))
	clear(dscale)
	for i := range in[0].Shape[0] * k.Heads * a.N {
		b, h, n := i/a.N/k.Heads, i/a.N%k.Heads, i%a.N
		factor, slope := CosineQK(k).Factor(float64(Of[T](in[1])[h]), a.Dh)
		along := unitGrad(a.row(d, b, h, 0, n), a.row(a.qkv, b, h, 0, n), factor)
		unitGrad(a.row(d, b, h, 1, n), a.row(a.qkv, b, h, 1, n), 1)
		dscale[h] += T(slope) * along
	}
}

// unitGrad turns the gradient d of f·û into that of u and returns ⟨û, d⟩.
func unitGrad[T Float](d, u []T, f float64) (along T) {
	length := CosineLength(float64(inner(u, u)))
	along = inner(u, d) / T(length)
	for i, v := range u {
		d[i] = T(f/length) * (d[i] - v/T(length)*along)
	}
	return along
}
