package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestColumns compares what works on the columns of a matrix, row after row,
// with float64.
func TestColumns(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, n := range lengths {
			x, mu, a, b, c, dy := random(n, 1).x, random(n, 2).x, random(n, 3).x, random(n, 4).x, random(n, 5).x, random(n, 6).x
			sum, sumX, y := random(n, 7), random(n, 8), newGuarded(n)
			wantSum, wantX, want := wide(sum.x), wide(sumX.x), make([]float64, n)
			centred := func(i int) float64 { return float64(x[i]) - float64(mu[i]) }
			compare := func(name string, got guarded, want []float64) {
				t.Helper()
				got.check(t, name)
				near(t, name, got.x, want, 1e-6)
			}

			k.AddSquares(sum.x, x, mu)
			for i := range x {
				wantSum[i] += centred(i) * centred(i)
			}
			compare("squares", sum, wantSum)

			k.AddProducts(sum.x, sumX.x, dy, x, mu)
			for i, d := range dy {
				wantSum[i] += float64(d)
				wantX[i] += float64(d) * centred(i)
			}
			compare("sums", sum, wantSum)
			compare("products", sumX, wantX)

			k.Affine(y.x, x, mu, a, b)
			for i := range x {
				want[i] = float64(a[i])*centred(i) + float64(b[i])
			}
			compare("affine", y, want)

			k.AffineGrad(y.x, dy, x, mu, a, b, c)
			for i := range x {
				want[i] = float64(a[i])*float64(dy[i]) - float64(b[i])*centred(i) - float64(c[i])
			}
			compare("affine gradient", y, want)
		}
	})
}

// TestRise: the first of the largest values of a column wins, NaN over all
// numbers, whatever its sign.
func TestRise(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	minusNaN := math.Float32frombits(math.Float32bits(nan) | 1<<31)
	cases := []struct {
		name   string
		column []float32
		index  int32
	}{
		{"one", []float32{3}, 0},
		{"last", []float32{-5, -4, -3}, 2},
		{"first of equal", []float32{1, 2, 2, 2}, 1},
		{"zeros", []float32{0, float32(math.Copysign(0, -1)), 0}, 0},
		{"infinite", []float32{-inf, 5, inf, inf}, 2},
		{"nothing larger", []float32{-inf, -inf}, 0},
		{"NaN", []float32{1, nan, inf, nan}, 1},
		{"negative NaN", []float32{1, 2, minusNaN, nan, 3}, 2},
		{"NaN first", []float32{nan, 7, nan}, 0},
	}
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, c := range cases {
			for _, n := range lengths[1:] {
				top, row, index := newGuarded(n), make([]float32, n), make([]int32, n+1)
				fill := func(x []float32, v float32) {
					for i := range x {
						x[i] = v
					}
				}
				fill(top.x, c.column[0])
				for i, v := range c.column[1:] {
					fill(row, v)
					k.Rise(top.x, index, row, int32(i+1))
				}
				top.check(t, c.name)
				want := append(slices.Repeat([]int32{c.index}, n), 0)
				if !slices.Equal(index, want) || !sameValue(float64(top.x[n-1]), float64(c.column[c.index])) {
					t.Errorf("%s of %d: index %v, value %v", c.name, n, index, top.x[n-1])
				}
			}
		}
	})
}
