//go:build m2ptemu

package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"m2pt/cuda/kernels"
	"m2pt/cuda/kernels/kerneltest"
	"m2pt/engine"
	"m2pt/ops"
)

// attentionCase has queries and keys of standard deviation std. Where that is negative
// queries are negative, keys positive, and hence all scores low.
type attentionCase struct {
	samples, n, heads, width int
	std                      float32
}

// attention is a case and what its reference, in float64, makes of the numbers that the
// kernels get.
type attention struct {
	attentionCase
	scale                   float32
	qkv, o, lse, grad, dqkv ops.Buf
}

func newAttention(s engine.Storage, c attentionCase) attention {
	samples, n, d := c.samples, c.n, c.heads*c.width
	buf := func(what string, shape ...int) ops.Buf {
		b := ops.NewBuf(ops.Spec{Shape: shape, Dtype: ops.Float64})
		for i, v := range normal(what, b.Len()) {
			if what == "qkv" {
				v = c.scaled(v, i%(3*d)/d)
			}
			ops.Of[float64](b)[i] = float64(kerneltest.Round(s, v))
		}
		return b
	}
	a := attention{attentionCase: c, scale: float32(1 / math.Sqrt(float64(c.width)))}
	a.qkv, a.grad = buf("qkv", samples, n, 3*d), buf("grad", samples, n, d)
	a.o, a.lse, a.dqkv = buf("", samples, n, d), buf("", samples, c.heads, n), buf("", samples, n, 3*d)
	ops.Attention{Heads: c.heads}.Do([]ops.Buf{a.qkv}, []ops.Buf{a.o, a.lse})
	return a
}

// scaled is a normal number as one of part p (0 q, 1 k, 2 v).
func (c attentionCase) scaled(v float32, p int) float32 {
	switch {
	case p == 2:
		return v
	case c.std > 0:
		return v * c.std
	}
	v = c.std * float32(math.Abs(float64(v)))
	if p == 1 {
		return -v
	}
	return v
}

// gradient fills dqkv for o and lse as the kernels keep them.
func (a attention) gradient(s engine.Storage) {
	for i, v := range ops.Of[float64](a.o) {
		ops.Of[float64](a.o)[i] = float64(kerneltest.Round(s, float32(v)))
	}
	for i, v := range ops.Of[float64](a.lse) {
		ops.Of[float64](a.lse)[i] = float64(float32(v))
	}
	ops.AttentionGrad{Heads: a.heads}.Do([]ops.Buf{a.qkv, a.o, a.lse, a.grad}, []ops.Buf{a.dqkv})
}

func narrow(b ops.Buf) []float32 {
	x := make([]float32, b.Len())
	for i, v := range ops.Of[float64](b) {
		x[i] = float32(v)
	}
	return x
}

// general launches a kernel of the general path.
func (a attention) general(t *testing.T, name string, s engine.Storage, args ...any) {
	t.Helper()
	blocks := a.samples * a.heads * ceil(a.n, 64) * ceil(a.width, 128)
	kerneltest.Run(t, kerneltest.Launch{Kernel: kernels.Name(name, s), Grid: [3]int{blocks, 1, 1}, Block: 256,
		Args: append([]any{a.n, a.heads, a.width, a.scale}, args...)})
}

// mma launches one on tensor cores.
func (a attention) mma(t *testing.T, name string, args ...any) {
	t.Helper()
	own, kept := 128, 0
	if a.width > 64 {
		own = 64
	}
	if name == "attention_mma_dkdv" {
		kept = 2
	}
	kerneltest.Run(t, kerneltest.Launch{Kernel: fmt.Sprintf("%s_%d", name, a.width),
		Grid: [3]int{a.samples * a.heads * ceil(a.n, own), 1, 1}, Block: 128,
		Shared: (4*64+kept*own)*2*(a.width+8) + kept*512, Args: append([]any{a.n, a.heads, a.scale}, args...)})
}

func ceil(a, b int) int { return (a + b - 1) / b }

// near fails where the largest error of a part of the rows exceeds tol times the part's
// largest number: parts are q, k and v, or all. What nearly cancels out is held to a tenth
// of the whole.
func near(t *testing.T, what string, got []float32, want ops.Buf, parts int, tol float64) {
	t.Helper()
	w := ops.Of[float64](want)
	width := want.Shape[len(want.Shape)-1] / parts
	whole := 0.0
	for _, v := range w {
		whole = max(whole, math.Abs(v))
	}
	for part := range parts {
		top, worst := whole/10, 0.0
		for i, v := range w {
			if i/width%parts != part {
				continue
			}
			top = max(top, math.Abs(v))
			if d := math.Abs(float64(got[i]) - v); d > worst || d != d {
				worst = d
			}
		}
		if !(worst <= tol*top) {
			t.Errorf("%s, part %d: error %.2g of %.3g exceeds %g", what, part, worst, top, tol)
		}
	}
}

func zeros(b ops.Buf) []float32 { return make([]float32, b.Len()) }

// TestAttention compares the general path: one token, lengths beside the borders of tiles,
// odd head sizes and one of two slices, large scores.
func TestAttention(t *testing.T) {
	for _, c := range []attentionCase{
		{2, 3, 2, 7, 1}, {1, 1, 1, 1, 1}, {1, 65, 2, 33, 1}, {1, 63, 1, 150, 1}, {1, 129, 1, 20, 3}, {1, 66, 1, 5, 40}, {1, 33, 2, 20, -9},
	} {
		for _, s := range kerneltest.Storages() {
			t.Run(fmt.Sprintf("%v/%v", s, c), func(t *testing.T) {
				tol := tolerance{o: 1e-5, lse: 1e-6, dqkv: 2e-5}
				if s == engine.BF16 {
					tol = tolerance{o: 5e-3, lse: 1e-6, dqkv: 5e-3}
				}
				newAttention(s, c).check(t, s, tol.loose(c.std), false)
			})
		}
	}
}

// TestAttentionOnTensorCores compares all head sizes that they take, at lengths at and
// beside the borders of tiles, and large scores.
func TestAttentionOnTensorCores(t *testing.T) {
	for _, c := range []attentionCase{
		{2, 17, 2, 32, 1}, {1, 1, 3, 64, 1}, {1, 64, 1, 48, 1}, {1, 65, 2, 80, 1}, {1, 197, 1, 64, 1}, {1, 63, 1, 96, 1},
		{1, 33, 1, 112, 1}, {2, 66, 1, 128, 1}, {1, 129, 2, 64, 1}, {1, 128, 1, 32, 1}, {1, 257, 1, 32, 2}, {1, 16, 1, 80, 4},
		{1, 130, 1, 64, 30}, {1, 81, 1, 80, 30}, {1, 130, 1, 32, 60}, {1, 81, 1, 64, -6},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			newAttention(engine.BF16, c).check(t, engine.BF16, tolerance{o: 8e-3, lse: 1e-6, dqkv: 1.5e-2}, true)
		})
	}
}

// tolerance is what o, lse and dqkv may be off by, of their largest number.
type tolerance struct{ o, lse, dqkv float64 }

// loose allows for scores of standard deviation std², rounded to float32.
func (l tolerance) loose(std float32) tolerance {
	if std > 5 || std < 0 {
		l.o, l.dqkv = max(l.o, 2e-3), max(l.dqkv, 5e-3)
	}
	return l
}

// check runs one path forwards and backwards.
func (a attention) check(t *testing.T, s engine.Storage, tol tolerance, mma bool) {
	t.Helper()
	qkv, o, lse := kerneltest.Keep(s, narrow(a.qkv)), kerneltest.Keep(s, zeros(a.o)), zeros(a.lse)
	path := "general"
	if mma {
		path = "mma"
		a.mma(t, "attention_mma", o, lse, qkv)
	} else {
		a.general(t, "attention", s, o, lse, qkv)
	}
	near(t, path+" o", kerneltest.Values(o), a.o, 1, tol.o)
	near(t, path+" lse", lse, a.lse, 1, tol.lse)
	a.gradient(s)
	o, lse = kerneltest.Keep(s, narrow(a.o)), narrow(a.lse)
	grad, delta, dqkv := kerneltest.Keep(s, narrow(a.grad)), zeros(a.lse), kerneltest.Keep(s, zeros(a.dqkv))
	if mma {
		a.mma(t, "attention_mma_dq", dqkv, delta, qkv, o, lse, grad)
		a.mma(t, "attention_mma_dkdv", dqkv, qkv, lse, delta, grad)
	} else {
		kerneltest.Run(t, kerneltest.Launch{Kernel: kernels.Name("attention_delta", s), Grid: [3]int{2, 1, 1}, Block: 64,
			Args: []any{len(lse), a.n, a.heads, a.width, delta, o, grad}})
		a.general(t, "attention_dq", s, dqkv, qkv, lse, delta, grad)
		a.general(t, "attention_dkdv", s, dqkv, qkv, lse, delta, grad)
	}
	near(t, path+" dqkv", kerneltest.Values(dqkv), a.dqkv, 3, tol.dqkv)
}
