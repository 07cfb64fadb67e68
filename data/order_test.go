package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestWeights: samples come in proportion to their weights, and each draw of a
// sample has its own key.
func TestWeights(t *testing.T) {
	weights := []float64{1, 0, 3, 0.5, 5.5, 0}
	l := newLoader(t, &numbers{n: 6}, Options{Batch: 10, Seed: 2, Weights: weights, EpochLen: 20003})
	batches := mustEpoch(t, l, 0, 0)
	if len(batches) != 2000 || l.Batches(0) != 2000 || l.Batches(19990) != 1 {
		t.Fatalf("%d batches, Batches says %d, want 2000", len(batches), l.Batches(0))
	}
	counts := make([]float64, 6)
	for k, b := range batches {
		for j, i := range b.Index {
			if draw := b.Targets[2*j]; float64(draw) != counts[i] {
				t.Fatalf("batch %d row %d: draw %g of sample %d, want %g", k, j, draw, i, counts[i])
			}
			counts[i]++
		}
	}
	for i, w := range weights {
		p := w / 10
		if sigma := math.Sqrt(20000 * p * (1 - p)); math.Abs(counts[i]-20000*p) > 4*sigma {
			t.Errorf("sample %d is drawn %g times, want about %g", i, counts[i], 20000*p)
		}
	}
	if slices.Equal(indexes(batches), indexes(mustEpoch(t, l, 1, 0))) {
		t.Error("two epochs draw the same")
	}
}

// TestWeightedBatches do not depend on workers or on where an epoch begins.
func TestWeightedBatches(t *testing.T) {
	var want []Batch
	for _, workers := range []int{1, 4} {
		l := newLoader(t, &numbers{5, map[int]bool{3: true}},
			Options{Batch: 4, Workers: workers, Seed: 3, Weights: []float64{1, 1, 1, 2, 1}, EpochLen: 64, MaxSkipped: 2})
		got := mustEpoch(t, l, 1, 0)
		if want == nil {
			want = got
		}
		if !slices.EqualFunc(got, want, equal) {
			t.Errorf("%d workers give other batches than 1", workers)
		}
		if !slices.EqualFunc(mustEpoch(t, l, 1, 20), want[5:], equal) {
			t.Error("started in the middle the epoch differs")
		}
		if slices.Contains(indexes(got), 3) || len(l.Skipped()) != 1 {
			t.Errorf("indexes %v, skipped %v: want no sample 3, skipped once", indexes(got), l.Skipped())
		}
	}
}

// TestUnreadableDraws: an epoch in which only unreadable samples are drawn ends
// with an error, within the budget or not.
func TestUnreadableDraws(t *testing.T) {
	weights := []float64{1, 1, 1e-9, 1e-9}
	for _, budget := range []int{0, 1, 2, 3} {
		l := newLoader(t, &numbers{4, map[int]bool{0: true, 1: true}}, Options{Batch: 4, Weights: weights, EpochLen: 8, MaxSkipped: budget})
		_, err := epoch(l, 0, 0)
		if err == nil || !strings.Contains(err.Error(), "number-") {
			t.Errorf("budget %d: error %v, want one that names a sample", budget, err)
		}
		if budget < 2 && !errors.Is(err, errBad) {
			t.Errorf("budget %d: error %v hides its cause", budget, err)
		}
	}
}

// TestPick: numbers at the very ends, too, fall on samples with weight.
func TestPick(t *testing.T) {
	sums, positive, err := cumulate([]float64{0, 1, 0, 2, 0})
	if err != nil || positive != 2 {
		t.Fatalf("%d positive weights, error %v", positive, err)
	}
	for at, want := range map[float64]int{0: 1, 0.99: 1, 1: 3, 2.99: 3, 3: 3} {
		if got := pick(sums, at); got != want {
			t.Errorf("%g falls on sample %d, want %d", at, got, want)
		}
	}
}

// TestRepeat: an epoch of the same length has each sample of the order Repeat
// times in a row, each time with another key, whatever workers and start.
func TestRepeat(t *testing.T) {
	plain := indexes(mustEpoch(t, newLoader(t, &numbers{n: 23}, Options{Batch: 5, Seed: 2, Shuffle: true}), 4, 0))
	var want []Batch
	for _, workers := range []int{1, 4} {
		l := newLoader(t, &numbers{n: 23}, Options{Batch: 5, Workers: workers, Seed: 2, Shuffle: true, Repeat: 3})
		got := mustEpoch(t, l, 4, 0)
		if want == nil {
			want = got
		}
		if !slices.EqualFunc(got, want, equal) || !slices.EqualFunc(mustEpoch(t, l, 4, 10), want[2:], equal) {
			t.Errorf("%d workers: other batches than with 1, or than when started in the middle", workers)
		}
	}
	if len(want) != 4 {
		t.Fatalf("%d batches, want 4", len(want))
	}
	for p, sample := range indexes(want) {
		b, j := want[p/5], p%5
		if sample != plain[p/3] {
			t.Errorf("position %d: sample %d, want %d", p, sample, plain[p/3])
		}
		if draw := b.Targets[2*j]; int(draw) != p%3 {
			t.Errorf("position %d: draw %g, want %d", p, draw, p%3)
		}
		if p > 0 && slices.Equal(b.Pixels[6*j:6*j+6], want[(p-1)/5].Pixels[(p-1)%5*6:][:6]) {
			t.Errorf("position %d has the pixels of the one before", p)
		}
	}
}

// TestRepeatReplaces: the copies of an unreadable sample give way to the next
// readable one, and count as one skip.
func TestRepeatReplaces(t *testing.T) {
	l := newLoader(t, &numbers{8, map[int]bool{1: true}}, Options{Batch: 4, Repeat: 2, MaxSkipped: 1})
	if got, want := indexes(mustEpoch(t, l, 0, 0)), []int32{0, 0, 2, 2, 2, 2, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("indexes %v, want %v", got, want)
	}
	if len(l.Skipped()) != 1 {
		t.Errorf("skipped %v, want sample 1 once", l.Skipped())
	}
}
