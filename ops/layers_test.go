package ops_test

import (
	"math"
	"slices"
	"testing"

	"m2pt/ops"
)

// do runs a kind's reference in float32 on inputs given as numbers.
func do(t *testing.T, k ops.Kind, in ...ops.Buf) []ops.Buf {
	t.Helper()
	var specs []ops.Spec
	for _, b := range in {
		specs = append(specs, b.Spec)
	}
	outs, err := k.Infer(specs)
	if err != nil {
		t.Fatal(err)
	}
	var out []ops.Buf
	for _, s := range outs {
		out = append(out, ops.NewBuf(s))
	}
	k.Do(in, out)
	return out
}

func floats(shape []int, v ...float32) ops.Buf {
	b := ops.NewBuf(ops.F32(shape...))
	copy(ops.Of[float32](b), v)
	return b
}

func indices(shape []int, v ...int32) ops.Buf {
	b := ops.NewBuf(ops.Spec{Shape: shape, Dtype: ops.Int32})
	copy(ops.Of[int32](b), v)
	return b
}

func same(t *testing.T, what string, got ops.Buf, want ...float32) {
	t.Helper()
	if !slices.Equal(ops.Of[float32](got), want) {
		t.Errorf("%s: %v, want %v", what, ops.Of[float32](got), want)
	}
}

// TestBatchNormKeepsRunningStatistics: a batch with a value that is not finite
// changes none of them, in no column; a good one does.
func TestBatchNormKeepsRunningStatistics(t *testing.T) {
	mean, variance := floats([]int{2}, 1, 2), floats([]int{2}, 3, 4)
	k := ops.BatchNorm{Eps: 1e-5, Momentum: 0.5, Train: true, Plain: true}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		out := do(t, k, floats([]int{2, 2}, 1, 2, 3, float32(bad)), mean, variance)
		same(t, "mean after a bad batch", out[3], 1, 2)
		same(t, "variance after a bad batch", out[4], 3, 4)
	}
	out := do(t, k, floats([]int{2, 2}, 1, 2, 3, 4), mean, variance)
	same(t, "mean", out[3], 1.5, 2.5)
	same(t, "variance", out[4], 2.5, 3)
}

// TestMaxPoolTakesTheFirst of equal values, and NaN before any number.
func TestMaxPoolTakesTheFirst(t *testing.T) {
	nan := float32(math.NaN())
	out := do(t, ops.MaxPool{From: 1, Count: 3}, floats([]int{1, 4, 3}, 9, 9, 9, 1, 5, nan, 2, 5, 7, 2, 4, nan))
	if got, want := ops.Of[int32](out[1]), []int32{2, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("index %v, want %v", got, want)
	}
	if y := ops.Of[float32](out[0]); y[0] != 2 || y[1] != 5 || y[2] == y[2] {
		t.Errorf("maximum %v, want [2 5 NaN]", y)
	}
}

// TestDropout: a sample's elements are kept at the rate, by its key and not by
// its row, and otherwise for each purpose.
func TestDropout(t *testing.T) {
	const n = 4096
	x := floats([]int{2, n}, slices.Repeat([]float32{1}, 2*n)...)
	keys := indices([]int{2, 2}, 7, 1, 7, 2)
	swapped := indices([]int{2, 2}, 7, 2, 7, 1)
	k := ops.Dropout{Rate: 0.25, Seed: 5, Purpose: "head"}
	y := ops.Of[float32](do(t, k, x, keys)[0])
	kept := 0
	for _, v := range y {
		if v != 0 {
			kept++
		}
		if v != 0 && v != float32(1/0.75) {
			t.Fatalf("kept element becomes %v", v)
		}
	}
	if share := float64(kept) / (2 * n); math.Abs(share-0.75) > 0.02 {
		t.Errorf("%.3f of the elements are kept, want 0.75", share)
	}
	if z := ops.Of[float32](do(t, k, x, swapped)[0]); !slices.Equal(z[n:], y[:n]) || slices.Equal(z[:n], y[:n]) {
		t.Error("what is kept does not follow the sample's key")
	}
	k.Purpose = "other"
	if z := ops.Of[float32](do(t, k, x, keys)[0]); slices.Equal(z, y) {
		t.Error("two purposes keep the same elements")
	}
}

// TestInterpolateAtACentre: a point on a centre takes its features, and equally
// near ones count alike.
func TestInterpolateAtACentre(t *testing.T) {
	centres := floats([]int{1, 4, 3}, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9)
	features := floats([]int{1, 4, 1}, 5, 7, 100, 100)
	out := do(t, ops.Interpolate{}, floats([]int{1, 2, 3}, 0, 0, 0, 0.5, 0, 0), centres, features)
	y := ops.Of[float32](out[0])
	if math.Abs(float64(y[0]-5)) > 1e-5 || math.Abs(float64(y[1]-6)) > 0.5 {
		t.Errorf("features %v, want about [5 6]", y)
	}
	if index := ops.Of[int32](out[1]); !slices.Equal(index, []int32{0, 1, 2, 0, 1, 2}) {
		t.Errorf("nearest centres %v", index)
	}
}

// TestConcatenationByColumns: W·[a; b] = W_a·a + W_b·b.
func TestConcatenationByColumns(t *testing.T) {
	w := floats([]int{2, 3, 1}, 1, 2, 3, 4, 5, 6)
	ab := do(t, ops.Linear{}, floats([]int{1, 3}, 1, 10, 100), w)[0]
	a := do(t, ops.Linear{}, floats([]int{1, 1}, 1), do(t, ops.Columns{Count: 1}, w)[0])[0]
	b := do(t, ops.Linear{}, floats([]int{1, 2}, 10, 100), do(t, ops.Columns{From: 1, Count: 2}, w)[0])[0]
	same(t, "sum of the parts", do(t, ops.Add{}, a, b)[0], ops.Of[float32](ab)...)
}

// TestCosineAttention: scores are exp(s) times the cosine of the angle, s at most
// ln 100, whatever the length of queries and keys.
func TestCosineAttention(t *testing.T) {
	qkv := floats([]int{1, 1, 6}, 3, 4, 0.5, 0, 7, 8)
	for scale, want := range map[float32]float64{1: math.E * 0.6, 20: math.Exp(4.6052) * 0.6} {
		y := ops.Of[float32](do(t, ops.CosineQK{Heads: 1}, qkv, floats([]int{1, 1, 1}, scale))[0])
		score := float64(y[0]*y[2]+y[1]*y[3]) / math.Sqrt2
		if math.Abs(score-want) > 1e-5*want || y[4] != 7 || y[5] != 8 {
			t.Errorf("scale %v: score %v, want %v; values %v", scale, score, want, y[4:])
		}
	}
}

// TestCosineTau: scores are the cosine over τ, which is at least 0.01.
func TestCosineTau(t *testing.T) {
	qkv := floats([]int{1, 1, 6}, 3, 4, 0.5, 0, 7, 8)
	for tau, want := range map[float32]float64{0.5: 1.2, 0.004: 60, -1: 60} {
		y := ops.Of[float32](do(t, ops.CosineQK{Heads: 1, Tau: true}, qkv, floats([]int{1}, tau))[0])
		if score := float64(y[0]*y[2]+y[1]*y[3]) / math.Sqrt2; math.Abs(score-want) > 1e-5*want {
			t.Errorf("τ %v: score %v, want %v", tau, score, want)
		}
	}
}

// TestWindows: windows run over the grid row by row; shifted, the last ones have rows
// of both ends, which do not see each other.
func TestWindows(t *testing.T) {
	w := ops.Windows{Grid: [2]int{4, 4}, Size: [2]int{2, 2}, Shift: 1}
	var places []int
	for n := range w.Count() {
		for i := range w.Len() {
			places = append(places, w.Token(n, i))
			for j := range w.Len() {
				if want := n >= 2 && i/2 != j/2; w.Apart(n, i, j) != want {
					t.Errorf("window %d: places %d and %d apart is %v", n, i, j, !want)
				}
			}
		}
	}
	if want := []int{4, 5, 8, 9, 6, 7, 10, 11, 12, 13, 0, 1, 14, 15, 2, 3}; !slices.Equal(places, want) {
		t.Errorf("windows of tokens %v, want %v", places, want)
	}
}

// TestDropoutOfATable: every sample loses other elements of it.
func TestDropoutOfATable(t *testing.T) {
	const n = 64
	table := floats([]int{1, n}, slices.Repeat([]float32{1}, n)...)
	y := ops.Of[float32](do(t, ops.Dropout{Rate: 0.5}, table, indices([]int{2, 2}, 7, 1, 7, 2))[0])
	if len(y) != 2*n || slices.Equal(y[:n], y[n:]) {
		t.Errorf("%d elements, both samples with the same: %v", len(y), y)
	}
}

// TestLARSAdaptsMatricesAlone: a vector moves by its gradient, a matrix by a
// share of its own length.
func TestLARSAdaptsMatricesAlone(t *testing.T) {
	k := ops.LARS{Trust: 0.5, WeightDecay: 0, LRScale: 1}
	rest := func(shape ...int) []ops.Buf {
		return []ops.Buf{floats(shape, 3, 4), floats(shape, 0, 10), floats(shape), floats([]int{1}, 1), floats([]int{1}, 1)}
	}
	same(t, "vector", do(t, k, rest(2)...)[0], 3, -6)
	same(t, "matrix", do(t, k, rest(1, 2)...)[0], 3, 1.5)
}
