package cpu

import "m2pt/ops"

// prepend copies a sample as a row: token, then tokens.
func (c call) prepend() func() {
	x, t, y := c.x(0), c.x(1), c.y(0)
	B, D := c.in[0].Shape[0], len(t)
	n := len(x) / B
	return c.rows(B, n, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			row := y[b*(D+n):]
			copy(row, t)
			copy(row[D:], x[b*n:(b+1)*n])
		}
	})
}

func (c call) prependGrad() func() {
	dy, dx, dt := c.x(0), c.y(0), c.y(1)
	B, D := c.in[0].Shape[0], last(c.in[0])
	n := len(dx) / B
	return c.rows(B, n, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			row := dy[b*(D+n):]
			copy(dt[b*D:(b+1)*D], row)
			copy(dx[b*n:(b+1)*n], row[D:])
		}
	})
}

// addPos treats a sample as a row.
func (c call) addPos() func() {
	x, p, y := c.x(0), c.x(1), c.y(0)
	n := len(p)
	return c.rows(len(y)/n, n, func(lo, hi int) {
		for i := lo * n; i < hi*n; i += n {
			c.k.Combine(y[i:i+n], 1, x[i:i+n], 1, p)
		}
	})
}

// sumBatch adds samples in order, piece by piece of the sum.
func (c call) sumBatch() func() {
	x, sum := c.x(0), c.y(0)
	n := len(sum)
	return c.elements(n, func(lo, hi int) {
		copy(sum[lo:hi], x[lo:hi])
		for i := n; i < len(x); i += n {
			c.k.Combine(sum[lo:hi], 1, sum[lo:hi], 1, x[i+lo:i+hi])
		}
	})
}

// gather and scatter cut a sample out first: an index outside its tokens is an
// error and not a token of its neighbour.
func (c call) gather() func() {
	x, index, y, D := c.x(0), ops.Of[int32](c.in[1]), c.y(0), last(c.in[0])
	N, M := c.in[0].Shape[1], c.out[0].Shape[1]
	return c.rows(len(index), D, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			sample := x[j/M*N*D:][: N*D : N*D]
			copy(y[j*D:(j+1)*D], sample[int(index[j])*D:][:D])
		}
	})
}

func (c call) scatter() func() {
	x, index, y, D := c.x(0), ops.Of[int32](c.in[1]), c.y(0), last(c.in[0])
	N, M := c.out[0].Shape[1], c.in[0].Shape[1]
	return c.rows(c.in[0].Shape[0], N*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			sample := y[b*N*D:][: N*D : N*D]
			clear(sample)
			for j := b * M; j < (b+1)*M; j++ {
				row := sample[int(index[j])*D:][:D]
				c.k.Combine(row, 1, row, 1, x[j*D:(j+1)*D])
			}
		}
	})
}

// pooled is the mean of some of the tokens, in order.
func (c call) pooled(k ops.Pool) func() {
	x, y := c.x(0), c.y(0)
	B, N, D := c.in[0].Shape[0], c.in[0].Shape[1], c.in[0].Shape[2]
	return c.rows(B, k.Count*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			mean, tokens := y[b*D:][:D], x[(b*N+k.From)*D:][:k.Count*D]
			copy(mean, tokens)
			for i := D; i < len(tokens); i += D {
				c.k.Combine(mean, 1, mean, 1, tokens[i:i+D])
			}
			c.k.Scale(mean, 1/float32(k.Count), mean)
		}
	})
}

func (c call) pooledGrad(k ops.PoolGrad) func() {
	dy, dx, D := c.x(0), c.y(0), last(c.in[0])
	return c.rows(c.in[0].Shape[0], k.N*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			sample := dx[b*k.N*D:][:k.N*D]
			clear(sample)
			tokens := sample[k.Pool.From*D:][:k.Pool.Count*D]
			for i := 0; i < len(tokens); i += D {
				c.k.Scale(tokens[i:i+D], 1/float32(k.Pool.Count), dy[b*D:][:D])
			}
		}
	})
}
