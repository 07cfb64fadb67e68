package cpu

import (
	"math"

	"m2pt/cpu/kernel"
	"m2pt/ops"
)

// windows is attention within windows, bound: one task is one head of one sample, or
// of all samples whose biases one table holds. Rows of a window lie apart in memory;
// they are copied together, multiplied and copied back.
type windows struct {
	call
	kind          ops.WindowAttention
	B, N, D, Dh   int
	scale         float32
	tables, pairs int // of biases; of places in a window
	qkv, bias     []float32
	tokens        []int       // places in the grid, window by window
	penalty       [][]float32 // of each window, [n, n]; nil where all see each other
}

func (c call) newWindows(k ops.WindowAttention) windows {
	B, N, D, n := c.in[0].Shape[0], c.in[0].Shape[1], c.in[0].Shape[2]/3, k.Len()
	a := windows{call: c, kind: k, B: B, N: N, D: D, Dh: D / k.Heads, scale: float32(1 / math.Sqrt(float64(D/k.Heads))),
		tables: c.in[1].Shape[0], pairs: n * n, qkv: c.x(0), bias: c.x(1), penalty: make([][]float32, k.Count())}
	for w := range a.penalty {
		for i := range n {
			a.tokens = append(a.tokens, k.Token(w, i))
		}
		for e := range n * n {
			if k.Apart(w, e/n, e%n) {
				if a.penalty[w] == nil {
					a.penalty[w] = make([]float32, n*n)
				}
				a.penalty[w][e] = -ops.Penalty
			}
		}
	}
	return a
}

// room is a worker's scratch, cut into rows [n, Dh] of a window and tables [n, n].
type room struct {
	s                  *kernel.Scratch
	q, k, v, g, d      []float32
	bias, p, ds, dbias []float32
}

// elements is the size of a room.
func (a windows) elements() int { return 5*a.kind.Len()*a.Dh + 4*a.pairs }

func (a windows) room(worker int) room {
	rest := a.scratch[worker]
	cut := func(n int) (part []float32) {
		part, rest = rest[:n:n], rest[n:]
		return part
	}
	rows := a.kind.Len() * a.Dh
	return room{a.work.Scratch(worker), cut(rows), cut(rows), cut(rows), cut(rows), cut(rows),
		cut(a.pairs), cut(a.pairs), cut(a.pairs), cut(a.pairs)}
}

// load copies the rows of window w from a tensor whose rows are width apart and whose
// column at begins the head.
func (a windows) load(rows, x []float32, b, w, width, at int) {
	for i, token := range a.tokens[w*a.kind.Len():][:a.kind.Len()] {
		copy(rows[i*a.Dh:][:a.Dh], x[(b*a.N+token)*width+at:])
	}
}

// store is the way back, times scale.
func (a windows) store(x, rows []float32, b, w, width, at int, scale float32) {
	for i, token := range a.tokens[w*a.kind.Len():][:a.kind.Len()] {
		a.k.Scale(x[(b*a.N+token)*width+at:][:a.Dh], scale, rows[i*a.Dh:][:a.Dh])
	}
}

// column copies the biases of head h from table t.
func (a windows) column(r room, t, h int) {
	for e := range r.bias {
		r.bias[e] = a.bias[(t*a.pairs+e)*a.kind.Heads+h]
	}
}

// weights loads the scaled queries, keys and values of a window and computes p.
func (a windows) weights(r room, b, h, w int) {
	a.load(r.q, a.qkv, b, w, 3*a.D, h*a.Dh)
	a.load(r.k, a.qkv, b, w, 3*a.D, a.D+h*a.Dh)
	a.load(r.v, a.qkv, b, w, 3*a.D, 2*a.D+h*a.Dh)
	a.k.Scale(r.q, a.scale, r.q)
	a.byKeys(r, r.p, r.q, r.k)
	a.k.Combine(r.p, 1, r.p, 1, r.bias)
	if m := a.penalty[w]; m != nil {
		a.k.Combine(r.p, 1, r.p, 1, m)
	}
	a.k.Softmax(r.p, nil, r.p, a.kind.Len(), 1)
}

// byKeys is y = x·zᵀ, [n, n].
func (a windows) byKeys(r room, y, x, z []float32) {
	n := a.kind.Len()
	a.k.Gemm(r.s, kernel.Gemm{Form: kernel.NT, M: n, N: n, K: a.Dh, A: x, LDA: a.Dh, B: z, LDB: a.Dh, C: y, LDC: n})
}

// apply is y = p·z, or pᵀ·z where form is TN, [n, Dh].
func (a windows) apply(r room, form kernel.Form, y, p, z []float32) {
	n := a.kind.Len()
	a.k.Gemm(r.s, kernel.Gemm{Form: form, M: n, N: a.Dh, K: n, A: p, LDA: n, B: z, LDB: a.Dh, C: y, LDC: a.Dh})
}

func (c call) windowAttention(k ops.WindowAttention) func() {
	a, o := c.newWindows(k), c.y(0)
	c.reserve(a.elements())
	task := func(worker, i int) {
		r, b, h := a.room(worker), i/k.Heads, i%k.Heads
		a.column(r, b%a.tables, h)
		for w := range a.penalty {
			a.weights(r, b, h, w)
			a.apply(r, kernel.NN, r.d, r.p, r.v)
			a.store(o, r.d, b, w, a.D, h*a.Dh, 1)
		}
	}
	return func() { c.pool.For(a.B*k.Heads, task) }
}

// windowAttentionGrad: queries are scaled when they are loaded, so dk needs no scale.
func (c call) windowAttentionGrad(k ops.WindowAttentionGrad) func() {
	a := c.newWindows(ops.WindowAttention(k))
	do, d, dbias := c.x(2), c.y(0), c.y(1)
	c.reserve(a.elements())
	window := func(r room, b, h, w int) {
		part := func(rows []float32, p int, scale float32) { a.store(d, rows, b, w, 3*a.D, p*a.D+h*a.Dh, scale) }
		a.weights(r, b, h, w)
		a.load(r.g, do, b, w, a.D, h*a.Dh)
		a.apply(r, kernel.TN, r.d, r.p, r.g)
		part(r.d, 2, 1)
		a.byKeys(r, r.ds, r.g, r.v)
		c.k.SoftmaxGrad(r.ds, r.p, r.ds, k.Len(), 1)
		c.k.Combine(r.dbias, 1, r.dbias, 1, r.ds)
		a.apply(r, kernel.NN, r.d, r.ds, r.k)
		part(r.d, 0, a.scale)
		a.apply(r, kernel.TN, r.d, r.ds, r.q)
		part(r.d, 1, 1)
	}
	task := func(worker, i int) {
		r, t, h := a.room(worker), i/k.Heads, i%k.Heads
		a.column(r, t, h)
		clear(r.dbias)
		for b := t; b < a.B; b += a.tables {
			for w := range a.penalty {
				window(r, b, h, w)
			}
		}
		for e, v := range r.dbias {
			dbias[(t*a.pairs+e)*k.Heads+h] = v
		}
	}
	return func() { c.pool.For(a.tables*k.Heads, task) }
}
