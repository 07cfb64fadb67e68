package cpu

import (
	"math"

	"m2pt/ops"
)

// activation is GELU, or x times one of two factors.
func (c call) activation(k ops.Activation) func() {
	x, y, slope := c.x(0), c.y(0), float32(k.Slope)
	if k.Fn == "gelu" {
		return c.elements(len(y), func(lo, hi int) { c.k.GELU(y[lo:hi], x[lo:hi]) })
	}
	return c.elements(len(y), func(lo, hi int) { c.k.BySign(y[lo:hi], x[lo:hi], x[lo:hi], slope) })
}

func (c call) activationGrad(k ops.ActivationGrad) func() {
	x, dy, dx, slope := c.x(0), c.x(1), c.y(0), float32(k.Slope)
	if k.Fn == "gelu" {
		return c.elements(len(dx), func(lo, hi int) { c.k.GELUGrad(dx[lo:hi], x[lo:hi], dy[lo:hi]) })
	}
	return c.elements(len(dx), func(lo, hi int) { c.k.BySign(dx[lo:hi], x[lo:hi], dy[lo:hi], slope) })
}

func (c call) add() func() {
	x, r, y := c.x(0), c.x(1), c.y(0)
	return c.elements(len(y), func(lo, hi int) { c.k.Combine(y[lo:hi], 1, x[lo:hi], 1, r[lo:hi]) })
}

func (c call) scale() func() {
	x, s, y := c.x(0), c.x(1), c.y(0)
	return c.elements(len(y), func(lo, hi int) { c.k.Scale(y[lo:hi], s[0], x[lo:hi]) })
}

// accumulate copies: adding is the engine's affair.
func (c call) accumulate() func() {
	x, y := c.in[0].Raw(), c.out[0].Raw()
	return c.elements(len(y), func(lo, hi int) { copy(y[lo:hi], x[lo:hi]) })
}

// pathway adds all terms to one piece before it turns to the next.
func (c call) pathway(k ops.Pathway) func() {
	if k.Terms == 0 {
		return c.accumulate()
	}
	w, y := c.x(0), c.y(0)
	var lambda, aux [][]float32
	for t := range k.Terms {
		lambda, aux = append(lambda, c.x(1+2*t)), append(aux, c.x(2+2*t))
	}
	return c.elements(len(y), func(lo, hi int) {
		sum := w[lo:hi]
		for t, a := range aux {
			c.k.Combine(y[lo:hi], 1, sum, lambda[t][0], a[lo:hi])
			sum = y[lo:hi]
		}
	})
}

func (c call) dot() func() {
	x, y, s := c.x(0), c.x(1), c.y(0)
	return func() { s[0] = float32(c.work.Dot(x, y)) }
}

// keep is the factor of a sample's branch in stochastic depth.
func keep(rate float64, u float32) float32 {
	return float32(math.Floor(1-rate+float64(u)) / (1 - rate))
}

// dropPath treats a sample as a row.
func (c call) dropPath(k ops.DropPath) func() {
	x, r, u, y := c.x(0), c.x(1), c.x(2), c.y(0)
	n := len(y) / len(u)
	return c.rows(len(u), n, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			i, j := b*n, (b+1)*n
			c.k.Combine(y[i:j], 1, x[i:j], keep(k.Rate, u[b]), r[i:j])
		}
	})
}

func (c call) dropPathGrad(k ops.DropPathGrad) func() {
	dy, u, dr := c.x(0), c.x(1), c.y(0)
	n := len(dr) / len(u)
	return c.rows(len(u), n, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			c.k.Scale(dr[b*n:(b+1)*n], keep(k.Rate, u[b]), dy[b*n:(b+1)*n])
		}
	})
}
