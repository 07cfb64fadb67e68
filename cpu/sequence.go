package cpu

import "m2pt/ops"

// entries copies a group as a row.
func (c call) entries(k ops.Entries) func() {
	x, y := c.x(0), c.y(0)
	B, N, D := groups(c.in[0])
	n := k.Count * D
	return c.rows(B, n, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			copy(y[b*n:(b+1)*n], x[(b*N+k.From)*D:])
		}
	})
}

func (c call) entriesGrad(k ops.EntriesGrad) func() {
	dy, dx := c.x(0), c.y(0)
	B, N, D := groups(c.out[0])
	n := len(dy) / B
	return c.rows(B, N*D, func(lo, hi int) {
		clear(dx[lo*N*D : hi*N*D])
		for b := lo; b < hi; b++ {
			copy(dx[(b*N+k.From)*D:], dy[b*n:(b+1)*n])
		}
	})
}

// appendMask treats a sample as a row: tokens, then mask tokens.
func (c call) appendMask() func() {
	x, t, y := c.x(0), c.x(1), c.y(0)
	B, N, D := groups(c.out[0])
	n := len(x) / B
	return c.rows(B, N*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			masks := y[b*N*D:][:N*D]
			for masks = masks[copy(masks, x[b*n:(b+1)*n]):]; len(masks) > 0; {
				masks = masks[copy(masks, t):]
			}
		}
	})
}

func (c call) appendMaskGrad() func() {
	dy, dx, dt := c.x(0), c.y(0), c.y(1)
	B, N, D := groups(c.in[0])
	n := len(dx) / B
	return c.rows(B, N*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			sample := dy[b*N*D:][:N*D]
			copy(dx[b*n:(b+1)*n], sample)
			c.sum(dt[b*D:][:D], sample[n:])
		}
	})
}

// reshape moves elements only where the output has memory of its own.
func (c call) reshape() func() {
	x, y := c.x(0), c.y(0)
	return c.elements(len(y), func(lo, hi int) { keepOrCopy(y[lo:hi], x[lo:hi]) })
}
