package cpu

import (
	"math"
	"slices"

	"m2pt/ops"
)

// columns walks over the rows of [M, K] in pieces, and within a piece in
// stripes: several rows at once where they are narrow, against vectors of K
// numbers repeated to the stripe's length.
type columns struct {
	M, K   int
	piece  int // rows of a piece
	stripe int // elements of a stripe, a multiple of K
}

const (
	stripeElems = 512     // as many as make a call cheap
	pieceElems  = 1 << 15 // 128 KiB, a part of the second-level cache
)

func columnsOf(x ops.Buf) columns {
	K := last(x)
	rows := max(stripeElems/K, 1)
	return columns{M: x.Len() / K, K: K, piece: rows * max(pieceElems/(rows*K), 1), stripe: rows * K}
}

// vector is room for K numbers, repeated.
func (s columns) vector() []float32 { return make([]float32, s.stripe) }

// repeat fills a stripe with K numbers.
func (s columns) repeat(stripe, v []float32) {
	for i := 0; i < len(stripe); i += s.K {
		copy(stripe[i:], v[:s.K])
	}
}

// fold makes dst the sum of a stripe's rows.
func (s columns) fold(dst, stripe []float32) {
	copy(dst, stripe[:s.K])
	for i := s.K; i < len(stripe); i += s.K {
		for c, v := range stripe[i : i+s.K] {
			dst[c] += v
		}
	}
}

// partial is room for K numbers of every piece, part that of the piece from row
// lo on.
func (s columns) partial() []float32 { return make([]float32, (s.M+s.piece-1)/s.piece*s.K) }

func (s columns) part(partial []float32, lo int) []float32 {
	return partial[lo/s.piece*s.K:][:s.K]
}

// some is as many columns as one thread merges at a time: a cache line.
const some = 16

// merge calls f for columns lo to hi, all columns in turn.
func (c call) merge(s columns, f func(lo, hi int)) func() {
	piece := func(_, lo, hi int) { f(lo, hi) }
	return func() { c.pool.Range(s.K, some, piece) }
}

// moments returns what computes mean and biased variance of every column in one
// pass over memory: each piece takes its sum and, about its own mean, its
// squares; then σ² = Σ (squares + rows·(mean of the piece - μ)²) / M.
func (c call) moments(mean, variance, x []float32, s columns) func() {
	c.reserve(2 * s.stripe)
	sums, squares := s.partial(), s.partial()
	piece := func(worker, lo, hi int) {
		x, sum, square := x[lo*s.K:hi*s.K], s.part(sums, lo), s.part(squares, lo)
		acc, mu := c.scratch[worker][:s.stripe], c.scratch[worker][s.stripe:][:s.stripe]
		clear(acc)
		for row := range slices.Chunk(x, s.stripe) {
			c.k.Combine(acc[:len(row)], 1, acc, 1, row)
		}
		s.fold(sum, acc)
		c.k.Scale(square, 1/float32(hi-lo), sum)
		s.repeat(mu, square)
		clear(acc)
		for row := range slices.Chunk(x, s.stripe) {
			c.k.AddSquares(acc, row, mu)
		}
		s.fold(square, acc)
	}
	merge := c.merge(s, func(lo, hi int) {
		var mu, m2 [some]float64
		for r := 0; r < s.M; r += s.piece {
			for j, v := range s.part(sums, r)[lo:hi] {
				mu[j] += float64(v) / float64(s.M)
			}
		}
		for r := 0; r < s.M; r += s.piece {
			n, sum := float64(min(s.piece, s.M-r)), s.part(sums, r)[lo:hi]
			for j, v := range s.part(squares, r)[lo:hi] {
				d := float64(sum[j])/n - mu[j]
				m2[j] += float64(v) + n*d*d
			}
		}
		for j := lo; j < hi; j++ {
			mean[j], variance[j] = float32(mu[j-lo]), float32(m2[j-lo]/float64(s.M))
		}
	})
	return func() {
		c.pool.Range(s.M, s.piece, piece)
		merge()
	}
}

// batchNorm finds mean and variance, then y = (x-μ)·(ργ) + β.
func (c call) batchNorm(k ops.BatchNorm) func() {
	s := columnsOf(c.in[0])
	x, y, mu, rho := c.x(0), c.y(0), c.y(1), c.y(2)
	mean, variance := c.x(len(c.in)-2), c.x(len(c.in)-1)
	sigma2 := make([]float32, s.K)
	moments := c.moments(mu, sigma2, x, s)
	centre, slope, shift := s.vector(), s.vector(), s.vector()
	normalise := func(_, lo, hi int) {
		for i := lo * s.K; i < hi*s.K; i += s.stripe {
			j := min(i+s.stripe, hi*s.K)
			c.k.Affine(y[i:j], x[i:j], centre, slope, shift)
		}
	}
	return func() {
		copy(c.y(3), mean)
		copy(c.y(4), variance)
		if k.Train {
			moments()
			move(c.y(3), c.y(4), mu, sigma2, k.Momentum, s.M)
		} else {
			copy(mu, mean)
			copy(sigma2, variance)
		}
		for j, v := range sigma2 {
			rho[j] = float32(1 / math.Sqrt(float64(v)+k.Eps))
		}
		s.repeat(centre, mu)
		s.repeat(slope, rho)
		if !k.Plain {
			c.k.Mul(slope[:s.K], rho, c.x(1))
			s.repeat(slope, slope)
			s.repeat(shift, c.x(2))
		}
		c.pool.Range(s.M, s.piece, normalise)
	}
}

// move moves the running statistics towards those of a batch of M rows, unless
// one of these is not finite.
func move(mean, variance, mu, sigma2 []float32, momentum float64, M int) {
	bad := func(v float32) bool { return v-v != 0 }
	if slices.ContainsFunc(mu, bad) || slices.ContainsFunc(sigma2, bad) {
		return
	}
	unbias := float64(M) / float64(M-1)
	for j, m := range mu {
		mean[j] += float32(momentum * (float64(m) - float64(mean[j])))
		variance[j] += float32(momentum * (unbias*float64(sigma2[j]) - float64(variance[j])))
	}
}

// batchNormGrad sums dβ = Σ dy and S = Σ (x-μ)·dy in one pass, dγ = ρ·S; then
// dx = γρ·dy - (γρ³·S/M)·(x-μ) - γρ·dβ/M, in evaluation γρ·dy.
func (c call) batchNormGrad(k ops.BatchNormGrad) func() {
	s, n := columnsOf(c.in[0]), len(c.in)
	x, mu, rho, dy, dx := c.x(0), c.x(n-3), c.x(n-2), c.x(n-1), c.y(0)
	dgamma, dbeta := make([]float32, s.K), make([]float32, s.K)
	if !k.Plain {
		dgamma, dbeta = c.y(1), c.y(2)
	}
	centre, slope, pull, shift := s.vector(), s.vector(), s.vector(), s.vector()
	products := c.products(dbeta, dgamma, dy, x, centre, s)
	spread := func(_, lo, hi int) {
		for i := lo * s.K; i < hi*s.K; i += s.stripe {
			j := min(i+s.stripe, hi*s.K)
			if k.Train {
				c.k.AffineGrad(dx[i:j], dy[i:j], x[i:j], centre, slope, pull, shift)
			} else {
				c.k.Mul(dx[i:j], dy[i:j], slope)
			}
		}
	}
	return func() {
		s.repeat(centre, mu)
		products()
		for j, r := range rho {
			dgamma[j] *= r
			slope[j] = r
			if !k.Plain {
				slope[j] *= c.x(1)[j]
			}
			pull[j] = slope[j] * r * dgamma[j] / float32(s.M)
			shift[j] = slope[j] * dbeta[j] / float32(s.M)
		}
		s.repeat(slope, slope)
		s.repeat(pull, pull)
		s.repeat(shift, shift)
		c.pool.Range(s.M, s.piece, spread)
	}
}

// products returns what computes, for every column, Σ dy and Σ dy·(x-μ), μ being
// repeated to a stripe: sums of each piece, then these in order.
func (c call) products(sum, sumX, dy, x, mu []float32, s columns) func() {
	c.reserve(2 * s.stripe)
	sums, sumsX := s.partial(), s.partial()
	piece := func(worker, lo, hi int) {
		acc, accX := c.scratch[worker][:s.stripe], c.scratch[worker][s.stripe:][:s.stripe]
		clear(acc)
		clear(accX)
		for i := lo * s.K; i < hi*s.K; i += s.stripe {
			j := min(i+s.stripe, hi*s.K)
			c.k.AddProducts(acc, accX, dy[i:j], x[i:j], mu)
		}
		s.fold(s.part(sums, lo), acc)
		s.fold(s.part(sumsX, lo), accX)
	}
	merge := c.merge(s, func(lo, hi int) {
		var total, totalX [some]float64
		for r := 0; r < s.M; r += s.piece {
			part, partX := s.part(sums, r)[lo:hi], s.part(sumsX, r)[lo:hi]
			for j, v := range part {
				total[j] += float64(v)
				totalX[j] += float64(partX[j])
			}
		}
		for j := lo; j < hi; j++ {
			sum[j], sumX[j] = float32(total[j-lo]), float32(totalX[j-lo])
		}
	})
	return func() {
		c.pool.Range(s.M, s.piece, piece)
		merge()
	}
}
