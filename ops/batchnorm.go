package ops

import (
	"fmt"
	"math"
	"slices"
)

// BatchNorm normalises each of the K features of x [..., K] over all rows:
// y = (x-μ)·ρ·γ + β, ρ = 1/√(σ²+ε). In training μ, σ² are the batch's (biased)
// and the running statistics become (1-Momentum)·running + Momentum·batch (with
// the unbiased variance); in evaluation they are the running ones. Inputs x, γ,
// β, running mean, running variance [K]; outputs y, μ, ρ, new running mean and
// variance.
type BatchNorm struct {
	Eps, Momentum float64
	Train         bool
}

// BatchNorm applies batch normalisation.
func (g *Graph) BatchNorm(x, gamma, beta, mean, variance *Node, k BatchNorm) *Node {
	return g.Apply(k, x, gamma, beta, mean, variance)
}

func (k BatchNorm) String() string {
	return fmt.Sprintf("batch_norm(%g,%g,train=%v)", k.Eps, k.Momentum, k.Train)
}

func (k BatchNorm) Infer(in []Spec) ([]Spec, error) {
	x := in[0]
	for _, p := range in[1:] {
		if !slices.Equal(p.Shape, []int{x.last()}) {
			return nil, fmt.Errorf("parameter %v does not fit input %v", p.Shape, x.Shape)
		}
	}
	if k.Train && x.rows() < 2 {
		return nil, fmt.Errorf("batch statistics of a single row")
	}
	return []Spec{x, in[1], in[1], in[1], in[1]}, nil
}

func (k BatchNorm) DiffWRT(i int) bool { return i < 3 }

func (k BatchNorm) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	dx := g.Apply(BatchNormGrad{k.Train}, in[0], in[1], g.Out(out, 1), g.Out(out, 2), grad)
	return []*Node{dx, g.Out(dx, 1), g.Out(dx, 2), nil, nil}
}

func (k BatchNorm) Do(in, out []Buf) { byDtype(k, in, out, batchNorm[float32], batchNorm[float64]) }

func batchNorm[T Float](k BatchNorm, in, out []Buf) {
	x, gamma, beta := Of[T](in[0]), Of[T](in[1]), Of[T](in[2])
	y, mu, rho, K := Of[T](out[0]), Of[T](out[1]), Of[T](out[2]), in[0].last()
	M := float64(in[0].rows())
	for c := range K {
		mean, variance := float64(Of[T](in[3])[c]), float64(Of[T](in[4])[c])
		newMean, newVar := mean, variance
		if k.Train {
			mean, variance = columnMoments(x, c, K)
			newMean += k.Momentum * (mean - newMean)
			newVar += k.Momentum * (variance*M/(M-1) - newVar)
		}
		mu[c], rho[c] = T(mean), T(1/math.Sqrt(variance+k.Eps))
		Of[T](out[3])[c], Of[T](out[4])[c] = T(newMean), T(newVar)
	}
	for i, v := range x {
		c := i % K
		y[i] = (v-mu[c])*rho[c]*gamma[c] + beta[c]
	}
}

// columnMoments are mean and biased variance of column c of x [M, K].
func columnMoments[T Float](x []T, c, K int) (mean, variance float64) {
	M := float64(len(x) / K)
	for i := c; i < len(x); i += K {
		mean += float64(x[i]) / M
	}
	for i := c; i < len(x); i += K {
		d := float64(x[i]) - mean
		variance += d * d / M
	}
	return mean, variance
}

// BatchNormGrad takes x, γ, μ, ρ, dy to dx, dγ, dβ. In training
// dx = γ·ρ·(dy - dβ/M - x̂·dγ/M), in evaluation γ·ρ·dy.
type BatchNormGrad struct{ Train bool }

func (k BatchNormGrad) String() string { return fmt.Sprintf("batch_norm.grad(train=%v)", k.Train) }

func (k BatchNormGrad) Infer(in []Spec) ([]Spec, error) { return []Spec{in[0], in[1], in[1]}, nil }

func (k BatchNormGrad) Do(in, out []Buf) {
	byDtype(k, in, out, batchNormGrad[float32], batchNormGrad[float64])
}

func batchNormGrad[T Float](k BatchNormGrad, in, out []Buf) {
	x, gamma, mu, rho, dy := Of[T](in[0]), Of[T](in[1]), Of[T](in[2]), Of[T](in[3]), Of[T](in[4])
	dx, dgamma, dbeta, K := Of[T](out[0]), Of[T](out[1]), Of[T](out[2]), in[0].last()
	M := T(in[0].rows())
	clear(dgamma)
	clear(dbeta)
	for i, d := range dy {
		dgamma[i%K] += d * (x[i] - mu[i%K]) * rho[i%K]
		dbeta[i%K] += d
	}
	for i, d := range dy {
		c := i % K
		if k.Train {
			d -= dbeta[c]/M + (x[i]-mu[c])*rho[c]*dgamma[c]/M
		}
		dx[i] = gamma[c] * rho[c] * d
	}
}
