package cpu

import (
	"math"

	"m2pt/cpu/kernel"
	"m2pt/ops"
)

// heads walks over packed qkv [B, N, 3D]: one task is one head of one sample,
// or a tile of its queries. Queries are taken in tiles so that a tile's scores
// [rows, N] stay in the second-level cache.
type heads struct {
	B, N, H, D, Dh int
	scale          float32
	rows, tiles    int // queries per tile; tiles per head
}

// scoreElems is how many scores of a tile are aimed at: 128 KiB.
const scoreElems = 32 << 10

func newHeads(qkv ops.Buf, H int) heads {
	B, N, D := qkv.Shape[0], qkv.Shape[1], qkv.Shape[2]/3
	most := min(max(scoreElems/N, 24), N)
	tiles := (N + most - 1) / most
	rows := (N + tiles - 1) / tiles
	return heads{B: B, N: N, H: H, D: D, Dh: D / H, scale: float32(1 / math.Sqrt(float64(D/H))), rows: rows, tiles: tiles}
}

// tile is the range of queries [lo, hi) of tile t.
func (a heads) tile(t int) (lo, hi int) { return t * a.rows, min((t+1)*a.rows, a.N) }

// packed is part p (0 q, 1 k, 2 v) of head bh from token n on, in a tensor like
// qkv; its rows are 3D apart.
func (a heads) packed(x []float32, bh, p, n int) []float32 {
	b, h := bh/a.H, bh%a.H
	return x[(b*a.N+n)*3*a.D+p*a.D+h*a.Dh:]
}

// plain is head bh from token n on in a tensor like o [B, N, D].
func (a heads) plain(x []float32, bh, n int) []float32 {
	b, h := bh/a.H, bh%a.H
	return x[(b*a.N+n)*a.D+h*a.Dh:]
}

// byKeys is y = x·zᵀ, [rows, N], of rows of a head with all N rows z of one part.
func (a heads) byKeys(y, x []float32, ldx int, z []float32, rows int) kernel.Gemm {
	return kernel.Gemm{Form: kernel.NT, M: rows, N: a.N, K: a.Dh, A: x, LDA: ldx, B: z, LDB: 3 * a.D, C: y, LDC: a.N}
}

// ofKeys is y = p·z, [rows, Dh]: rows of weights p applied to all N rows z of one part.
func (a heads) ofKeys(y []float32, ldy int, p, z []float32, rows int) kernel.Gemm {
	return kernel.Gemm{Form: kernel.NN, M: rows, N: a.Dh, K: a.N, A: p, LDA: a.N, B: z, LDB: 3 * a.D, C: y, LDC: ldy}
}

// toKeys is y (+)= pᵀ·z, [N, Dh]: what rows of weights p hand to the N keys.
func (a heads) toKeys(y, p, z []float32, ldz, rows int, add bool) kernel.Gemm {
	return kernel.Gemm{Form: kernel.TN, M: a.N, N: a.Dh, K: rows, A: p, LDA: a.N, B: z, LDB: ldz, C: y, LDC: 3 * a.D, Accumulate: add}
}

// attention: every tile of queries is a task of its own.
func (c call) attention(k ops.Attention) func() {
	a := newHeads(c.in[0], k.Heads)
	qkv, o, lse := c.x(0), c.y(0), c.y(1)
	c.reserve(a.rows * a.N)
	task := func(worker, i int) {
		bh, s := i/a.tiles, c.work.Scratch(worker)
		lo, hi := a.tile(i % a.tiles)
		rows := hi - lo
		p := c.scratch[worker][:rows*a.N]
		c.k.Gemm(s, a.byKeys(p, a.packed(qkv, bh, 0, lo), 3*a.D, a.packed(qkv, bh, 1, 0), rows))
		c.k.Softmax(p, lse[bh*a.N+lo:bh*a.N+hi], p, a.N, a.scale)
		c.k.Gemm(s, a.ofKeys(a.plain(o, bh, lo), a.D, p, a.packed(qkv, bh, 2, 0), rows))
	}
	return func() { c.pool.For(a.B*a.H*a.tiles, task) }
}

// attentionGrad: a head of a sample is one task, because dk and dv are summed
// over its tiles. ds = scale·p·(dp - ⟨p, dp⟩), and ⟨p, dp⟩ = ⟨do, o⟩.
func (c call) attentionGrad(k ops.AttentionGrad) func() {
	a := newHeads(c.in[0], k.Heads)
	qkv, lse, do, d := c.x(0), c.x(2), c.x(3), c.y(0)
	tile := a.rows * a.N
	c.reserve(2 * tile)
	task := func(worker, bh int) {
		s, key := c.work.Scratch(worker), a.packed(qkv, bh, 1, 0)
		for t := range a.tiles {
			lo, hi := a.tile(t)
			rows := hi - lo
			p, ds := c.scratch[worker][:rows*a.N], c.scratch[worker][tile:][:rows*a.N]
			query, g := a.packed(qkv, bh, 0, lo), a.plain(do, bh, lo)
			c.k.Gemm(s, a.byKeys(p, query, 3*a.D, key, rows))
			c.k.ExpRows(p, p, lse[bh*a.N+lo:bh*a.N+hi], a.N, a.scale)
			c.k.Gemm(s, a.toKeys(a.packed(d, bh, 2, 0), p, g, a.D, rows, t > 0))
			c.k.Gemm(s, a.byKeys(ds, g, a.D, a.packed(qkv, bh, 2, 0), rows))
			c.k.SoftmaxGrad(ds, p, ds, a.N, a.scale)
			c.k.Gemm(s, a.ofKeys(a.packed(d, bh, 0, lo), 3*a.D, ds, key, rows))
			c.k.Gemm(s, a.toKeys(a.packed(d, bh, 1, 0), ds, query, 3*a.D, rows, t > 0))
		}
	}
	return func() { c.pool.For(a.B*a.H, task) }
}
