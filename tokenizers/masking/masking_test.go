package masking

import (
	"math"
	"slices"
	"testing"
)

func structured(t testing.TB, rows, columns int, dropRows, dropColumns float64) *Structured {
	t.Helper()
	s, err := NewStructured(rows, columns, dropRows, dropColumns)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKept: the numbers of tokens in the reference's recipes.
func TestKept(t *testing.T) {
	for _, c := range []struct {
		rows, columns int
		drop          [2]float64
		want          int
	}{
		{64, 8, [2]float64{.2, .2}, 51 * 6},
		{64, 8, [2]float64{.2, .25}, 51 * 6},
		{64, 8, [2]float64{0, 0}, 512},
		{101, 12, [2]float64{.2, .2}, 80 * 9},
	} {
		if got := structured(t, c.rows, c.columns, c.drop[0], c.drop[1]).Kept(); got != c.want {
			t.Errorf("%dx%d, dropping %v: %d tokens, want %d", c.rows, c.columns, c.drop, got, c.want)
		}
	}
}

func TestIndex(t *testing.T) {
	s := structured(t, 4, 3, .25, .3)
	noise := []float32{.9, .1, .5, .3 /* rows 1, 3, 2 */, .2, .8, .1 /* columns 2, 0 */}
	got := make([]int32, s.Kept())
	s.Index(got, noise)
	if want := []int32{5, 3, 11, 9, 8, 6}; !slices.Equal(got, want) {
		t.Errorf("tokens %v, want %v", got, want)
	}
	s.Index(got, make([]float32, 7))
	if want := []int32{0, 1, 3, 4, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("equal noise: tokens %v, want %v", got, want)
	}
}

// TestDraw: a row of the batch depends on its key alone, and no token comes
// twice.
func TestDraw(t *testing.T) {
	s := structured(t, 64, 8, .2, .2)
	m := s.Kept()
	batch, again := make([]int32, 3*m), make([]int32, m)
	s.Draw(7, []int32{0, 5, 0, 6, 1, 5}, batch)
	s.Draw(7, []int32{0, 6}, again)
	if !slices.Equal(batch[m:2*m], again) {
		t.Error("a key gives other tokens in another batch")
	}
	s.Draw(8, []int32{0, 6}, again)
	for name, other := range map[string][]int32{"position": batch[:m], "epoch": batch[2*m:], "seed": again} {
		if slices.Equal(batch[m:2*m], other) {
			t.Errorf("%s does not change the mask", name)
		}
	}
	row := slices.Sorted(slices.Values(batch[:m]))
	if len(slices.Compact(row)) != m || row[0] < 0 || row[m-1] >= 512 {
		t.Error("tokens repeat or leave the grid")
	}
}

// TestDrawIsUniform: every token is kept equally often.
func TestDrawIsUniform(t *testing.T) {
	s := structured(t, 10, 4, .3, .25)
	const samples = 4000
	keys, dst := make([]int32, 2*samples), make([]int32, samples*s.Kept())
	for j := range samples {
		keys[2*j+1] = int32(j)
	}
	s.Draw(1, keys, dst)
	counts := make([]float64, 40)
	for _, token := range dst {
		counts[token]++
	}
	p := 7.0 / 10 * 3 / 4
	sigma := math.Sqrt(samples * p * (1 - p))
	for token, n := range counts {
		if math.Abs(n-samples*p) > 4.5*sigma {
			t.Errorf("token %d is kept %g times, want about %g", token, n, samples*p)
		}
	}
}

func TestNewStructuredRefuses(t *testing.T) {
	for name, drop := range map[string][2]float64{"all rows": {1, 0}, "nearly all columns": {0, .9}, "negative": {-.1, 0}, "not a number": {math.NaN(), 0}} {
		if _, err := NewStructured(64, 8, drop[0], drop[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	s := structured(t, 64, 8, .2, .2)
	keys, dst := make([]int32, 8), make([]int32, 4*s.Kept())
	if n := testing.AllocsPerRun(5, func() { s.Draw(1, keys, dst) }); n != 0 {
		t.Errorf("%g allocations per batch", n)
	}
}
