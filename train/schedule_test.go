package train

import (
	"math"
	"testing"
)

// TestSchedule compares with the numbers of MAE, Point-MAE and VideoMAE, and an
// epoch without warm-up with the start of the cosine.
func TestSchedule(t *testing.T) {
	mae := Schedule{LR: 2e-3, MinLR: 1e-6, Warmup: 5, Epochs: 100}
	cold := Schedule{LR: 1, MinLR: .1, Epochs: 2}
	point := Schedule{Name: ScheduleEpochs, LR: 5e-4, MinLR: 1e-6, WarmupLR: 1e-6, Warmup: 10, Epochs: 300}
	video := Schedule{Name: ScheduleSteps, LR: 1, MinLR: .1, Warmup: 1, Epochs: 3, PerEpoch: 4}
	with := func(s Schedule, edit func(*Schedule)) Schedule { edit(&s); return s }
	for _, c := range []struct {
		s        Schedule
		at, want float64
	}{
		{mae, 0, 0}, {mae, 2.5, .001}, {mae, 5, .002}, {mae, 50, .00108303806}, {mae, 99, 1.54646929e-6}, {mae, 100, 1e-6},
		{cold, 0, 1}, {cold, 1, .55}, {cold, 2, .1},
		{Schedule{LR: 1, Warmup: 4, Epochs: 4}, 3, .75},
		{with(mae, func(s *Schedule) { s.WarmupLR = 1e-3 }), 2.5, 1.5e-3},
		{point, 0, 1e-6}, {point, 1, 1e-6}, {point, 1.9, 1e-6}, {point, 2, 5.09e-5}, {point, 2.5, 5.09e-5}, {point, 10, 4.501e-4},
		{point, 11, 4.98633213e-4}, {point, 12, 4.98346505e-4}, {point, 150, 2.5311271e-4}, {point, 300, 1.01368e-6}, {point, 301, 1e-6},
		{with(point, func(s *Schedule) { s.Warmup = 0 }), 1, 5e-4},
		{video, 0, 0}, {video, .25, .333333333}, {video, .5, .666666667}, {video, .75, 1}, {video, 1, 1}, {video, 1.25, .965745790},
		{video, 2, .55}, {video, 2.75, .134254210}, {video, 3, .1},
		{with(video, func(s *Schedule) { s.Warmup, s.WarmupLR = .25, .2 }), 0, .2},
		{with(video, func(s *Schedule) { s.Warmup, s.WarmupLR = .25, .2 }), .25, 1},
		{with(video, func(s *Schedule) { s.Warmup = .6 }), .25, 1}, // two whole updates
		{with(video, func(s *Schedule) { s.PerEpoch = 0 }), .75, .75},
	} {
		if got := c.s.At(c.at); !(math.Abs(got-c.want) <= 1e-8*math.Max(c.want, 1e-3)) {
			t.Errorf("%+v at %g: %.9g, want %g", c.s, c.at, got, c.want)
		}
	}
}

// TestScheduleStepsWarmsUpWholeUpdates: any number of warm-up updates given as a
// share of an epoch ends at the highest rate.
func TestScheduleStepsWarmsUpWholeUpdates(t *testing.T) {
	for n := int64(1); n < 200; n++ {
		for warm := range n {
			s := Schedule{Name: ScheduleSteps, LR: 1, Warmup: float64(warm) / float64(n), Epochs: 2, PerEpoch: n}
			if got := s.At(float64(warm) / float64(n)); got != 1 {
				t.Fatalf("update %d of %d, the first after warm-up: %v, want 1", warm, n, got)
			}
			if got := s.At(float64(warm-1) / float64(n)); warm > 1 && math.Abs(got-1) > 1e-12 {
				t.Fatalf("update %d of %d, the last of warm-up: %v, want 1", warm-1, n, got)
			}
		}
	}
}
