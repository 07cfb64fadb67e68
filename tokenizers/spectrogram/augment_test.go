package spectrogram

import (
	"fmt"
	"slices"
	"testing"

	"m2pt/internal/fixture"
)

// TestMasksRecorded compares masks and scale with the reference.
func TestMasksRecorded(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			f := fixture.Open(t, "audio_specaug_"+name)
			var meta struct {
				Freqm, Timem int
				Mean, Std    float64
			}
			f.Meta(t, &meta)
			x, shape := fixture.Read[float32](t, f, "in/fbank")
			u, _ := fixture.Read[float32](t, f, "in/uniform")
			masked, _ := fixture.Read[float32](t, f, "out/masked")
			normalized, _ := fixture.Read[float32](t, f, "out/normalized")
			Masks{Mel: meta.Freqm, Time: meta.Timem}.Apply(x, shape[1], [4]float32(u))
			if !slices.Equal(x, masked) {
				t.Error("other values are masked than recorded")
			}
			Normalize(x, meta.Mean, meta.Std)
			compare(t, x, normalized, 1e-6, 1e-6)
		})
	}
}

func TestStripe(t *testing.T) {
	for _, c := range []struct {
		most, size int
		u, v       float32
		lo, hi     int
	}{
		{0, 10, 0.9, 0.9, 9, 9},
		{5, 10, 0, 0.5, 5, 5},
		{5, 10, 0.5, 0.5, 3, 5},     // width 2.5, start 3.75
		{5, 10, 0.99, 0.999, 5, 9},  // width 4.95, start 5.04
		{48, 10, 0.9, 0.5, 0, 10},   // wider than the axis
		{10, 10, 0.999, 0.99, 0, 9}, // truncated, not rounded
	} {
		if lo, hi := stripe(c.most, c.size, c.u, c.v); lo != c.lo || hi != c.hi {
			t.Errorf("stripe(%d, %d, %g, %g) = %d, %d, want %d, %d", c.most, c.size, c.u, c.v, lo, hi, c.lo, c.hi)
		}
	}
}

func TestRoll(t *testing.T) {
	for steps, want := range map[int]string{0: "[1 2 3 4 5]", 2: "[4 5 1 2 3]", -1: "[2 3 4 5 1]", 12: "[4 5 1 2 3]", -10: "[1 2 3 4 5]"} {
		x := []float32{1, 2, 3, 4, 5}
		if Roll(x, steps); fmt.Sprint(x) != want {
			t.Errorf("Roll by %d: %v, want %s", steps, x, want)
		}
	}
	Roll(nil, 3)
}

func TestAddNoise(t *testing.T) {
	x, next := []float32{1, 2, 3}, float32(0)
	AddNoise(x, 0.5, func() float32 { next += 0.25; return next })
	if !slices.Equal(x, []float32{1.125, 2.25, 3.375}) {
		t.Errorf("got %v", x)
	}
}
