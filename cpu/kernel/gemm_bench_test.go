package kernel

import (
	"fmt"
	"testing"
	"time"
)

// layer is a dense layer as it runs in a model: rows tokens, in and out features.
type layer struct{ rows, in, out int }

// benchLayers are the dense layers of ViT-Ti/16 at 224 (batch 8), ViT-B/16 (batch 4) and of a ViT 32/4
// of width 192 (batch 64).
var benchLayers = []layer{
	{1576, 192, 192}, {1576, 192, 576}, {1576, 192, 768}, {1576, 768, 192},
	{788, 768, 768}, {788, 768, 2304}, {788, 768, 3072}, {788, 3072, 768},
	{4160, 192, 192}, {4160, 192, 576}, {4160, 192, 768}, {4160, 768, 192},
}

// gemm returns the product of one form that training the layer takes.
func (l layer) gemm(form Form) Gemm {
	m, n, k := l.rows, l.out, l.in // y = x*W^T
	switch form {
	case NN: // dx = dy*W
		m, n, k = l.rows, l.in, l.out
	case TN: // dW = dy^T*x
		m, n, k = l.out, l.in, l.rows
	}
	g, _ := gemmCase{m: m, n: n, k: k}.operands(form)
	if form == NT {
		g.Bias = random(n, 4).x
	}
	return g
}

func BenchmarkGemm(b *testing.B) {
	for _, threads := range []int{1, 2} {
		p := NewPool(threads)
		defer p.Close()
		w := NewWorkspace(Best(), p)
		for _, l := range benchLayers {
			for _, form := range []Form{NT, NN, TN} {
				g := l.gemm(form)
				b.Run(fmt.Sprintf("%v/m=%d/n=%d/k=%d/threads=%d", form, g.M, g.N, g.K, threads), func(b *testing.B) {
					report(b, w, g.Flops(), func() { w.Gemm(g) })
				})
			}
		}
	}
}

// BenchmarkAttention runs the products of eight images of ViT-Ti/16, three
// heads each, one head at a time on each thread. Heads are columns of qkv.
func BenchmarkAttention(b *testing.B) {
	const tokens, head, heads, batch = 197, 64, 3, 8
	const width = heads * head
	qkv, dqkv := random(batch*tokens*3*width, 1).x, make([]float32, batch*tokens*3*width)
	probs := random(batch*heads*tokens*tokens, 2).x
	scores := make([]float32, len(probs))
	products := []struct {
		name string
		at   func(part, prob int) Gemm // offsets of the head in qkv and in the probabilities
	}{
		{"q*kT", func(part, prob int) Gemm {
			return Gemm{Form: NT, M: tokens, N: tokens, K: head, A: qkv[part:], LDA: 3 * width,
				B: qkv[part+width:], LDB: 3 * width, C: scores[prob:], LDC: tokens}
		}},
		{"p*v", func(part, prob int) Gemm {
			return Gemm{Form: NN, M: tokens, N: head, K: tokens, A: probs[prob:], LDA: tokens,
				B: qkv[part+2*width:], LDB: 3 * width, C: dqkv[part:], LDC: 3 * width}
		}},
		{"dsT*q", func(part, prob int) Gemm {
			return Gemm{Form: TN, M: tokens, N: head, K: tokens, A: probs[prob:], LDA: tokens,
				B: qkv[part:], LDB: 3 * width, C: dqkv[part+width:], LDC: 3 * width}
		}},
	}
	for _, threads := range []int{1, 2} {
		p := NewPool(threads)
		defer p.Close()
		w := NewWorkspace(Best(), p)
		for _, c := range products {
			one := func(worker, i int) {
				g := c.at(i/heads*tokens*3*width+i%heads*head, i*tokens*tokens)
				w.Kernels().Gemm(w.Scratch(worker), g)
			}
			b.Run(fmt.Sprintf("%s/threads=%d", c.name, threads), func(b *testing.B) {
				report(b, w, heads*batch*c.at(0, 0).Flops(), func() { p.For(heads*batch, one) })
			})
		}
	}
}

// report times f and reports its rate, of the best run too, beside the peak measured just
// before and after.
func report(b *testing.B, w *Workspace, flops float64, f func()) {
	peak := w.FMAPeak()
	f()
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	peak = max(peak, w.FMAPeak())
	mean := flops * float64(b.N) / float64(b.Elapsed().Nanoseconds())
	b.ReportMetric(mean, "GFLOP/s")
	b.ReportMetric(100*mean/peak, "%peak")
	b.ReportMetric(100*flops/float64(best.Nanoseconds())/peak, "%peak-best")
}
