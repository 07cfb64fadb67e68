package audio

import (
	"math"
	"slices"
	"testing"

	"m2pt/internal/fixture"
	"m2pt/tokenizers/spectrogram"
)

func clip(channels int, v ...float32) *Clip { return &Clip{Rate: 8000, Channels: channels, Samples: v} }

func TestRemoveMean(t *testing.T) {
	c := clip(2, 1, 2, 3, 6) // over both channels
	if c.RemoveMean(); !slices.Equal(c.Samples, []float32{-2, -1, 0, 3}) {
		t.Errorf("got %v", c.Samples)
	}
}

// TestRollClip: time moves, by any amount, and channels stay what they are.
func TestRollClip(t *testing.T) {
	c := clip(2, 1, 10, 2, 20, 3, 30)
	if c.Roll(1, .5); !slices.Equal(c.Samples, []float32{1.5, 15, .5, 5, 1, 10}) {
		t.Errorf("stereo: %v", c.Samples)
	}
	c = clip(1, 1, 2, 3, 4)
	if c.Roll(3, 1); !slices.Equal(c.Samples, []float32{2, 3, 4, 1}) {
		t.Errorf("mono: %v", c.Samples)
	}
}

func TestMix(t *testing.T) {
	for _, c := range []struct {
		name     string
		own, mix *Clip
		want     []float32 // before the mean goes
	}{
		{"mono, other longer", clip(1, 1, 2), clip(1, 4, 8, 9), []float32{1.75, 3.5}},
		{"mono, other shorter", clip(1, 1, 2), clip(1, 4), []float32{1.75, 1.5}},
		{"mono and stereo", clip(1, 1, 2), clip(2, 4, 8, 0, 4), []float32{1.75, 2.75, 1.5, 2.5}},
		{"stereo and mono", clip(2, 1, 2, 3, 4), clip(1, 4, 8), []float32{1.75, 2.5, 4.25, 5}},
		{"three channels", clip(3, 1, 2, 99, 3, 4, 99), clip(4, 4, 8, 77, 66), []float32{1.75, 3.5, 2.25, 3}},
		{"mono and three channels", clip(1, 1, 2), clip(3, 4, 8, 77), []float32{1.75, 2.75, 1.5, 1.5}},
	} {
		want := clip(1, c.want...)
		want.RemoveMean()
		c.own.Mix(c.mix, .75)
		if !slices.EqualFunc(c.own.Samples, want.Samples, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
			t.Errorf("%s: %v, want %v", c.name, c.own.Samples, want.Samples)
		}
		if channels := len(c.want) / 2; c.own.Channels != channels {
			t.Errorf("%s: %d channels, want %d", c.name, c.own.Channels, channels)
		}
	}
}

// TestMixRecorded compares with the reference, which mixes in stereo.
func TestMixRecorded(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			f := fixture.Open(t, "audio_wavemix_"+name)
			var meta struct {
				Rate   int `json:"sample_rate"`
				Length int `json:"target_length"`
				Lam    float32
			}
			f.Meta(t, &meta)
			own, other := recording(t, f, "in/wave1_i16"), recording(t, f, "in/wave2_i16")
			own.Mix(other, meta.Lam)
			bank, err := spectrogram.NewBank(meta.Rate, 128)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := fixture.Read[float32](t, f, "out/fbank_padded_f32")
			got := make([]float32, meta.Length*128)
			bank.NewAnalyzer().LogMel(got, own.first(nil))
			worst := 0.0
			for i, w := range want {
				d := math.Abs(float64(got[i] - w))
				if limit := map[bool]float64{true: 1e-3, false: 5e-2}[w > -10]; d > limit {
					t.Fatalf("value %d is %g, want %g", i, got[i], w)
				}
				worst = max(worst, d)
			}
			t.Logf("largest error %.2g", worst)
		})
	}
}

// recording returns the mono wave called name without its mean.
func recording(t *testing.T, f fixture.NPZ, name string) *Clip {
	t.Helper()
	raw, _ := fixture.Read[int16](t, f, name)
	c := clip(1)
	for _, v := range raw {
		c.Samples = append(c.Samples, float32(v)/32768)
	}
	c.RemoveMean()
	return c
}
