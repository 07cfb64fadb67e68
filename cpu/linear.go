package cpu

import (
	"m2pt/cpu/kernel"
	"m2pt/ops"
)

// last is the size of a tensor's innermost dimension.
func last(b ops.Buf) int { return b.Shape[len(b.Shape)-1] }

// linear is y = x·Wᵀ + b.
func (c call) linear(k ops.Linear) func() {
	K, N := last(c.in[0]), last(c.out[0])
	g := kernel.Gemm{Form: kernel.NT, M: c.in[0].Len() / K, N: N, K: K,
		A: c.x(0), LDA: K, B: c.x(1), LDB: K, C: c.y(0), LDC: N}
	if k.Bias {
		g.Bias = c.x(2)
	}
	return func() { c.work.Gemm(g) }
}

// linearGradX is dx = dy·W.
func (c call) linearGradX() func() {
	K, N := last(c.in[0]), last(c.out[0])
	g := kernel.Gemm{Form: kernel.NN, M: c.in[0].Len() / K, N: N, K: K,
		A: c.x(0), LDA: K, B: c.x(1), LDB: N, C: c.y(0), LDC: N}
	return func() { c.work.Gemm(g) }
}

// linearGradW is dW = dyᵀ·x.
func (c call) linearGradW() func() {
	M, N := last(c.in[0]), last(c.in[1])
	g := kernel.Gemm{Form: kernel.TN, M: M, N: N, K: c.in[0].Len() / M,
		A: c.x(0), LDA: M, B: c.x(1), LDB: N, C: c.y(0), LDC: N}
	return func() { c.work.Gemm(g) }
}

func (c call) sumRows() func() {
	x, sum := c.x(0), c.y(0)
	return func() { c.work.ColumnSums(sum, x) }
}
