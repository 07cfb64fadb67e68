package model

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestSinCos2D(t *testing.T) {
	row := func(table []float32, dim, i int) []float32 { return table[i*dim:][:dim] }
	small, err := SinCos2D(8, [2]int{2, 2}, false)
	if err != nil || len(small) != 4*8 {
		t.Fatalf("%d values, %v", len(small), err)
	}
	for i, want := range map[int][]float32{
		0: {0, 0, 1, 1, 0, 0, 1, 1},
		1: {.841471, .01, .540302, .99995, 0, 0, 1, 1}, // row 0, column 1
		2: {0, 0, 1, 1, .841471, .01, .540302, .99995}, // row 1, column 0
	} {
		if got := row(small, 8, i); !near(got, want, 1e-6) {
			t.Errorf("token %d: %v, want %v", i, got, want)
		}
	}
	base, err := SinCos2D(768, [2]int{14, 14}, true)
	if err != nil || len(base) != 197*768 {
		t.Fatalf("%d values, %v", len(base), err)
	}
	if slices.ContainsFunc(row(base, 768, 0), func(v float32) bool { return v != 0 }) {
		t.Error("the class token's row is not 0")
	}
	token := row(base, 768, 1+30) // row 2, column 2
	for i, want := range map[int]float32{0: .909297, 1: .944237, 192: -.416147, 384: .909297, 576: -.416147} {
		if got := token[i]; !near([]float32{got}, []float32{want}, 1e-6) {
			t.Errorf("token 30, channel %d: %v, want %v", i, got, want)
		}
	}
	if _, err := SinCos2D(6, [2]int{2, 2}, true); err == nil || !strings.Contains(err.Error(), "multiple of 4") {
		t.Errorf("width 6: error %v", err)
	}
}

func near(got, want []float32, tolerance float64) bool {
	return slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a)-float64(b)) <= tolerance })
}

// ramp is a table of dim 2 that rises along both axes of a grid, behind extra
// rows: channel 0 with the row, channel 1 with the column.
func ramp(extra int, grid [2]int) []float32 {
	table := slices.Repeat([]float32{-7, -9}, extra)
	for y := range grid[0] {
		for x := range grid[1] {
			table = append(table, (float32(y)+0.5)/float32(grid[0]), (float32(x)+0.5)/float32(grid[1]))
		}
	}
	return table
}

func TestResizePos(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to [2]int
		extra    int
	}{
		{"identity", [2]int{3, 5}, [2]int{3, 5}, 1},
		{"larger", [2]int{8, 8}, [2]int{12, 20}, 1},
		{"smaller, no extra rows", [2]int{20, 16}, [2]int{10, 12}, 0},
	} {
		got, err := ResizePos(ramp(c.extra, c.from), 2, c.extra, c.from, c.to)
		want := ramp(c.extra, c.to)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %d values, want %d, %v", c.name, len(got), len(want), err)
			continue
		}
		tolerance := 0.0
		if c.from != c.to { // a ramp bends where borders are clamped
			tolerance = 0.05
		}
		if !near(got, want, tolerance) || !near(got[:2*c.extra], want[:2*c.extra], 0) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
	impulse, err := ResizePos([]float32{0, 0, 0, 0, 1, 0, 0, 0}, 1, 0, [2]int{1, 8}, [2]int{1, 16})
	kernel := []float32{0, 0, 0, 0, 0, -.03515625, -.10546875, .26171875, .87890625, .87890625, .26171875, -.10546875, -.03515625, 0, 0, 0}
	if err != nil || !near(impulse, kernel, 1e-7) { // the cubic with a = -0.75 at 0.25, 0.75, 1.25, 1.75
		t.Errorf("impulse: %v, want %v, %v", impulse, kernel, err)
	}
	constant, err := ResizePos(slices.Repeat([]float32{3}, 9), 1, 0, [2]int{3, 3}, [2]int{7, 2})
	if err != nil || !near(constant, slices.Repeat([]float32{3}, 14), 1e-6) {
		t.Errorf("a constant stays one: %v, %v", constant, err)
	}
	for _, c := range []struct{ values, dim, extra int }{{17, 2, 0}, {18, 2, 1}, {18, 3, 0}} {
		_, err := ResizePos(make([]float32, c.values), c.dim, c.extra, [2]int{3, 3}, [2]int{4, 4})
		if err == nil || !strings.Contains(err.Error(), "rows of") {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

// TestSinusoid compares with numbers of the published table.
func TestSinusoid(t *testing.T) {
	small := Sinusoid(4, 2)
	if want := []float32{0, 1, 0, 1, .841471, .540302, .01, .99995}; !near(small, want, 1e-6) {
		t.Errorf("width 4: %v, want %v", small, want)
	}
	last := Sinusoid(768, 1568)[1567*768:]
	if want := []float32{.608948, -.793210, .093232, -.995644}; len(last) != 768 || !near(last[:4], want, 1e-6) {
		t.Errorf("position 1567: %d values, %v, want %v", len(last), last[:4], want)
	}
	if want := []float32{.159816, .987147}; !near(last[766:], want, 1e-6) {
		t.Errorf("position 1567: the last channels are %v, want %v", last[766:], want)
	}
}

// TestResizePosTime: two places of a frame are resized along time, each by
// itself, with borders clamped.
func TestResizePosTime(t *testing.T) {
	table := []float32{0, 10, 4, 10, 8, 30} // 3 frames of 2 places
	for _, c := range []struct {
		name string
		to   int
		want []float32
	}{
		{"identity", 3, table},
		{"twice as many", 6, []float32{0, 10, 1, 10, 3, 10, 5, 15, 7, 25, 8, 30}},
		{"one", 1, []float32{4, 10}},
	} {
		got, err := ResizePosTime(table, 1, 3, c.to)
		if err != nil || !near(got, c.want, 1e-6) {
			t.Errorf("%s: %v, want %v, %v", c.name, got, c.want, err)
		}
	}
	for _, c := range [][2]int{{4, 1}, {0, 1}, {3, 4}, {3, 0}} {
		if _, err := ResizePosTime(table, c[1], c[0], 2); err == nil || !strings.Contains(err.Error(), "frames of rows of") {
			t.Errorf("%d frames, width %d: error %v", c[0], c[1], err)
		}
	}
}

// TestResizePosVolume: frames are resized, then time.
func TestResizePosVolume(t *testing.T) {
	frame := ramp(0, [2]int{4, 5})
	table := slices.Concat(frame, twice(frame))
	wide, err := ResizePos(frame, 2, 0, [2]int{4, 5}, [2]int{6, 3})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ResizePosVolume(table, 2, [3]int{2, 4, 5}, [3]int{1, 6, 3})
	want := slices.Clone(wide)
	for i := range want {
		want[i] *= 1.5 // the mean of the frame and its double
	}
	if err != nil || !near(got, want, 1e-6) {
		t.Errorf("%v, want %v, %v", got, want, err)
	}
	if _, err := ResizePosVolume(table, 2, [3]int{3, 4, 5}, [3]int{1, 6, 3}); err == nil || !strings.Contains(err.Error(), "3x4x5 rows of 2") {
		t.Errorf("another volume: error %v", err)
	}
}

func twice(v []float32) []float32 {
	v = slices.Clone(v)
	for i := range v {
		v[i] *= 2
	}
	return v
}

func TestCutPos(t *testing.T) {
	// Rows are numbered: class row 9, then a grid of 2 x 3.
	table := []float32{9, 9, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}
	got, err := CutPos(table, 2, 1, [2]int{2, 3}, [2]int{2, 2})
	if want := []float32{9, 9, 0, 0, 1, 1, 3, 3, 4, 4}; err != nil || !slices.Equal(got, want) {
		t.Errorf("leading columns: %v, want %v, %v", got, want, err)
	}
	for name, to := range map[string][2]int{"more rows": {3, 3}, "more columns": {2, 4}} {
		if _, err := CutPos(table, 2, 1, [2]int{2, 3}, to); err == nil || !strings.Contains(err.Error(), "resize") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := CutPos(table, 2, 0, [2]int{2, 3}, [2]int{2, 2}); err == nil || !strings.Contains(err.Error(), "rows of") {
		t.Errorf("another length: error %v", err)
	}
}

func TestDropPathRates(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		depth int
		want  []float64
	}{{0.2, 5, []float64{0, .05, .1, .15, .2}}, {0.5, 2, []float64{0, .5}}, {0.5, 1, []float64{0}}, {0, 3, []float64{0, 0, 0}}} {
		got := DropPathRates(c.rate, c.depth)
		if !slices.EqualFunc(got, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-15 }) {
			t.Errorf("rate %g, %d blocks: %v, want %v", c.rate, c.depth, got, c.want)
		}
	}
}
