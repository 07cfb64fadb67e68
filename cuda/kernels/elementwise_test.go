//go:build m2ptemu

package kernels_test

import (
	"testing"

	"m2pt/cuda/kernels"
	"m2pt/cuda/kernels/kerneltest"
	"m2pt/engine"
	"m2pt/internal/philox"
)

// sizes have no vector, a part of one, several, and more than the threads of a launch.
var sizes = []int{1, 7, 8, 63, 1000, 5003}

func normal(name string, n int) []float32 {
	r := philox.New(1, name, 0, 0)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.Norm())
	}
	return x
}

func elementwise(t *testing.T, name string, s engine.Storage, args ...any) {
	t.Helper()
	kerneltest.Run(t, kerneltest.Launch{Kernel: kernels.Name(name, s), Grid: [3]int{3, 1, 1}, Block: 64, Args: args})
}

func wantEach(t *testing.T, s engine.Storage, got any, want func(i int) float32) {
	t.Helper()
	for i, v := range kerneltest.Values(got) {
		if w := kerneltest.Round(s, want(i)); v != w {
			t.Fatalf("%v: element %d of %d is %g, want %g", s, i, len(kerneltest.Values(got)), v, w)
		}
	}
}

func TestElementwise(t *testing.T) {
	for _, s := range kerneltest.Storages() {
		for _, n := range sizes {
			a, b := kerneltest.Keep(s, normal("a", n)), kerneltest.Keep(s, normal("b", n))
			u, v := kerneltest.Values(a), kerneltest.Values(b)

			y := kerneltest.Keep(s, make([]float32, n))
			elementwise(t, "add", s, n, y, a, b)
			wantEach(t, s, y, func(i int) float32 { return u[i] + v[i] })

			elementwise(t, "scale", s, n, y, a, []float32{-1.5})
			wantEach(t, s, y, func(i int) float32 { return -1.5 * u[i] })

			elementwise(t, "copy", s, n, y, a)
			wantEach(t, s, y, func(i int) float32 { return u[i] })

			other := engine.BF16 - s
			x := kerneltest.Keep(other, normal("x", n))
			elementwise(t, "cast", s, n, y, x)
			wantEach(t, s, y, func(i int) float32 { return kerneltest.Values(x)[i] })
		}
	}
}
