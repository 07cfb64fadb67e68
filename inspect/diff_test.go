package inspect_test

import (
	"reflect"
	"testing"

	"m2pt/checkpoint"
	"m2pt/inspect"
)

func floats(name string, values ...float64) checkpoint.Tensor {
	return checkpoint.New(name, []int{len(values)}, values)
}

func TestDeltas(t *testing.T) {
	for _, c := range []struct {
		name          string
		a, b          checkpoint.Tensor
		max, relative float64
	}{
		{"equal", floats("x", 1, 2), floats("x", 1, 2), 0, 0},
		{"equal infinities and NaN", floats("x", inf, nan, 1), floats("x", inf, nan, 2), 1, 0.5},
		{"zeros of either sign", floats("x", 0), floats("x", -1/inf), 0, 0},
		{"apart", floats("x", 3, 4.5), floats("x", 3, 4), 0.5, 0.1},
		{"apart from nothing", floats("x", 1), floats("x", 0), 1, inf},
		{"a NaN", floats("x", nan), floats("x", 1), inf, inf},
		{"infinities of either sign", floats("x", inf), floats("x", -inf), inf, inf},
		{"huge", floats("x", 3e300), floats("x", -3e300), 6e300, 2},
		{"integers that float64 rounds to one", checkpoint.New("x", []int{1}, []int64{1 << 60}), checkpoint.New("x", []int{1}, []int64{1<<60 + 1}), 1, 0},
		{"bools", checkpoint.New("x", []int{2}, []bool{true, true}), checkpoint.New("x", []int{2}, []bool{true, false}), 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := inspect.Diff(collect(t, c.a), collect(t, c.b), 0)
			if len(d.Deltas) != 1 || d.Equal != (c.max == 0) {
				t.Fatalf("%+v", d)
			}
			if got := d.Deltas[0]; !same(got.Max, inspect.Number(c.max)) || !same(got.Relative, inspect.Number(c.relative)) || got.Max != d.Max {
				t.Errorf("max %v and relative %v, want %v and %v", got.Max, got.Relative, c.max, c.relative)
			}
		})
	}
}

func TestDiff(t *testing.T) {
	a := collect(t, floats("both", 1), floats("a", 1), floats("shape", 1, 2), checkpoint.New("dtype", nil, []float32{1}))
	b := collect(t, floats("b", 1), floats("both", 1), floats("shape", 1), checkpoint.New("dtype", nil, []float64{1}))
	want := inspect.Comparison{
		OnlyA: []string{"a"}, OnlyB: []string{"b"}, Deltas: []inspect.Delta{{Name: "both"}},
		Mismatched: []inspect.Mismatch{{Name: "shape", A: "float64 [2]", B: "float64 [1]"}, {Name: "dtype", A: "float32 []", B: "float64 []"}},
	}
	if got := inspect.Diff(a, b, 0); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestUnequal: each kind of difference is enough.
func TestUnequal(t *testing.T) {
	a := collect(t, floats("x", 1, 2))
	for name, c := range map[string]struct {
		b         *checkpoint.Tensors
		tolerance float64
		equal     bool
	}{
		"nothing":          {collect(t, floats("x", 1, 2)), 0, true},
		"a value":          {collect(t, floats("x", 1, 2.25)), 0, false},
		"below tolerance":  {collect(t, floats("x", 1, 2.25)), 0.25, true},
		"beyond tolerance": {collect(t, floats("x", 1, 2.25)), 0.2, false},
		"NaN":              {collect(t, floats("x", 1, nan)), 1e300, false},
		"more":             {collect(t, floats("x", 1, 2), floats("y", 1)), 0, false},
		"less":             {collect(t), 0, false},
		"shape":            {collect(t, checkpoint.New("x", []int{1, 2}, []float64{1, 2})), 0, false},
	} {
		if d := inspect.Diff(a, c.b, c.tolerance); d.Equal != c.equal {
			t.Errorf("%s: %+v, want equal %v", name, d, c.equal)
		}
	}
}
