package cpu

import (
	"m2pt/engine"
	"m2pt/ops"
)

// Fuses: a residual sum is normalised, and the gradient of a norm joins the residual's,
// while they are in the first-level cache.
func (d *Device) Fuses(f engine.Fused) bool {
	switch {
	case f.Is("add", "layer_norm"):
		return f.From[0] == -1 && f.From[1] >= 0 && f.From[2] >= 0
	case f.Is("layer_norm.grad", "add"):
		return !f.Keep[0] && min(f.From[0], f.From[1]) == -1 && max(f.From[0], f.From[1]) >= f.Inputs
	}
	return false
}

// fused binds the pairs of Fuses, with the bits of one after the other.
func (c call) fused(f engine.Fused) func() {
	if k, ok := f.Second.(ops.LayerNorm); ok {
		return c.addLayerNorm(f, k)
	}
	return c.layerNormGradAdd(f)
}

// addLayerNorm is LayerNorm(x + r). Where nobody else reads the sum it stays in scratch.
func (c call) addLayerNorm(f engine.Fused, k ops.LayerNorm) func() {
	x, r, gamma, beta := c.x(0), c.x(1), c.x(f.From[1]), c.x(f.From[2])
	n, D := len(c.out)-3, len(gamma)
	y, mean, rstd := c.y(n), c.y(n+1), c.y(n+2)
	some := max(grain/D, 1)
	c.reserve(some * D)
	piece := func(worker, lo, hi int) {
		sum := c.scratch[worker][:(hi-lo)*D]
		if n > 0 {
			sum = c.y(0)[lo*D : hi*D]
		}
		c.k.Combine(sum, 1, x[lo*D:hi*D], 1, r[lo*D:hi*D])
		c.k.LayerNorm(y[lo*D:hi*D], mean[lo:hi], rstd[lo:hi], sum, gamma, beta, float32(k.Eps))
	}
	return func() { c.pool.Range(len(mean), some, piece) }
}

// layerNormGradAdd is dx + r, of which nobody reads dx alone.
func (c call) layerNormGradAdd(f engine.Fused) func() {
	x, gamma, mean, rstd, dy := c.x(0), c.x(1), c.x(2), c.x(3), c.x(4)
	plus := c.x(max(f.From[0], f.From[1]))
	dgamma, dbeta, sum := c.y(0), c.y(1), c.y(2)
	return func() { c.work.LayerNormGradAdd(sum, dgamma, dbeta, plus, dy, x, gamma, mean, rstd) }
}
