package ops

import (
	"fmt"
	"math"
	"slices"
)

// BatchNorm normalises each of the K features of x [..., K] over all rows:
// y = (x-μ)·ρ·γ + β, ρ = 1/√(σ²+ε). In training μ, σ² are the batch's (biased)
// and the running statistics become (1-Momentum)·running + Momentum·batch (with
// the unbiased variance), unless one of the batch's is not finite: a bad batch
// never reaches them. In evaluation they are the running ones. Inputs x, γ, β,
// running mean, running variance [K], Plain without γ and β; outputs y, μ, ρ,
// new running mean and variance.
type BatchNorm struct {
	Eps, Momentum float64
	Train         bool
	Plain         bool // γ is 1 and β 0
}

// BatchNorm applies batch normalisation; gamma and beta may be nil.
func (g *Graph) BatchNorm(x, gamma, beta, mean, variance *Node, k BatchNorm) *Node {
	if k.Plain = gamma == nil && beta == nil; k.Plain {
		return g.Apply(k, x, mean, variance)
	}
	return g.Apply(k, x, gamma, beta, mean, variance)
}

func (k BatchNorm) String() string {
	return fmt.Sprintf("batch_norm(%g,%g,train=%v,plain=%v)", k.Eps, k.Momentum, k.Train, k.Plain)
}

func (k BatchNorm) Infer(in []Spec) ([]Spec, error) {
	x, row := in[0], in[0].like(in[0].last())
	if affine := len(in) == 5; affine == k.Plain {
		return nil, fmt.Errorf("%d operands, want 5, or 3 without scale and shift", len(in))
	}
	for _, p := range in[1:] {
		if !slices.Equal(p.Shape, row.Shape) {
			return nil, fmt.Errorf("parameter %v does not fit input %v", p.Shape, x.Shape)
		}
	}
	if k.Train && x.rows() < 2 {
		return nil, fmt.Errorf("batch statistics of a single row")
	}
	return []Spec{x, row, row, row, row}, nil
}

func (k BatchNorm) DiffWRT(i int) bool { return i == 0 || i < 3 && !k.Plain }

func (k BatchNorm) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	mu, rho, d := g.Out(out, 1), g.Out(out, 2), BatchNormGrad{k.Train, k.Plain}
	if k.Plain {
		return []*Node{g.Apply(d, in[0], mu, rho, grad), nil, nil}
	}
	dx := g.Apply(d, in[0], in[1], mu, rho, grad)
	return []*Node{dx, g.Out(dx, 1), g.Out(dx, 2), nil, nil}
}

func (k BatchNorm) Do(in, out []Buf) { byDtype(k, in, out, batchNorm[float32], batchNorm[float64]) }

func batchNorm[T Float](k BatchNorm, in, out []Buf) {
	running := in[len(in)-2:]
	x, mu, rho, K := Of[T](in[0]), Of[T](out[1]), Of[T](out[2]), in[0].last()
	M := float64(in[0].rows())
	for c := range K {
		mean, variance := float64(Of[T](running[0])[c]), float64(Of[T](running[1])[c])
		Of[T](out[3])[c], Of[T](out[4])[c] = T(mean), T(variance)
		if k.Train {
			newMean, newVar := mean, variance
			mean, variance = columnMoments(x, c, K)
			Of[T](out[3])[c] = T(newMean + k.Momentum*(mean-newMean))
			Of[T](out[4])[c] = T(newVar + k.Momentum*(variance*M/(M-1)-newVar))
		}
		mu[c], rho[c] = T(mean), T(1/math.Sqrt(variance+k.Eps))
	}
	if !finite(Of[T](out[3])) || !finite(Of[T](out[4])) {
		copy(out[3].Raw(), running[0].Raw())
		copy(out[4].Raw(), running[1].Raw())
	}
	for i, v := range x {
		c := i % K
		if v = (v - mu[c]) * rho[c]; !k.Plain {
			v = v*Of[T](in[1])[c] + Of[T](in[2])[c]
		}
		Of[T](out[0])[i] = v
	}
}

// finite reports whether every number is.
func finite[T Float](x []T) bool {
	return !slices.ContainsFunc(x, func(v T) bool { return v-v != 0 })
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

// BatchNormGrad takes x, γ, μ, ρ, dy to dx, dγ, dβ; Plain without γ to dx
// alone. In training dx = γ·ρ·(dy - dβ/M - x̂·dγ/M), in evaluation γ·ρ·dy.
type BatchNormGrad struct{ Train, Plain bool }

func (k BatchNormGrad) String() string {
	return fmt.Sprintf("batch_norm.grad(train=%v,plain=%v)", k.Train, k.Plain)
}

func (k BatchNormGrad) Infer(in []Spec) ([]Spec, error) {
	if k.Plain {
		return in[:1], nil
	}
	return []Spec{in[0], in[1], in[1]}, nil
}

func (k BatchNormGrad) Do(in, out []Buf) {
	byDtype(k, in, out, batchNormGrad[float32], batchNormGrad[float64])
}

func batchNormGrad[T Float](k BatchNormGrad, in, out []Buf) {
	x, stats, dx, K := Of[T](in[0]), in[len(in)-3:], Of[T](out[0]), in[0].last()
	mu, rho, dy := Of[T](stats[0]), Of[T](stats[1]), Of[T](stats[2])
	M := T(in[0].rows())
	dgamma, dbeta := make([]T, K), make([]T, K)
	for i, d := range dy {
		dgamma[i%K] += d * (x[i] - mu[i%K]) * rho[i%K]
		dbeta[i%K] += d
	}
	for i, d := range dy {
		c := i % K
		if k.Train {
			d -= dbeta[c]/M + (x[i]-mu[c])*rho[c]*dgamma[c]/M
		}
		if dx[i] = rho[c] * d; !k.Plain {
			dx[i] *= Of[T](in[1])[c]
		}
	}
	if !k.Plain {
		copy(Of[T](out[1]), dgamma)
		copy(Of[T](out[2]), dbeta)
	}
}
