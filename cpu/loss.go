package cpu

import "m2pt/ops"

// softmax writes the probabilities; for their logarithm it then overwrites
// them with x - lse.
func (c call) softmax(k ops.Softmax) func() {
	x, y, K := c.x(0), c.y(0), last(c.in[0])
	lse := make([]float32, len(x)/K)
	return c.rows(len(lse), K, func(lo, hi int) {
		c.k.Softmax(y[lo*K:hi*K], lse[lo:hi], x[lo*K:hi*K], K, 1)
		if !k.Log {
			return
		}
		for r := lo; r < hi; r++ {
			for i, v := range x[r*K : (r+1)*K] {
				y[r*K+i] = v - lse[r]
			}
		}
	})
}

func (c call) softmaxGrad(k ops.SoftmaxGrad) func() {
	y, dy, dx, K := c.x(0), c.x(1), c.y(0), last(c.in[0])
	if !k.Log {
		return c.rows(len(y)/K, K, func(lo, hi int) {
			c.k.SoftmaxGrad(dx[lo*K:hi*K], y[lo*K:hi*K], dy[lo*K:hi*K], K, 1)
		})
	}
	return c.rows(len(y)/K, K, func(lo, hi int) { // dx = dy - exp(y)·Σ dy
		c.k.Exp(dx[lo*K:hi*K], y[lo*K:hi*K])
		for r := lo * K; r < hi*K; r += K {
			g := dy[r : r+K]
			c.k.Combine(dx[r:r+K], 1, g, -float32(c.k.Sum(g)), dx[r:r+K])
		}
	})
}

// crossEntropy is Σ t·(lse - z) per row; the probabilities are kept.
func (c call) crossEntropy() func() {
	z, t, loss, p, K := c.x(0), c.x(1), c.y(0), c.y(1), last(c.in[0])
	return c.rows(len(loss), K, func(lo, hi int) {
		lse := loss[lo:hi] // until the loss itself is known
		c.k.Softmax(p[lo*K:hi*K], lse, z[lo*K:hi*K], K, 1)
		for r := range lse {
			var sum float64
			row := z[(lo+r)*K:][:K]
			for i, w := range t[(lo+r)*K:][:K] {
				sum += float64(w) * float64(lse[r]-row[i])
			}
			lse[r] = float32(sum)
		}
	})
}

// crossEntropyGrad is dloss·(p·Σt - t) per row.
func (c call) crossEntropyGrad() func() {
	p, t, dloss, dz, K := c.x(0), c.x(1), c.x(2), c.y(0), last(c.in[0])
	return c.rows(len(dloss), K, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			target := t[b*K : (b+1)*K]
			c.k.Combine(dz[b*K:(b+1)*K], dloss[b]*float32(c.k.Sum(target)), p[b*K:(b+1)*K], -dloss[b], target)
		}
	})
}

func (c call) sampleMean() func() {
	x, mean := c.x(0), c.y(0)
	n := len(x) / len(mean)
	return c.rows(len(mean), n, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			mean[b] = float32(c.k.Sum(x[b*n:(b+1)*n]) / float64(n))
		}
	})
}

func (c call) sampleMeanGrad() func() {
	dy, dx := c.x(0), c.y(0)
	n := len(dx) / len(dy)
	return c.rows(len(dy), n, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			d := dy[b] / float32(n)
			for i := range dx[b*n : (b+1)*n] {
				dx[b*n+i] = d
			}
		}
	})
}
