package cpu

import (
	"fmt"

	"m2pt/ops"
)

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

// indexError is what Gather and Scatter panic with on an index that names no
// token of its sample; the kernel returns it.
type indexError struct{ index, tokens int }

func (e indexError) Error() string {
	return fmt.Sprintf("index %d of a sample's %d tokens: indices run from 0 to %d", e.index, e.tokens, e.tokens-1)
}

// token is row i of a sample [N, D].
func token(sample []float32, D int, i int32) []float32 {
	at := int(i) * D
	if at < 0 || at >= len(sample) {
		panic(indexError{int(i), len(sample) / D})
	}
	return sample[at : at+D]
}

func (c call) gather() func() {
	x, index, y := c.x(0), ops.Of[int32](c.in[1]), c.y(0)
	D, N, M := len(y)/len(index), c.in[0].Shape[1], len(index)/c.in[0].Shape[0] // M of all samples where they share x
	return c.rows(len(index), D, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			copy(y[j*D:(j+1)*D], token(x[j/M*N*D:][:N*D], D, index[j]))
		}
	})
}

// scatter: a strip of a sample's tokens is a task of its own.
func (c call) scatter() func() {
	x, index, y := c.x(0), ops.Of[int32](c.in[1]), c.y(0)
	B, N, D := c.out[0].Shape[0], c.out[0].Shape[1], len(x)/len(index)
	M, strips := len(index)/B, (D+strip-1)/strip
	task := func(_, i int) {
		b, from, to := i/strips, i%strips*strip, min((i%strips+1)*strip, D)
		tokens := y[b*N*D:][:N*D]
		for n := range N {
			clear(tokens[n*D:][from:to])
		}
		for j := b * M; j < (b+1)*M; j++ {
			row := token(tokens, D, index[j])[from:to]
			c.k.Combine(row, 1, row, 1, x[j*D:][from:to])
		}
	}
	return func() { c.pool.For(B*strips, task) }
}
