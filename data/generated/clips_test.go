package generated

import (
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/data/video"
	"m2pt/internal/logreg"
)

func clips(t testing.TB, opt ClipOptions) *Clips {
	t.Helper()
	s, err := NewClips(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// clipDataset returns n whole clips of 8 frames of 32 x 32.
func clipDataset(t testing.TB, split string, n int) data.Dataset {
	t.Helper()
	src := clips(t, ClipOptions{Split: split, Count: n, Frames: 8, Size: 32, Seed: 1})
	ds, err := video.NewDataset(src, video.Options{Frames: 8, Size: 32, Rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// frame returns frame k of clip i.
func frame(t testing.TB, s *Clips, i, k int) []uint8 {
	t.Helper()
	c, label, err := s.Open(i)
	if err != nil || int(label) != i%len(s.Classes()) {
		t.Fatalf("label %d, error %v", label, err)
	}
	var p image.Picture
	if err := c.Read([]int{k}, &p, func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return p.Pix
}

// TestLinearModelOfClipsFails: the pixels of all frames must not give the classes
// away.
func TestLinearModelOfClipsFails(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model for some seconds")
	}
	onTrain, onTest, err := logreg.Accuracy(clipDataset(t, "train", 600), clipDataset(t, "test", 300), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accuracy on train %.3f, on test %.3f", onTrain, onTest)
	if onTest > 0.2 {
		t.Errorf("softmax regression reaches %.3f on test, want at most 0.2", onTest)
	}
	if onTrain < 0.4 {
		t.Errorf("softmax regression reaches %.3f on train: the yardstick does not learn", onTrain)
	}
}

// TestClipsAreFunctions of (seed, split, index, frame): neither the length of a
// split nor the frames read before matter.
func TestClipsAreFunctions(t *testing.T) {
	base := ClipOptions{Split: "train", Count: 30, Frames: 8, Size: 20, Seed: 1}
	want := frame(t, clips(t, base), 7, 3)
	longer := base
	longer.Count = 1000
	if !slices.Equal(frame(t, clips(t, longer), 7, 3), want) {
		t.Error("the frame changes with the length of the split")
	}
	c, _, _ := clips(t, base).Open(7)
	var p image.Picture
	if err := c.Read([]int{0, 1, 3}, &p, func(int) error { return nil }); err != nil || !slices.Equal(p.Pix, want) {
		t.Errorf("the frame changes with those read before it (error %v)", err)
	}
	for name, change := range map[string]func(*ClipOptions){
		"seed": func(o *ClipOptions) { o.Seed = 2 }, "split": func(o *ClipOptions) { o.Split = "test" },
	} {
		other := base
		change(&other)
		if slices.Equal(frame(t, clips(t, other), 7, 3), want) {
			t.Errorf("%s does not change the frame", name)
		}
	}
	if slices.Equal(frame(t, clips(t, base), 17, 3), want) {
		t.Error("two clips of a class are equal")
	}
}

// TestMotion follows the figure: what each class does to it between two times.
func TestMotion(t *testing.T) {
	for i, c := range clipClasses() {
		at := func(t float64) figure {
			f := figure{size: 0.3, pace: 1, turn: 0}
			c.move(&f, t)
			return f
		}
		a, b := at(0), at(0.1)
		dx, dy, grown := b.x-a.x, b.y-a.y, b.size-a.size
		want := map[string][3]int{
			"still": {}, "left": {-1, 0, 0}, "right": {1, 0, 0}, "up": {0, -1, 0}, "down": {0, 1, 0},
			"clockwise": {-1, 1, 0}, "anticlockwise": {-1, -1, 0}, // from the right end of the circle
			"growing": {0, 0, 1}, "shrinking": {0, 0, -1}, "bouncing": {0, -1, 0},
		}[c.name]
		if got := [3]int{sign(dx), sign(dy), sign(grown)}; got != want {
			t.Errorf("class %d %s moves %v, want %v", i, c.name, got, want)
		}
	}
}

func sign(v float64) int {
	switch {
	case v > 1e-9:
		return 1
	case v < -1e-9:
		return -1
	}
	return 0
}

func TestNewClipsRefuses(t *testing.T) {
	for name, opt := range map[string]ClipOptions{
		"size":   {Size: 4, Count: 1, Frames: 1},
		"count":  {Size: 32, Frames: 1},
		"frames": {Size: 32, Count: 1},
	} {
		if _, err := NewClips(opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkClip(b *testing.B) {
	r, buf := clipDataset(b, "train", 1000).NewReader(), clipDataset(b, "train", 1).Layout().NewSample()
	for i := 0; b.Loop(); i++ {
		if err := r.Read(data.Key{Sample: i % 1000}, buf); err != nil {
			b.Fatal(err)
		}
	}
}
