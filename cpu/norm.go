package cpu

import "m2pt/ops"

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
