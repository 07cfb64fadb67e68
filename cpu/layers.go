package cpu

import "m2pt/ops"

// columns copies a part of every row.
func (c call) columns(k ops.Columns) func() {
	w, y := c.x(0), c.y(0)
	R := c.out[0].Shape[0]
	row := len(w) / R
	return c.rows(R, k.Count, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			copy(y[r*k.Count:][:k.Count], w[r*row+k.From:])
		}
	})
}

func (c call) columnsGrad(k ops.ColumnsGrad) func() {
	dy, dw := c.x(0), c.y(0)
	R := c.in[0].Shape[0]
	count, row := len(dy)/R, len(dw)/R
	return c.rows(R, row, func(lo, hi int) {
		clear(dw[lo*row : hi*row])
		for r := lo; r < hi; r++ {
			copy(dw[r*row+k.From:], dy[r*count:][:count])
		}
	})
}

// dropout cuts samples into runs of elements, a whole number of random blocks.
func (c call) dropout(k ops.Dropout) func() {
	const run = 1024
	x, keys, y := c.x(0), ops.Of[int32](c.in[1]), c.y(0)
	B := c.out[0].Shape[0]
	n, mask, scale := len(y)/B, k.Mask(), float32(1/(1-k.Rate))
	runs := (n + run - 1) / run
	return c.rows(B*runs, run, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			b, from := r/runs, r%runs*run
			to := min(from+run, n)
			x, y := x[b*n%len(x):][from:to], y[b*n:][from:to] // or of the table x
			for i := 0; i < len(x); i += 4 {
				block := mask.Block(keys[2*b:], (from+i)/4)
				for j, v := range x[i:min(i+4, len(x))] {
					y[i+j] = v * block[j] * scale
				}
			}
		}
	})
}

func (c call) layerScale() func() {
	x, gamma, y := c.x(0), c.x(1), c.y(0)
	D := len(gamma)
	return c.rows(len(x)/D, D, func(lo, hi int) {
		for i := lo * D; i < hi*D; i += D {
			c.k.Mul(y[i:i+D], x[i:i+D], gamma)
		}
	})
}

// layerScaleGrad takes dγ = Σ dy·x as batch norm does, about no mean.
func (c call) layerScaleGrad() func() {
	x, gamma, dy, dx, dgamma := c.x(0), c.x(1), c.x(2), c.y(0), c.y(1)
	s := columnsOf(c.in[0])
	products := c.products(s.vector(), dgamma, dy, x, s.vector(), s)
	scale := c.rows(s.M, s.K, func(lo, hi int) {
		for i := lo * s.K; i < hi*s.K; i += s.K {
			c.k.Mul(dx[i:i+s.K], dy[i:i+s.K], gamma)
		}
	})
	return func() {
		products()
		scale()
	}
}

// cosineQK treats a token as a row: unit queries times their head's factor, unit
// keys, values as they are.
func (c call) cosineQK(k ops.CosineQK) func() {
	qkv, scale, y := c.x(0), c.x(1), c.y(0)
	D, Dh := last(c.in[0])/3, last(c.in[0])/3/k.Heads
	factor := make([]float64, 2*k.Heads) // of the queries, then of the keys
	tokens := c.rows(len(qkv)/(3*D), 3*D, func(lo, hi int) {
		for n := lo; n < hi; n++ {
			from, to := qkv[n*3*D:(n+1)*3*D], y[n*3*D:(n+1)*3*D]
			for h, f := range factor {
				u := from[h*Dh:][:Dh]
				c.k.Scale(to[h*Dh:][:Dh], float32(f/ops.CosineLength(c.k.Dot(u, u))), u)
			}
			copy(to[2*D:], from[2*D:])
		}
	})
	return func() {
		for h, s := range scale {
			factor[h], _ = k.Factor(float64(s), Dh)
			factor[k.Heads+h] = 1
		}
		tokens()
	}
}

// cosineQKGrad is f/|u|·(d - û·⟨û, d⟩) for each unit vector û; ⟨û, d⟩ of the
// queries is summed over pieces of tokens, then over these in order.
func (c call) cosineQKGrad(k ops.CosineQKGrad) func() {
	qkv, scale, d, dqkv, dscale := c.x(0), c.x(1), c.x(2), c.y(0), c.y(1)
	D, H := last(c.in[0])/3, k.Heads
	Dh, tokens, piece := D/H, len(qkv)/(3*D), max(grain/(3*D), 1)
	factor, slope := make([]float64, 2*H), make([]float64, H)
	along := make([]float64, (tokens+piece-1)/piece*2*H)
	body := func(_, lo, hi int) {
		sums := along[lo/piece*2*H:][:2*H]
		clear(sums)
		for n := lo; n < hi; n++ {
			u, g, to := qkv[n*3*D:(n+1)*3*D], d[n*3*D:(n+1)*3*D], dqkv[n*3*D:(n+1)*3*D]
			for h, f := range factor {
				sums[h] += c.unitGrad(to[h*Dh:][:Dh], u[h*Dh:][:Dh], g[h*Dh:][:Dh], f)
			}
			copy(to[2*D:], g[2*D:])
		}
	}
	return func() {
		for h, s := range scale {
			factor[h], slope[h] = ops.CosineQK(k).Factor(float64(s), Dh)
			factor[H+h] = 1
		}
		c.pool.Range(tokens, piece, body)
		for h := range dscale {
			sum := 0.0
			for i := h; i < len(along); i += 2 * H {
				sum += along[i]
			}
			dscale[h] = float32(slope[h] * sum)
		}
	}
}

// unitGrad makes du of the gradient d of f·û and returns ⟨û, d⟩.
func (c call) unitGrad(du, u, d []float32, f float64) float64 {
	length := ops.CosineLength(c.k.Dot(u, u))
	along := c.k.Dot(u, d) / length
	c.k.Combine(du, float32(f/length), d, float32(-f/length*along/length), u)
	return along
}
