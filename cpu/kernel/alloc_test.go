package kernel

import (
	"context"
	"runtime/pprof"
	"testing"
)

// TestNoAllocations: once the buffers have grown, no operation allocates.
func TestNoAllocations(t *testing.T) {
	const rows, cols = 300, 70
	p := NewPool(2)
	defer p.Close()
	w := NewWorkspace(Best(), p)
	x, y, dx := random(rows*cols, 1).x, random(rows*cols, 2).x, make([]float32, rows*cols)
	gamma, sums, dbeta := random(cols, 3).x, make([]float32, cols), make([]float32, cols)
	mean, rstd := make([]float32, rows), make([]float32, rows)
	tn, _ := gemmCase{m: 50, n: 70, k: 500}.operands(TN)
	nt, _ := gemmCase{m: 197, n: 197, k: 64}.operands(NT)
	var heads [8]Gemm
	for i := range heads {
		heads[i] = nt
		heads[i].C = make([]float32, len(nt.C))
	}
	head := func(worker, i int) { w.Kernels().Gemm(w.Scratch(worker), heads[i]) }
	labels := pprof.WithLabels(context.Background(), pprof.Labels("op", "gemm"))
	cases := map[string]func(){
		"Gemm":          func() { w.Gemm(tn) },
		"Gemm in For":   func() { p.For(len(heads), head) },
		"Gemm labelled": func() { p.Label(labels); w.Gemm(tn); p.Unlabel() },
		"Sum":           func() { w.Sum(x) },
		"Dot":           func() { w.Dot(x, y) },
		"ColumnSums":    func() { w.ColumnSums(sums, x) },
		"LayerNorm":     func() { w.Kernels().LayerNorm(dx, mean, rstd, x, gamma, gamma, 1e-6) },
		"LayerNormGrad": func() { w.LayerNormGrad(dx, sums, dbeta, y, x, gamma, mean, rstd) },
		"Softmax":       func() { w.Kernels().Softmax(dx, mean, x, cols, 1) },
		"AdamW":         func() { w.Kernels().AdamW(dx, y, y, x, AdamW{Correct1: 0.1, Correct2: 0.1, Beta1: 0.9, Beta2: 0.9}) },
	}
	for name, f := range cases {
		for range 10 { // each worker's scratch grows when it first gets an iteration
			f()
		}
		if n := testing.AllocsPerRun(20, f); n != 0 {
			t.Errorf("%s: %v allocations a run, want none", name, n)
		}
	}
}
