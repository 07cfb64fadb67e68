package generated

import (
	"math"
	"slices"
	"testing"

	"m2pt/data"
	"m2pt/data/point"
	"m2pt/internal/logreg"
)

func clouds(t testing.TB, opt CloudOptions) *Clouds {
	t.Helper()
	c, err := NewClouds(opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scattered is the coordinates of a dataset of clouds as bytes, which is what logreg
// reads, in the order of the points or sorted along each axis.
type scattered struct {
	data.Dataset
	sorted bool
}

func (s scattered) Layout() data.Layout { return data.Layout{Pixels: s.Dataset.Layout().Values} }

func (s scattered) NewReader() data.Reader {
	return &scatteredReader{s.Dataset.NewReader(), s.Dataset.Layout().NewSample(), s.sorted}
}

type scatteredReader struct {
	data.Reader
	cloud  *data.Sample
	sorted bool
}

func (r *scatteredReader) Read(key data.Key, dst *data.Sample) error {
	err := r.Reader.Read(key, r.cloud)
	n := len(r.cloud.Values) / 3
	for axis := range 3 {
		row := dst.Pixels[axis*n:][:n]
		for k := range row {
			row[k] = level(127.5 + 90*float64(r.cloud.Values[3*k+axis]))
		}
		if r.sorted {
			slices.Sort(row)
		}
	}
	dst.Label = r.cloud.Label
	return err
}

// TestLinearModelFailsOnClouds: coordinates, as they come or sorted, must not give
// the classes away.
func TestLinearModelFailsOnClouds(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model for some seconds")
	}
	for name, sorted := range map[string]bool{"as they come": false, "sorted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dataset := func(split string, n int) data.Dataset {
				src := clouds(t, CloudOptions{Variant: "shapes", Split: split, Count: n, Points: 256, Seed: 1})
				ds, err := point.NewDataset(src, point.Options{Points: 256, Sampling: "fps", UnitSphere: true})
				if err != nil {
					t.Fatal(err)
				}
				return scattered{ds, sorted}
			}
			onTrain, onTest, err := logreg.Accuracy(dataset("train", 1200), dataset("test", 400), 10)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("accuracy on train %.3f, on test %.3f", onTrain, onTest)
			if onTest > 0.3 {
				t.Errorf("softmax regression reaches %.3f on test, want at most 0.3", onTest)
			}
			if onTrain < 0.2 {
				t.Errorf("softmax regression reaches %.3f on train: the yardstick does not learn", onTrain)
			}
		})
	}
}

// TestCloudsAreFunctions of (seed, variant, split, index).
func TestCloudsAreFunctions(t *testing.T) {
	load := func(opt CloudOptions, i int) []float32 {
		var c point.Cloud
		if _, err := clouds(t, opt).Load(i, &c); err != nil {
			t.Fatal(err)
		}
		return c.XYZ
	}
	base := CloudOptions{Variant: "shapes", Split: "train", Count: 30, Points: 64, Seed: 1}
	want := load(base, 7)
	for name, change := range map[string]func(*CloudOptions){
		"count": func(o *CloudOptions) { o.Count = 1000 },
		"seed":  func(o *CloudOptions) { o.Seed = 2 }, "variant": func(o *CloudOptions) { o.Variant = "parts" }, "split": func(o *CloudOptions) { o.Split = "test" },
	} {
		other := base
		change(&other)
		if slices.Equal(load(other, 7), want) != (name == "count") {
			t.Errorf("%s: the cloud changes: %v", name, name != "count")
		}
	}
	if slices.Equal(load(base, 17), want) {
		t.Error("two clouds of a class are equal")
	}
	longer := base
	longer.Points = 100
	if !slices.Equal(load(longer, 7)[:len(want)], want) {
		t.Error("a cloud of more points does not begin with those of a smaller one")
	}
}

// TestCloudsAreSound: size, labels and parts are within bounds, classes in turn.
func TestCloudsAreSound(t *testing.T) {
	for variant, want := range map[string]struct{ classes, parts int }{"shapes": {10, 10}, "parts": {4, 9}} {
		s := clouds(t, CloudOptions{Variant: variant, Split: "val", Count: 200, Points: 500, Seed: 1})
		if n := len(s.Classes()); n != want.classes || len(slices.Concat(s.Parts()...)) != want.parts {
			t.Errorf("%s: %d classes with parts %v", variant, n, s.Parts())
		}
		seen := map[int32]bool{}
		var c point.Cloud
		for i := range s.Len() {
			label, err := s.Load(i, &c)
			if err != nil || int(label) != i%want.classes || c.Len() != 500 || len(c.Parts) != 500 {
				t.Fatalf("%s: label %d, %d points, %d parts, %v", s.Name(i), label, c.Len(), len(c.Parts), err)
			}
			if top := max(slices.Max(c.XYZ), -slices.Min(c.XYZ)); !(top > 0.3 && top < 3.5) {
				t.Errorf("%s: largest coordinate %g", s.Name(i), top)
			}
			counts := map[int32]int{}
			for _, part := range c.Parts {
				counts[part]++
				seen[part] = true
			}
			for _, part := range s.Parts()[label] {
				if counts[part] < 30 {
					t.Errorf("%s: %d points of part %d", s.Name(i), counts[part], part)
				}
				delete(counts, part)
			}
			if len(counts) > 0 {
				t.Errorf("%s: parts of another class: %v", s.Name(i), counts)
			}
		}
		if len(seen) != want.parts {
			t.Errorf("%s: %d parts seen, want %d", variant, len(seen), want.parts)
		}
	}
}

// TestSurfaces: shapes are where their formulas say, evenly.
func TestSurfaces(t *testing.T) {
	s := solid{}
	s.begin()
	const n = 20000
	var below [3]int // on the cone below half its height, and of the box's faces across x and y
	for range n {
		p := s.side(0.8, 0, 0, 1)
		if math.Abs(math.Hypot(p[0], p[1])-0.8*(1-p[2])) > 1e-9 {
			t.Fatalf("%v is not on the cone", p)
		}
		if p[2] < 0.5 {
			below[0]++
		}
		p = s.box(1, 2, 3)
		switch {
		case math.Abs(p[0]) == 1:
			below[1]++
		case math.Abs(p[1]) == 2:
			below[2]++
		case math.Abs(p[2]) != 3:
			t.Fatalf("%v is not on the box", p)
		}
		if p = s.ball(2); math.Abs(math.Hypot(math.Hypot(p[0], p[1]), p[2])-2) > 1e-9 {
			t.Fatalf("%v is not on the ball", p)
		}
	}
	for i, want := range []float64{0.75, 6. / 11, 3. / 11} {
		if got := float64(below[i]) / n; math.Abs(got-want) > 0.02 {
			t.Errorf("share %d: %.3f, want %.3f", i, got, want)
		}
	}
	m := s.rotation()
	for i := range m {
		for j := range m {
			dot := m[i][0]*m[j][0] + m[i][1]*m[j][1] + m[i][2]*m[j][2]
			if want := map[bool]float64{true: 1}[i == j]; math.Abs(dot-want) > 1e-9 {
				t.Errorf("rows %d and %d of a rotation: %g", i, j, dot)
			}
		}
	}
}

func TestNewCloudsRefuses(t *testing.T) {
	for name, opt := range map[string]CloudOptions{
		"variant": {Variant: "faces", Count: 1, Points: 10},
		"count":   {Variant: "shapes", Points: 10},
		"points":  {Variant: "parts", Count: 1},
	} {
		if _, err := NewClouds(opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkCloud(b *testing.B) {
	for _, variant := range []string{"shapes", "parts"} {
		b.Run(variant, func(b *testing.B) {
			s := clouds(b, CloudOptions{Variant: variant, Split: "train", Count: 1000, Points: 1024})
			var c point.Cloud
			for i := 0; b.Loop(); i++ {
				if _, err := s.Load(i%1000, &c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
