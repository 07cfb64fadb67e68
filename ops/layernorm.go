package ops

import (
	"fmt"
	"math"
	"slices"
)

// LayerNorm normalises the last dimension: y = (x-μ)·ρ·γ + β with
// ρ = 1/√(σ²+ε), σ² the biased variance. Inputs x [..., D], γ [D], β [D];
// outputs y and, saved for the gradient, μ and ρ [rows].
type LayerNorm struct{ Eps float64 }

// LayerNorm applies layer normalisation.
func (g *Graph) LayerNorm(x, gamma, beta *Node, eps float64) *Node {
	return g.Apply(LayerNorm{eps}, x, gamma, beta)
}

func (k LayerNorm) String() string { return fmt.Sprintf("layer_norm(eps=%g)", k.Eps) }

func (k LayerNorm) Infer(in []Spec) ([]Spec, error) {
	x := in[0]
	for _, p := range in[1:] {
		if !slices.Equal(p.Shape, []int{x.last()}) {
			return nil, fmt.Errorf("parameter %v does not fit input %v", p.Shape, x.Shape)
		}
	}
	stat := x.like(x.rows())
	return []Spec{x, stat, stat}, nil
}

func (k LayerNorm) DiffWRT(int) bool { return true }

func (k LayerNorm) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	dx := g.Apply(LayerNormGrad{}, in[0], in[1], g.Out(out, 1), g.Out(out, 2), grad)
	return []*Node{dx, g.Out(dx, 1), g.Out(dx, 2)}
}

func (k LayerNorm) Do(in, out []Buf) { byDtype(k, in, out, layerNorm[float32], layerNorm[float64]) }

func layerNorm[T Float](k LayerNorm, in, out []Buf) {
	gamma, beta := Of[T](in[1]), Of[T](in[2])
	y, mu, rho := Of[T](out[0]), Of[T](out[1]), Of[T](out[2])
	D := len(gamma)
	for r := range mu {
		x := Of[T](in[0])[r*D:][:D]
		var mean, variance T
		for _, v := range x {
			mean += v
		}
		mean /= T(D)
		for _, v := range x {
			variance += (v - mean) * (v - mean)
		}
		mu[r], rho[r] = mean, T(1/math.Sqrt(float64(variance)/float64(D)+k.Eps))
		for i, v := range x {
			y[r*D+i] = (v-mean)*rho[r]*gamma[i] + beta[i]
		}
	}
}

// LayerNormGrad takes x, γ, μ, ρ, dy to dx, dγ, dβ. With x̂ = (x-μ)·ρ and
// h = dy·γ: dx = ρ·(h - mean(h) - x̂·mean(h·x̂)), dγ = Σ dy·x̂, dβ = Σ dy.
type LayerNormGrad struct{}

func (k LayerNormGrad) String() string { return "layer_norm.grad" }

func (k LayerNormGrad) Infer(in []Spec) ([]Spec, error) { return []Spec{in[0], in[1], in[1]}, nil }

func (k LayerNormGrad) Do(in, out []Buf) {
	byDtype(k, in, out, layerNormGrad[float32], layerNormGrad[float64])
}

func layerNormGrad[T Float](_ LayerNormGrad, in, out []Buf) {
	x, gamma, mu, rho, dy := Of[T](in[0]), Of[T](in[1]), Of[T](in[2]), Of[T](in[3]), Of[T](in[4])
	dx, dgamma, dbeta := Of[T](out[0]), Of[T](out[1]), Of[T](out[2])
	D := len(gamma)
	clear(dgamma)
	clear(dbeta)
	for r := range mu {
		var h, hx T
		for i, g := range gamma {
			xhat, d := (x[r*D+i]-mu[r])*rho[r], dy[r*D+i]
			dgamma[i] += d * xhat
			dbeta[i] += d
			h += d * g
			hx += d * g * xhat
		}
		h, hx = h/T(D), hx/T(D)
		for i, g := range gamma {
			xhat := (x[r*D+i] - mu[r]) * rho[r]
			dx[r*D+i] = rho[r] * (dy[r*D+i]*g - h - xhat*hx)
		}
	}
}
