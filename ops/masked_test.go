package ops_test

import (
	"math"
	"slices"
	"testing"

	"m2pt/ops"
)

// TestChamfer by hand: two clouds of a sample and one that is found exactly.
func TestChamfer(t *testing.T) {
	pred := floats([]int{2, 2, 2, 3},
		0, 0, 0, 3, 0, 0 /**/, 0, 0, 0, 0, 0, 0,
		1, 1, 1, 2, 2, 2 /**/, 1, 1, 1, 2, 2, 2)
	target := floats([]int{2, 2, 1, 3}, 1, 0, 0, 0, 2, 0, 1, 1, 1, 2, 2, 2)
	squared := do(t, ops.Chamfer{}, pred, target)
	// sample 0: (1+4+4+4)/4 + (1+4)/2, sample 1: (0+3+3+0)/4 + 0
	same(t, "CD-L2", squared[0], 5.75, 1.5)
	if got, want := ops.Of[int32](squared[2]), []int32{0, 0, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("nearest predictions %v, want %v", got, want)
	}
	// (1+2+2+2)/8 + (1+2)/4, 2√3/8
	distance := ops.Of[float32](do(t, ops.Chamfer{L1: true}, pred, target)[0])
	if distance[0] != 1.625 || math.Abs(float64(distance[1])-math.Sqrt(3)/4) > 1e-6 {
		t.Errorf("CD-L1 %v, want [1.625 √3/4]", distance)
	}
}

// TestChamferGradAtZero: equal points pull nowhere, not to NaN.
func TestChamferGradAtZero(t *testing.T) {
	x, index := floats([]int{1, 1, 3}, 1, 2, 3), indices([]int{1, 1}, 0)
	for _, l1 := range []bool{false, true} {
		same(t, "gradient", do(t, ops.ChamferGrad{L1: l1}, x, x, floats([]int{1}, 1), index, index)[0], 0, 0, 0)
	}
}

// TestPatchTargets: entries run over row, column, channel.
func TestPatchTargets(t *testing.T) {
	x := floats([]int{1, 2, 2, 4}, 0, 1, 2, 3, 4, 5, 6, 7 /**/, 10, 11, 12, 13, 14, 15, 16, 17)
	k := ops.Patches{Kernel: [3]int{1, 2, 2}, Stride: [3]int{1, 2, 2}, ChannelsLast: true, To: ops.Float32}
	same(t, "targets", do(t, k, x)[0], 0, 10, 1, 11, 4, 14, 5, 15, 2, 12, 3, 13, 6, 16, 7, 17)
	k.Stride[2] = 1
	same(t, "overlapping", do(t, k, x)[0],
		0, 10, 1, 11, 4, 14, 5, 15, 1, 11, 2, 12, 5, 15, 6, 16, 2, 12, 3, 13, 6, 16, 7, 17)
}

// TestStandardizePatches: the variance is unbiased, one constant stands under the
// root and the other behind it.
func TestStandardizePatches(t *testing.T) {
	x := floats([]int{1, 1, 4}, 1, 5, 3, 9) // channels 1, 3 and 5, 9
	same(t, "channels", do(t, ops.StandardizePatches{Channels: 2, VarEps: 2, StdEps: 2}, x)[0],
		-0.25, float32(-2/(math.Sqrt(10)+2)), 0.25, float32(2/(math.Sqrt(10)+2)))
	scale := math.Sqrt((3.5*3.5 + 1.5*1.5 + .5*.5 + 4.5*4.5) / 3)
	same(t, "patch", do(t, ops.StandardizePatches{Channels: 1}, x)[0],
		float32(-3.5/scale), float32(.5/scale), float32(-1.5/scale), float32(4.5/scale))
}

// TestSquaredError: means of patches, weighted and summed per sample.
func TestSquaredError(t *testing.T) {
	pred := floats([]int{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8)
	target := floats([]int{2, 2, 2}, 1, 0, 3, 0, 1, 6, 0, 0)
	same(t, "loss", do(t, ops.SquaredError{}, pred, target, floats([]int{2, 2}, 1, .5, 2, 0))[0], 2+4, 16)
}

// TestMaskTokens: they come behind the visible ones, and the last entries are theirs.
func TestMaskTokens(t *testing.T) {
	y := do(t, ops.AppendMask{Count: 2}, floats([]int{2, 1, 2}, 1, 2, 3, 4), floats([]int{1, 1, 2}, 8, 9))[0]
	same(t, "tokens", y, 1, 2, 8, 9, 8, 9, 3, 4, 8, 9, 8, 9)
	same(t, "last", do(t, ops.Entries{From: 1, Count: 2}, y)[0], 8, 9, 8, 9, 8, 9, 8, 9)
	grad := do(t, ops.AppendMaskGrad{Count: 2}, y)
	same(t, "gradient of tokens", grad[0], 1, 2, 3, 4)
	same(t, "gradient of the mask token", grad[1], 16, 18, 16, 18)
}

// TestGatherFromATable: every sample picks from the one table.
func TestGatherFromATable(t *testing.T) {
	table, index := floats([]int{1, 3, 1}, 10, 20, 30), indices([]int{2, 2}, 2, 0, 1, 2)
	y := do(t, ops.Gather{}, table, index)[0]
	same(t, "rows", y, 30, 10, 20, 30)
	same(t, "sums", do(t, ops.Scatter{N: 3, Shared: true}, y, index)[0], 10, 20, 60)
}
