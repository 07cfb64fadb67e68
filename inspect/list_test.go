package inspect_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/inspect"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

func collect(t testing.TB, list ...checkpoint.Tensor) *checkpoint.Tensors {
	t.Helper()
	ts, err := checkpoint.Collect(list...)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// same compares figures; NaN equals NaN.
func same(a, b inspect.Number) bool {
	x, y := float64(a), float64(b)
	return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= 1e-12*math.Abs(y)
}

func all(string) bool { return true }

func TestDescriptions(t *testing.T) {
	for _, c := range []struct {
		name           string
		tensor         checkpoint.Tensor
		dtype          string
		bytes          int
		norm, min, max float64
		nonFinite      int
	}{
		{"float32", checkpoint.New("x", []int{2, 2}, []float32{3, -4, 0, 0}), "float32", 16, 5, -4, 3, 0},
		{"what is not finite counts apart", checkpoint.New("x", []int{5}, []float32{3, 4, float32(nan), float32(inf), -float32(inf)}), "float32", 20, 5, 3, 4, 3},
		{"nothing finite", checkpoint.New("x", []int{1}, []float32{float32(nan)}), "float32", 4, 0, nan, nan, 1},
		{"empty", checkpoint.New("x", []int{0}, []float32{}), "float32", 0, 0, nan, nan, 0},
		{"squares that overflow", checkpoint.New("x", []int{2}, []float64{3e300, -4e300}), "float64", 16, 5e300, -4e300, 3e300, 0},
		{"squares that vanish", checkpoint.New("x", []int{2}, []float64{3e-200, 4e-200}), "float64", 16, 5e-200, 3e-200, 4e-200, 0},
		{"float16", checkpoint.Tensor{Name: "x", Dtype: checkpoint.Float16, Shape: []int{2}, Data: []byte{0, 0x3c, 0, 0xfc}}, "float16", 4, 1, 1, 1, 1},
		{"integers", checkpoint.New("x", []int{2}, []int8{-3, 4}), "int8", 2, 5, -3, 4, 0},
		{"large unsigned", checkpoint.New("x", []int{1}, []uint64{1 << 63}), "uint64", 8, 1 << 63, 1 << 63, 1 << 63, 0},
		{"bool", checkpoint.New("x", []int{3}, []bool{true, true, false}), "bool", 3, math.Sqrt2, 0, 1, 0},
		{"scalar", checkpoint.New("x", nil, []float32{-2}), "float32", 4, 2, -2, -2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := inspect.List(collect(t, c.tensor), all).Tensors[0]
			if got.Dtype != c.dtype || got.Bytes != c.bytes || got.NonFinite != c.nonFinite || got.Elements != c.tensor.Len() {
				t.Errorf("%+v", got)
			}
			for what, pair := range map[string][2]inspect.Number{
				"norm": {got.Norm, inspect.Number(c.norm)}, "min": {got.Min, inspect.Number(c.min)}, "max": {got.Max, inspect.Number(c.max)},
			} {
				if !same(pair[0], pair[1]) {
					t.Errorf("%s %v, want %v", what, pair[0], pair[1])
				}
			}
		})
	}
}

func TestList(t *testing.T) {
	ts := collect(t, checkpoint.New("head.weight", []int{1, 2}, []float32{3, 0}), checkpoint.New("head.bias", []int{2}, []float32{4, float32(nan)}),
		checkpoint.New("norm.bias", []int{1}, []int64{7}))
	l := inspect.List(ts, func(name string) bool { return strings.HasPrefix(name, "head.") })
	if want := (inspect.Total{Tensors: 2, Elements: 4, Bytes: 16, Norm: 5, NonFinite: 1}); l.Total != want {
		t.Errorf("total %+v, want %+v", l.Total, want)
	}
	if len(l.Tensors) != 2 || l.Tensors[0].Name != "head.weight" || l.Tensors[1].Name != "head.bias" {
		t.Errorf("%+v", l.Tensors)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{1.5: `1.5`, 1e300: `1e+300`, inf: `"+Inf"`, -inf: `"-Inf"`, nan: `"NaN"`} {
		if got, err := json.Marshal(inspect.Number(v)); err != nil || string(got) != want {
			t.Errorf("%v becomes %s (%v), want %s", v, got, err, want)
		}
	}
}
