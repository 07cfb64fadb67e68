package kernel

import (
	"fmt"
	"math"
	"testing"
)

var matrixCases = []struct{ rows, cols int }{
	{0, 8}, {1, 1}, {3, 5}, {2, 8}, {65, 9}, {64, 16}, {130, 197}, {200, 192}, {7, 1003},
}

// eachMatrix runs f for every set and shape.
func eachMatrix(t *testing.T, f func(t *testing.T, k *Kernels, rows, cols int)) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, c := range matrixCases {
			t.Run(fmt.Sprintf("%dx%d", c.rows, c.cols), func(t *testing.T) { f(t, k, c.rows, c.cols) })
		}
	})
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestSoftmax(t *testing.T) {
	const scale = 0.125
	eachMatrix(t, func(t *testing.T, k *Kernels, rows, cols int) {
		x, y, lse := random(rows*cols, 1), newGuarded(rows*cols), newGuarded(rows)
		k.Scale(x.x, 300, x.x)
		k.Softmax(y.x, lse.x, x.x, cols, scale)
		y.check(t, "y")
		lse.check(t, "lse")
		want, wantLSE := softmax64(wide(x.x), cols, scale)
		near(t, "y", y.x, want, 1e-5)
		near(t, "lse", lse.x, wantLSE, 1e-6)
		again := newGuarded(rows * cols)
		k.ExpRows(again.x, x.x, lse.x, cols, scale)
		again.check(t, "y from lse")
		near(t, "y from lse", again.x, want, 1e-5)

		k.Softmax(x.x, nil, x.x, cols, scale)
		sameBits(t, "y in place", x.x, y.x)

		// Probabilities near 1 would leave nothing but rounding of the gradient.
		k.Softmax(y.x, nil, random(rows*cols, 3).x, cols, scale)
		dy, dx := random(rows*cols, 2), newGuarded(rows*cols)
		k.SoftmaxGrad(dx.x, y.x, dy.x, cols, scale)
		dx.check(t, "dx")
		near(t, "dx", dx.x, softmaxGrad64(wide(y.x), wide(dy.x), cols, scale), 1e-5)
		k.SoftmaxGrad(dy.x, y.x, dy.x, cols, scale)
		sameBits(t, "dx in place", dy.x, dx.x)
	})
}

func softmax64(x []float64, cols int, scale float64) (y, lse []float64) {
	for ; len(x) > 0; x = x[cols:] {
		top, sum := math.Inf(-1), 0.0
		for _, v := range x[:cols] {
			top = max(top, scale*v)
		}
		for _, v := range x[:cols] {
			sum += math.Exp(scale*v - top)
		}
		for _, v := range x[:cols] {
			y = append(y, math.Exp(scale*v-top)/sum)
		}
		lse = append(lse, top+math.Log(sum))
	}
	return y, lse
}

func softmaxGrad64(y, dy []float64, cols int, scale float64) (dx []float64) {
	for ; len(y) > 0; y, dy = y[cols:], dy[cols:] {
		var dot float64
		for i := range cols {
			dot += y[i] * dy[i]
		}
		for i := range cols {
			dx = append(dx, scale*y[i]*(dy[i]-dot))
		}
	}
	return dx
}

// TestSoftmaxNonFinite: a NaN spoils its row and no other.
func TestSoftmaxNonFinite(t *testing.T) {
	const cols = 11
	eachSet(t, func(t *testing.T, k *Kernels) {
		x := random(2*cols, 1).x
		x[3] = float32(math.NaN())
		k.Softmax(x, nil, x, cols, 1)
		for i, v := range x {
			if isNaN := v != v; isNaN != (i < cols) {
				t.Errorf("element %d is %v", i, v)
			}
		}
	})
}

// normRef is LayerNorm with its gradient in float64.
type normRef struct{ y, mean, rstd, dx, dgamma, dbeta []float64 }

func newNormRef(x, gamma, beta, dy []float32, eps float64) normRef {
	cols := len(gamma)
	r := normRef{dgamma: make([]float64, cols), dbeta: make([]float64, cols)}
	for ; len(x) > 0; x, dy = x[cols:], dy[cols:] {
		r.row(wide(x[:cols]), wide(dy[:cols]), gamma, beta, eps)
	}
	return r
}

func (r *normRef) row(x, dy []float64, gamma, beta []float32, eps float64) {
	n := float64(len(x))
	var mean, variance, g, gx float64
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / n
	}
	rstd := 1 / math.Sqrt(variance+eps)
	r.mean, r.rstd = append(r.mean, mean), append(r.rstd, rstd)
	for i, v := range x {
		x[i] = (v - mean) * rstd
		r.y = append(r.y, x[i]*float64(gamma[i])+float64(beta[i]))
		r.dgamma[i] += dy[i] * x[i]
		r.dbeta[i] += dy[i]
		dy[i] *= float64(gamma[i])
		g += dy[i] / n
		gx += dy[i] * x[i] / n
	}
	for i := range x {
		r.dx = append(r.dx, rstd*(dy[i]-g-x[i]*gx))
	}
}

func TestLayerNorm(t *testing.T) {
	const eps = 1e-2 // large enough for one column, whose variance is zero
	eachMatrix(t, func(t *testing.T, k *Kernels, rows, cols int) {
		n := rows * cols
		x, dy, gamma, beta := random(n, 1).x, random(n, 2).x, random(cols, 3).x, random(cols, 4).x
		for i := range x {
			x[i] += 3
		}
		want := newNormRef(x, gamma, beta, dy, eps)
		y, mean, rstd := newGuarded(n), newGuarded(rows), newGuarded(rows)
		k.LayerNorm(y.x, mean.x, rstd.x, x, gamma, beta, eps)
		for name, out := range map[string]guarded{"y": y, "mean": mean, "rstd": rstd} {
			out.check(t, name)
		}
		near(t, "y", y.x, want.y, 1e-5)
		near(t, "mean", mean.x, want.mean, 1e-6)
		near(t, "rstd", rstd.x, want.rstd, 1e-5)

		var first [3]guarded
		for _, w := range workspaces(t, k) {
			got := [3]guarded{newGuarded(n), newGuarded(cols), newGuarded(cols)}
			w.ColumnSums(make([]float32, 3*cols+1), random(rows*(3*cols+1), 5).x) // leaves its sums in the buffer
			w.LayerNormGrad(got[0].x, got[1].x, got[2].x, dy, x, gamma, mean.x, rstd.x)
			for i, name := range []string{"dx", "dgamma", "dbeta"} {
				got[i].check(t, name)
				near(t, name, got[i].x, [][]float64{want.dx, want.dgamma, want.dbeta}[i], 1e-5)
				if first[i].x == nil {
					first[i] = got[i]
				}
				sameBits(t, name, got[i].x, first[i].x)
			}
		}
	})
}

func TestColumnSums(t *testing.T) {
	eachMatrix(t, func(t *testing.T, k *Kernels, rows, cols int) {
		x := random(rows*cols, 1).x
		want := make([]float64, cols)
		for i, v := range x {
			want[i%cols] += float64(v)
		}
		var first []float32
		for _, w := range workspaces(t, k) {
			got := newGuarded(cols)
			w.ColumnSums(got.x, x)
			w.ColumnSums(got.x, x) // with the first one's sums in the buffer
			got.check(t, "sums")
			near(t, "sums", got.x, want, 1e-5)
			if first == nil {
				first = got.x
			}
			sameBits(t, "sums", got.x, first)
		}
	})
}

func TestParallelSums(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, n := range []int{0, 1, sumPiece, 3*sumPiece + 17} {
			x, y := random(n, 1).x, random(n, 2).x
			var sums, dots []float64
			for _, w := range workspaces(t, k) {
				sums, dots = append(sums, w.Sum(x)), append(dots, w.Dot(x, y))
			}
			for i := range sums {
				if sums[i] != sums[0] || dots[i] != dots[0] {
					t.Errorf("n=%d, %d threads: %v, %v, want %v, %v", n, threadCounts[i], sums[i], dots[i], sums[0], dots[0])
				}
			}
			if sum, dot := k.Sum(x), k.Dot(x, y); math.Abs(sums[0]-sum) > 1e-9 || math.Abs(dots[0]-dot) > 1e-9 {
				t.Errorf("n=%d: %v, %v, want %v, %v", n, sums[0], dots[0], sum, dot)
			}
		}
	})
}
