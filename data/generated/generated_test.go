package generated

import (
	"math"
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/internal/logreg"
)

func variants() []string { return []string{"shapes", "textures"} }

func source(t testing.TB, opt Options) *Images {
	t.Helper()
	s, err := NewImages(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dataset returns n untransformed pictures of 32 x 32.
func dataset(t testing.TB, variant, split string, n int) data.Dataset {
	t.Helper()
	return image.NewDataset(source(t, Options{Variant: variant, Split: split, Size: 32, Count: n, Seed: 1}), image.Shift{Side: 32})
}

// TestLinearModelFails: raw pixels must not give the classes away.
func TestLinearModelFails(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model for some seconds")
	}
	for _, variant := range variants() {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			onTrain, onTest, err := logreg.Accuracy(dataset(t, variant, "train", 800), dataset(t, variant, "test", 300), 8)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("accuracy on train %.3f, on test %.3f", onTrain, onTest)
			if onTest > 0.3 {
				t.Errorf("softmax regression reaches %.3f on test, want at most 0.3", onTest)
			}
			if onTrain < 0.4 {
				t.Errorf("softmax regression reaches %.3f on train: the yardstick does not learn", onTrain)
			}
		})
	}
}

// TestMeanColourTellsNothing: the class of the nearest mean colour is a poor
// guess.
func TestMeanColourTellsNothing(t *testing.T) {
	for _, variant := range variants() {
		s := source(t, Options{Variant: variant, Split: "train", Size: 16, Count: 1500, Seed: 1})
		colours := make([]colour, s.Len())
		var p image.Picture
		for i := range colours {
			if _, err := s.Load(i, &p); err != nil {
				t.Fatal(err)
			}
			for k, v := range p.Pix {
				colours[i][k%3] += float64(v) / 256
			}
		}
		right := 0
		for i, c := range colours {
			if nearest(colours, i, c)%10 == i%10 {
				right++
			}
		}
		share := float64(right) / float64(len(colours))
		t.Logf("%s: nearest mean colour is right for %.3f", variant, share)
		if share > 0.25 {
			t.Errorf("%s: mean colour tells the class of %.3f of the pictures", variant, share)
		}
	}
}

// nearest returns the index, other than i, of the colour nearest to c.
func nearest(colours []colour, i int, c colour) int {
	best, least := -1, math.Inf(1)
	for j, o := range colours {
		d := (c[0]-o[0])*(c[0]-o[0]) + (c[1]-o[1])*(c[1]-o[1]) + (c[2]-o[2])*(c[2]-o[2])
		if j != i && d < least {
			best, least = j, d
		}
	}
	return best
}

// TestPicturesAreFunctions of (seed, variant, split, index): neither the length
// of a split nor what was drawn before matters, every part of the key does.
func TestPicturesAreFunctions(t *testing.T) {
	load := func(opt Options, i int) []uint8 {
		var p image.Picture
		if _, err := source(t, opt).Load(i, &p); err != nil {
			t.Fatal(err)
		}
		return p.Pix
	}
	base := Options{Variant: "shapes", Split: "train", Size: 20, Count: 30, Seed: 1}
	want := load(base, 7)
	longer := base
	longer.Count = 1000
	if !slices.Equal(load(longer, 7), want) {
		t.Error("the picture changes with the length of the split")
	}
	for name, change := range map[string]func(*Options){
		"seed": func(o *Options) { o.Seed = 2 }, "variant": func(o *Options) { o.Variant = "textures" }, "split": func(o *Options) { o.Split = "test" },
	} {
		other := base
		change(&other)
		if slices.Equal(load(other, 7), want) {
			t.Errorf("%s does not change the picture", name)
		}
	}
	if slices.Equal(load(base, 17), want) {
		t.Error("two pictures of a class are equal")
	}
}

func TestClassesAreBalanced(t *testing.T) {
	for _, variant := range variants() {
		s := source(t, Options{Variant: variant, Split: "val", Size: 8, Count: 40, Seed: 1})
		counts := make([]int, len(s.Classes()))
		var p image.Picture
		for i := range s.Len() {
			label, _ := s.Load(i, &p)
			counts[label]++
		}
		if !slices.Equal(counts, slices.Repeat([]int{4}, 10)) {
			t.Errorf("%s: %v pictures per class, want 4 of each of 10", variant, counts)
		}
	}
}

func TestNewImagesRefuses(t *testing.T) {
	for name, opt := range map[string]Options{
		"variant": {Variant: "faces", Size: 32, Count: 1},
		"size":    {Variant: "shapes", Size: 4, Count: 1},
		"count":   {Variant: "shapes", Size: 32},
	} {
		if _, err := NewImages(opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, variant := range variants() {
		b.Run(variant, func(b *testing.B) {
			s := source(b, Options{Variant: variant, Split: "train", Size: 32, Count: 1000})
			var p image.Picture
			for i := 0; b.Loop(); i++ {
				if _, err := s.Load(i%1000, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
