package generated

import (
	"math"
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/data/audio"
	"m2pt/internal/logreg"
)

func sounds(t testing.TB, split string, n int) *Sounds {
	t.Helper()
	s, err := NewSounds(SoundOptions{Split: split, Count: n, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// spectrograms returns n sounds as 64 frames of 32 mel bands.
func spectrograms(t testing.TB, split string, n int) data.Dataset {
	t.Helper()
	ds, err := audio.NewDataset(sounds(t, split, n), audio.Options{Rate: SoundRate, Mels: 32, Frames: 64, Mean: -6, Std: 3})
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// pictured is a dataset of spectrograms as bytes, which is what logreg reads.
type pictured struct{ data.Dataset }

func (p pictured) Layout() data.Layout { return data.Layout{Pixels: p.Dataset.Layout().Values} }

func (p pictured) NewReader() data.Reader {
	return &picturedReader{p.Dataset.NewReader(), p.Dataset.Layout().NewSample()}
}

type picturedReader struct {
	data.Reader
	sound *data.Sample
}

func (r *picturedReader) Read(key data.Key, dst *data.Sample) error {
	err := r.Reader.Read(key, r.sound)
	for i, v := range r.sound.Values {
		dst.Pixels[i] = level(64 + 48*float64(v+1))
	}
	dst.Label = r.sound.Label
	return err
}

// TestLinearModelFailsOnSounds: a spectrogram's values, one by one, must not give
// the classes away.
func TestLinearModelFailsOnSounds(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model for some seconds")
	}
	t.Parallel()
	onTrain, onTest, err := logreg.Accuracy(pictured{spectrograms(t, "train", 800)}, pictured{spectrograms(t, "test", 300)}, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accuracy on train %.3f, on test %.3f", onTrain, onTest)
	if onTest > 0.4 {
		t.Errorf("softmax regression reaches %.3f on test, want at most 0.4", onTest)
	}
	if onTrain < 0.4 {
		t.Errorf("softmax regression reaches %.3f on train: the yardstick does not learn", onTrain)
	}
}

// TestSpectrumTellsNothing: the class of the nearest mean spectrum is a poor
// guess.
func TestSpectrumTellsNothing(t *testing.T) {
	ds := spectrograms(t, "train", 500)
	r, s := ds.NewReader(), ds.Layout().NewSample()
	spectra := make([][32]float64, ds.Len())
	for i := range spectra {
		if err := r.Read(data.Key{Sample: i}, s); err != nil {
			t.Fatal(err)
		}
		for k, v := range s.Values {
			spectra[i][k%32] += float64(v) / 64
		}
	}
	right := 0
	for i := range spectra {
		best, least := -1, math.Inf(1)
		for j := range spectra {
			d := 0.0
			for k, v := range spectra[j] {
				d += (v - spectra[i][k]) * (v - spectra[i][k])
			}
			if j != i && d < least {
				best, least = j, d
			}
		}
		if best%10 == i%10 {
			right++
		}
	}
	share := float64(right) / float64(len(spectra))
	t.Logf("nearest mean spectrum is right for %.3f", share)
	if share > 0.35 {
		t.Errorf("the mean spectrum tells the class of %.3f of the sounds", share)
	}
}

// TestSoundsAreFunctions of (seed, split, index).
func TestSoundsAreFunctions(t *testing.T) {
	load := func(opt SoundOptions, i int) []float32 {
		s, err := NewSounds(opt)
		if err != nil {
			t.Fatal(err)
		}
		var c audio.Clip
		if err := s.Load(i, &c); err != nil {
			t.Fatal(err)
		}
		return c.Samples
	}
	base := SoundOptions{Split: "train", Count: 30, Seed: 1}
	want := load(base, 7)
	if longer := (SoundOptions{Split: "train", Count: 1000, Seed: 1}); !slices.Equal(load(longer, 7), want) {
		t.Error("the clip changes with the length of the split")
	}
	for name, other := range map[string]SoundOptions{"seed": {Split: "train", Count: 30, Seed: 2}, "split": {Split: "test", Count: 30, Seed: 1}} {
		if slices.Equal(load(other, 7), want) {
			t.Errorf("%s does not change the clip", name)
		}
	}
	if slices.Equal(load(base, 17), want) {
		t.Error("two clips of a class are equal")
	}
}

// TestSoundsAreSound: length, level and labels are within bounds.
func TestSoundsAreSound(t *testing.T) {
	s := sounds(t, "val", 500)
	counts := make([]int, len(s.Classes()))
	var c audio.Clip
	for i := range s.Len() {
		if err := s.Load(i, &c); err != nil {
			t.Fatal(err)
		}
		if c.Rate != SoundRate || c.Channels != 1 || c.Len() < minSound || c.Len() > maxSound {
			t.Fatalf("clip %d: %d samples of %d channels at %d Hz", i, c.Len(), c.Channels, c.Rate)
		}
		if top := max(slices.Max(c.Samples), -slices.Min(c.Samples)); !(top > 0.01 && top < 2) {
			t.Errorf("clip %d: largest value %g", i, top)
		}
		counts[s.Labels(i)[0]]++
	}
	if !slices.Equal(counts, slices.Repeat([]int{50}, 10)) {
		t.Errorf("%v clips per class, want 50 of each of 10", counts)
	}
	if _, err := NewSounds(SoundOptions{Split: "train"}); err == nil {
		t.Error("no clips: no error")
	}
}

func BenchmarkSound(b *testing.B) {
	s := sounds(b, "train", 1000)
	var c audio.Clip
	for i := 0; b.Loop(); i++ {
		if err := s.Load(i%1000, &c); err != nil {
			b.Fatal(err)
		}
	}
}
