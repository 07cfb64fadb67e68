package train

import (
	"math"
	"testing"
)

func TestRank(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		logits []float32
		label  int
		want   int
	}{
		{"best", []float32{1, 3, 2}, 1, 0},
		{"second", []float32{1, 3, 2}, 2, 1},
		{"last", []float32{1, 3, 2}, 0, 2},
		{"first of equals", []float32{2, 2, 2}, 0, 0},
		{"last of equals", []float32{2, 2, 2}, 2, 2},
		{"NaN among others", []float32{1, nan, 0}, 0, 0},
		{"NaN is behind all", []float32{nan, -inf, 0}, 0, 3},
		{"all NaN", []float32{nan, nan}, 0, 2},
		{"infinite", []float32{inf, 1, inf}, 2, 1},
	} {
		if got := Rank(c.logits, c.label); got != c.want {
			t.Errorf("%s: rank %d, want %d", c.name, got, c.want)
		}
	}
}

func TestTally(t *testing.T) {
	var tally Tally
	if got := tally.Result(); got != (Result{}) {
		t.Errorf("nothing: %+v, want zeros", got)
	}
	logits := []float32{9, 8, 7, 6, 5, 4}
	for label := range logits { // ranks 0 to 5
		tally.Add(float32(label), logits, int32(label))
	}
	tally.AddMean(0.5, 2)
	if got, want := tally.Result(), (Result{Samples: 8, Loss: 2, Top1: 12.5, Top5: 62.5}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
