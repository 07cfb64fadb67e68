package cpu

import (
	"math"

	"m2pt/cpu/kernel"
	"m2pt/ops"
)

// normPiece is how many gradients make one partial sum of squares.
const normPiece = 1 << 16

// gradNorm cuts all gradients into pieces, sums the squares of each, and adds
// the sums in the pieces' order.
func (c call) gradNorm() func() {
	var pieces [][]float32
	for i := range c.in {
		for g := c.x(i); len(g) > 0; {
			n := min(len(g), normPiece)
			pieces, g = append(pieces, g[:n]), g[n:]
		}
	}
	sums, norm := make([]float64, len(pieces)), c.y(0)
	squares := func(_, i int) { sums[i] = c.k.Dot(pieces[i], pieces[i]) }
	return func() {
		c.pool.For(len(pieces), squares)
		total := 0.0
		for _, s := range sums {
			total += s
		}
		norm[0] = float32(math.Sqrt(total))
	}
}

// adamW updates in place; outputs that are not their inputs are copies first.
// A clip factor that is not a number leaves everything as it is.
func (c call) adamW(k ops.AdamW) func() {
	g, hyper, clip := c.x(1), c.x(4), c.x(5)
	from, to := [3][]float32{c.x(0), c.x(2), c.x(3)}, [3][]float32{c.y(0), c.y(1), c.y(2)}
	o := kernel.AdamW{Beta1: k.Beta1, Beta2: k.Beta2, Eps: k.Eps, WeightDecay: k.WeightDecay}
	c.reserve(grain)
	update := func(worker, lo, hi int) {
		for i, x := range from {
			keepOrCopy(to[i][lo:hi], x[lo:hi])
		}
		if clip[0] == clip[0] { // not NaN
			c.k.AdamW(to[0][lo:hi], to[1][lo:hi], to[2][lo:hi], c.clipped(worker, g[lo:hi], clip[0]), o)
		}
	}
	return func() {
		o.LR, o.Correct1, o.Correct2 = float64(hyper[0])*k.LRScale, float64(hyper[1]), float64(hyper[2])
		c.pool.Range(len(g), grain, update)
	}
}

// sgd updates in place, piece by piece.
func (c call) sgd(k ops.SGD) func() {
	descend := c.descend(k)
	return func() { descend(k.WeightDecay, 1) }
}

// descend returns what makes a step of SGD on the gradient trust·(g + decay·p).
// A clip factor that is not a number leaves everything as it is.
func (c call) descend(k ops.SGD) func(decay, trust float64) {
	p, g, mu, hyper, clip := c.x(0), c.x(1), c.x(2), c.x(3), c.x(4)
	newP, newMu := c.y(0), c.y(1)
	var a, b, lr float32
	m := float32(k.Momentum)
	c.reserve(grain)
	update := func(worker, lo, hi int) {
		if clip[0] != clip[0] {
			keepOrCopy(newP[lo:hi], p[lo:hi])
			keepOrCopy(newMu[lo:hi], mu[lo:hi])
			return
		}
		grad := c.scratch[worker][:hi-lo]
		c.k.Combine(grad, a, g[lo:hi], b, p[lo:hi])
		c.k.Combine(newMu[lo:hi], m, mu[lo:hi], 1, grad)
		step := newMu[lo:hi]
		if k.Nesterov {
			c.k.Combine(grad, 1, grad, m, step)
			step = grad
		}
		c.k.Combine(newP[lo:hi], 1, p[lo:hi], -lr, step)
	}
	return func(decay, trust float64) {
		a, b, lr = float32(trust*float64(clip[0])), float32(trust*decay), float32(float64(hyper[0])*k.LRScale)
		c.pool.Range(len(p), grain, update)
	}
}

// lars takes both norms, sums of pieces in order, before it updates.
func (c call) lars(k ops.LARS) func() {
	descend := c.descend(ops.SGD{Momentum: k.Momentum, LRScale: k.LRScale})
	if !k.Adapts(c.in[0].Spec) {
		return func() { descend(0, 1) }
	}
	p, g, clip := c.x(0), c.x(1), c.x(4)
	squares := make([]float64, (len(p)+grain-1)/grain)
	piece := func(worker, lo, hi int) {
		grad := c.scratch[worker][:hi-lo]
		c.k.Combine(grad, clip[0], g[lo:hi], float32(k.WeightDecay), p[lo:hi])
		squares[lo/grain] = c.k.Dot(grad, grad)
	}
	return func() {
		c.pool.Range(len(p), grain, piece)
		total := 0.0
		for _, s := range squares {
			total += s
		}
		descend(k.WeightDecay, k.Ratio(c.work.Dot(p, p), total))
	}
}

// clipped is factor·g: g itself for 1, else in the worker's scratch.
func (c call) clipped(worker int, g []float32, factor float32) []float32 {
	if factor == 1 {
		return g
	}
	s := c.scratch[worker][:len(g)]
	c.k.Scale(s, factor, g)
	return s
}

// keepOrCopy makes dst equal to src, which may be the same memory.
func keepOrCopy(dst, src []float32) {
	if &dst[0] != &src[0] {
		copy(dst, src)
	}
}

// ema is e + (1-d)·(p - e): unlike d·e + (1-d)·p in float32 it comes to rest at
// p, because d and 1-d are rounded apart.
func (c call) ema(k ops.EMA) func() {
	e, p, clip, y := c.x(0), c.x(1), c.x(2), c.y(0)
	rest := float32(1 - k.Decay)
	c.reserve(grain)
	piece := func(worker, lo, hi int) {
		if clip[0] != clip[0] {
			keepOrCopy(y[lo:hi], e[lo:hi])
			return
		}
		diff := c.scratch[worker][:hi-lo]
		c.k.Combine(diff, 1, p[lo:hi], -1, e[lo:hi])
		c.k.Combine(y[lo:hi], 1, e[lo:hi], rest, diff)
	}
	return func() { c.pool.Range(len(y), grain, piece) }
}
