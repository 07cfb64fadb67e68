package cpu

import "m2pt/ops"

// groups are a tensor [..., N, D] taken apart: how many groups, the N entries of
// each, their width D.
func groups(b ops.Buf) (groups, N, D int) {
	N, D = b.Shape[len(b.Shape)-2], last(b)
	return b.Len() / (N * D), N, D
}

// pooled is the mean of some of the tokens, in order.
func (c call) pooled(k ops.Pool) func() {
	x, y := c.x(0), c.y(0)
	B, N, D := groups(c.in[0])
	return c.rows(B, k.Count*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			mean := y[b*D:][:D]
			c.sum(mean, x[(b*N+k.From)*D:][:k.Count*D])
			c.k.Scale(mean, 1/float32(k.Count), mean)
		}
	})
}

// sum adds rows up, in order.
func (c call) sum(sum, rows []float32) {
	D := len(sum)
	copy(sum, rows)
	for i := D; i < len(rows); i += D {
		c.k.Combine(sum, 1, sum, 1, rows[i:i+D])
	}
}

func (c call) pooledGrad(k ops.PoolGrad) func() {
	dy, dx := c.x(0), c.y(0)
	B, N, D := groups(c.out[0])
	return c.rows(B, N*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			group := dx[b*N*D:][:N*D]
			clear(group)
			tokens := group[k.Pool.From*D:][:k.Pool.Count*D]
			for i := 0; i < len(tokens); i += D {
				c.k.Scale(tokens[i:i+D], 1/float32(k.Pool.Count), dy[b*D:][:D])
			}
		}
	})
}

// maxPool raises the first token's values by those that follow.
func (c call) maxPool(k ops.MaxPool) func() {
	x, y, index := c.x(0), c.y(0), ops.Of[int32](c.out[1])
	B, N, D := groups(c.in[0])
	return c.rows(B, k.Count*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			top, first := y[b*D:][:D], index[b*D:][:D]
			tokens := x[(b*N+k.From)*D:][:k.Count*D]
			copy(top, tokens)
			for i := range first {
				first[i] = int32(k.From)
			}
			for n := 1; n < k.Count; n++ {
				c.k.Rise(top, first, tokens[n*D:][:D], int32(k.From+n))
			}
		}
	})
}

func (c call) maxPoolGrad() func() {
	dy, index, dx := c.x(0), ops.Of[int32](c.in[1]), c.y(0)
	B, N, D := groups(c.out[0])
	return c.rows(B, N*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			group := dx[b*N*D:][:N*D]
			clear(group)
			for i := b * D; i < (b+1)*D; i++ {
				token(group, D, index[i])[i-b*D] = dy[i]
			}
		}
	})
}

func (c call) addEach() func() {
	x, r, y := c.x(0), c.x(1), c.y(0)
	B, M, D := groups(c.in[0])
	return c.rows(B*M, D, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			c.k.Combine(y[i*D:(i+1)*D], 1, x[i*D:(i+1)*D], 1, r[i/M*D:][:D])
		}
	})
}

func (c call) sumEach() func() {
	x, y := c.x(0), c.y(0)
	B, M, D := groups(c.in[0])
	return c.rows(B, M*D, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			c.sum(y[b*D:(b+1)*D], x[b*M*D:(b+1)*M*D])
		}
	})
}
