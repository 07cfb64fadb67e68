//go:build m2ptemu

package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"m2pt/cuda/kernels"
	"m2pt/cuda/kernels/kerneltest"
	"m2pt/engine"
	"m2pt/ops"
)

func buf(x []float32, shape ...int) ops.Buf {
	b := ops.NewBuf(ops.Spec{Shape: shape, Dtype: ops.Float64})
	for i, v := range x {
		ops.Of[float64](b)[i] = float64(v)
	}
	return b
}

// wantNear holds what a kernel made to the reference, relative to the largest value.
func wantNear(t *testing.T, what string, got []float32, want ops.Buf, tol float64) {
	t.Helper()
	scale, worst := 0.0, 0.0
	for i, w := range ops.Of[float64](want) {
		scale = max(scale, math.Abs(w))
		if d := math.Abs(float64(got[i]) - w); !(d <= worst) {
			worst = d
		}
	}
	if !(worst <= tol*scale) {
		t.Errorf("%s: error %.2g exceeds %g", what, worst/scale, tol)
	}
}

// TestLayerNorm gives every warp several rows, which a launch on small tensors does not;
// alone, and of a sum and with one added to the gradient.
func TestLayerNorm(t *testing.T) {
	const blocks = 2
	for _, s := range kerneltest.Storages() {
		tol := map[engine.Storage]float64{engine.Full: 1e-5, engine.BF16: 1e-2}[s]
		for _, c := range []struct{ variant, rows, width int }{
			{256, 131, 8}, {256, 67, 192}, {512, 35, 384}, {512, 34, 512}, {768, 19, 768}, {1024, 21, 776}, {1024, 17, 1024}, {256, 1, 256},
		} {
			for _, joined := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v %dx%d joined=%v", s, c.rows, c.width, joined), func(t *testing.T) {
					n := c.rows * c.width
					x, dy := kerneltest.Keep(s, normal("x", n)), kerneltest.Keep(s, normal("dy", n))
					y, dx := kerneltest.Keep(s, make([]float32, n)), kerneltest.Keep(s, make([]float32, n))
					gamma, beta := normal("gamma", c.width), normal("beta", c.width)
					mean, rstd := make([]float32, c.rows), make([]float32, c.rows)
					partial := make([]float32, blocks*2*c.width)
					added, plus, sum := make([]float32, n), any(nil), any(nil)
					if joined {
						plus = kerneltest.Keep(s, normal("plus", n))
						added, sum = kerneltest.Values(plus), kerneltest.Keep(s, make([]float32, n))
					}
					whole := slices.Clone(kerneltest.Values(x))
					for i, v := range added {
						whole[i] = kerneltest.Round(s, whole[i]+v)
					}
					launch := func(kernel string, block int, args ...any) {
						kernel = kernels.Name(fmt.Sprintf("%s_%d", kernel, c.variant), s)
						kerneltest.Run(t, kerneltest.Launch{Kernel: kernel, Grid: [3]int{blocks, 1, 1}, Block: block, Args: args})
					}

					in := []ops.Buf{buf(whole, c.rows, c.width), buf(gamma, c.width), buf(beta, c.width)}
					out := []ops.Buf{buf(nil, c.rows, c.width), buf(nil, c.rows), buf(nil, c.rows)}
					ops.LayerNorm{Eps: 1e-6}.Do(in, out)
					launch("layer_norm", 64, c.rows, c.width, y, mean, rstd, sum, x, plus, nil, float32(0), float32(0), 1, gamma, beta, float32(1e-6))
					wantNear(t, "y", kerneltest.Values(y), out[0], tol)
					wantNear(t, "mean", mean, out[1], 1e-5)
					wantNear(t, "rstd", rstd, out[2], 1e-5)
					if joined {
						wantNear(t, "sum", kerneltest.Values(sum), in[0], 0)
						x = sum
					}

					in = []ops.Buf{in[0], in[1], buf(mean, c.rows), buf(rstd, c.rows), buf(kerneltest.Values(dy), c.rows, c.width)}
					grads := []ops.Buf{buf(nil, c.rows, c.width), buf(nil, c.width), buf(nil, c.width)}
					ops.LayerNormGrad{}.Do(in, grads)
					for i, v := range added {
						ops.Of[float64](grads[0])[i] += float64(v)
					}
					launch("layer_norm_grad", 128, c.rows, c.width, dx, partial, x, gamma, mean, rstd, dy, plus)
					wantNear(t, "dx", kerneltest.Values(dx), grads[0], tol)
					for i, name := range []string{"dgamma", "dbeta"} {
						sum := make([]float32, c.width)
						for j := range sum {
							sum[j] = partial[i*c.width+j] + partial[(2+i)*c.width+j]
						}
						wantNear(t, name, sum, grads[1+i], 1e-5)
					}
				})
			}
		}
	}
}
