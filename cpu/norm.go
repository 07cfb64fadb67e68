package cpu

import (
	"math"

	"m2pt/ops"
)

func (c call) layerNorm(k ops.LayerNorm) func() {
	x, gamma, beta := c.x(0), c.x(1), c.x(2)
	y, mean, rstd := c.y(0), c.y(1), c.y(2)
	D := len(gamma)
	return c.rows(len(mean), D, func(lo, hi int) {
		c.k.LayerNorm(y[lo*D:hi*D], mean[lo:hi], rstd[lo:hi], x[lo*D:hi*D], gamma, beta, float32(k.Eps))
	})
}

func (c call) layerNormGrad() func() {
	x, gamma, mean, rstd, dy := c.x(0), c.x(1), c.x(2), c.x(3), c.x(4)
	dx, dgamma, dbeta := c.y(0), c.y(1), c.y(2)
	return func() { c.work.LayerNormGrad(dx, dgamma, dbeta, dy, x, gamma, mean, rstd) }
}

// statPiece is how many rows of a batch norm make one partial sum.
const statPiece = 64

// centredSums returns what computes sum[j] = Σ (x-μ)·y over the rows of
// [M, K], or Σ (x-μ)² where y is nil: a partial sum for every piece of rows,
// then these in order. It uses K numbers of each worker's scratch.
func (c call) centredSums(sum, x, mu, y []float32) func() {
	K := len(sum)
	c.reserve(K)
	M := len(x) / K
	partial := make([]float32, (M+statPiece-1)/statPiece*K)
	piece := func(worker, lo, hi int) {
		part, centred := partial[lo/statPiece*K:][:K], c.scratch[worker][:K]
		clear(part)
		for r := lo * K; r < hi*K; r += K {
			c.k.Combine(centred, 1, x[r:r+K], -1, mu)
			if y == nil {
				c.k.Mul(centred, centred, centred)
			} else {
				c.k.Mul(centred, centred, y[r:r+K])
			}
			c.k.Combine(part, 1, part, 1, centred)
		}
	}
	return func() {
		c.pool.Range(M, statPiece, piece)
		clear(sum)
		for i := 0; i < len(partial); i += K {
			c.k.Combine(sum, 1, sum, 1, partial[i:i+K])
		}
	}
}

// batchNorm finds mean, variance about the mean, then y = (x-μ)·(ργ) + β.
func (c call) batchNorm(k ops.BatchNorm) func() {
	x, gamma, beta, mean, variance := c.x(0), c.x(1), c.x(2), c.x(3), c.x(4)
	y, mu, rho := c.y(0), c.y(1), c.y(2)
	K := len(gamma)
	M := len(x) / K
	sigma2, slope := make([]float32, K), make([]float32, K)
	squares := c.centredSums(sigma2, x, mu, nil)
	normalise := c.rows(M, K, func(lo, hi int) {
		for r := lo * K; r < hi*K; r += K {
			row := y[r : r+K]
			c.k.Combine(row, 1, x[r:r+K], -1, mu)
			c.k.Mul(row, row, slope)
			c.k.Combine(row, 1, row, 1, beta)
		}
	})
	return func() {
		if k.Train {
			c.work.ColumnSums(mu, x)
			c.k.Scale(mu, 1/float32(M), mu)
			squares()
			c.k.Scale(sigma2, 1/float32(M), sigma2)
			move(c.y(3), mean, mu, k.Momentum, 1)
			move(c.y(4), variance, sigma2, k.Momentum, float64(M)/float64(M-1))
		} else {
			copy(mu, mean)
			copy(sigma2, variance)
			copy(c.y(3), mean)
			copy(c.y(4), variance)
		}
		for j, v := range sigma2 {
			rho[j] = float32(1 / math.Sqrt(float64(v)+k.Eps))
		}
		c.k.Mul(slope, rho, gamma)
		normalise()
	}
}

// move is the running statistic running + momentum·(factor·batch - running).
func move(y, running, batch []float32, momentum, factor float64) {
	for j, r := range running {
		y[j] = float32(float64(r) + momentum*(factor*float64(batch[j])-float64(r)))
	}
}

// batchNormGrad sums dβ = Σ dy and dγ = ρ·Σ (x-μ)·dy, then
// dx = γρ·(dy - dβ/M) - (x-μ)·(γρ²·dγ/M), in evaluation γρ·dy.
func (c call) batchNormGrad(k ops.BatchNormGrad) func() {
	x, gamma, mu, rho, dy := c.x(0), c.x(1), c.x(2), c.x(3), c.x(4)
	dx, dgamma, dbeta := c.y(0), c.y(1), c.y(2)
	K := len(gamma)
	M := len(x) / K
	slope, pull := make([]float32, K), make([]float32, K)
	products := c.centredSums(dgamma, x, mu, dy)
	piece := func(worker, lo, hi int) {
		centred := c.scratch[worker][:K]
		for r := lo * K; r < hi*K; r += K {
			row := dx[r : r+K]
			if !k.Train {
				c.k.Mul(row, slope, dy[r:r+K])
				continue
			}
			c.k.Combine(row, 1, dy[r:r+K], -1/float32(M), dbeta)
			c.k.Mul(row, row, slope)
			c.k.Combine(centred, 1, x[r:r+K], -1, mu)
			c.k.Mul(centred, centred, pull)
			c.k.Combine(row, 1, row, -1, centred)
		}
	}
	return func() {
		c.work.ColumnSums(dbeta, dy)
		products()
		c.k.Mul(dgamma, dgamma, rho)
		c.k.Mul(slope, gamma, rho)
		c.k.Mul(pull, slope, rho)
		c.k.Mul(pull, pull, dgamma)
		c.k.Scale(pull, 1/float32(M), pull)
		c.pool.Range(M, statPiece, piece)
	}
}
