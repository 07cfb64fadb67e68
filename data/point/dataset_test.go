package point

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/internal/fixture"
	"m2pt/internal/philox"
)

// memory is a source of clouds in memory, with parts.
type memory []Cloud

func (m memory) Len() int          { return len(m) }
func (m memory) Classes() []string { return []string{"even", "odd"} }
func (m memory) Name(i int) string { return fmt.Sprintf("cloud %d", i) }
func (m memory) Parts() [][]int32  { return [][]int32{{0, 1}, {2}} }
func (m memory) Load(i int, dst *Cloud) (int32, error) {
	if m[i].XYZ == nil && m[i].Parts != nil {
		return 0, errors.New("cloud 0 is lost")
	}
	dst.Resize(m[i].Len(), len(m[i].Parts) > 0)
	copy(dst.XYZ, m[i].XYZ)
	copy(dst.Parts, m[i].Parts)
	return int32(i % 2), nil
}

// flat hides the parts of a source.
type flat struct{ Source }

// ball is a cloud of n points with their numbers as parts.
func ball(seed uint64, n int) Cloud {
	r := philox.New(seed, "ball", 0, 0)
	var c Cloud
	for i := range n {
		c.add(r.Norm()+5, r.Norm(), r.Norm())
		c.Parts = append(c.Parts, int32(i))
	}
	return c
}

func read(t testing.TB, src Source, opt Options, key data.Key) *data.Sample {
	t.Helper()
	ds, err := NewDataset(src, opt)
	if err != nil {
		t.Fatal(err)
	}
	s := ds.Layout().NewSample()
	if err := ds.NewReader().Read(key, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// distinct returns how many different points of the cloud are in a sample, whose
// Labels are their numbers, and fails when a point is not where it was.
func distinct(t *testing.T, c *Cloud, s *data.Sample) int {
	t.Helper()
	seen := map[int32]bool{}
	for k, i := range s.Labels {
		if !slices.Equal(s.Values[3*k:3*k+3], c.XYZ[3*i:3*i+3]) {
			t.Fatalf("point %d is %v, but its part is that of %v", k, s.Values[3*k:3*k+3], c.XYZ[3*i:3*i+3])
		}
		seen[i] = true
	}
	return len(seen)
}

func TestSampling(t *testing.T) {
	for _, c := range []struct {
		sampling string
		train    bool
		n, want  int
		distinct [2]int // least and most
	}{
		{"fps", true, 3000, 1024, [2]int{1024, 1024}},
		{"fps", true, 1100, 1024, [2]int{1024, 1024}},
		{"fps", true, 1024, 1024, [2]int{1024, 1024}},
		{"fps", true, 700, 1024, [2]int{700, 700}},
		{"fps", true, 1, 8, [2]int{1, 1}},
		{"fps", false, 3000, 1024, [2]int{1024, 1024}},
		{"fps", false, 1024, 1024, [2]int{1024, 1024}},
		{"fps", false, 700, 1024, [2]int{700, 700}},
		{"random", true, 3000, 1024, [2]int{1024, 1024}},
		{"random", true, 10, 1024, [2]int{10, 10}},
		{"replace", true, 1024, 1024, [2]int{600, 700}}, // 1 - 1/e of them
		{"replace", true, 1, 100, [2]int{1, 1}},
		{"replace", false, 1500, 1024, [2]int{1024, 1024}},
	} {
		src := memory{ball(1, c.n)}
		opt := Options{Points: c.want, Sampling: c.sampling, Train: c.train, Parts: true}
		s := read(t, src, opt, data.Key{Seed: 1})
		if n := distinct(t, &src[0], s); len(s.Labels) != c.want || n < c.distinct[0] || n > c.distinct[1] {
			t.Errorf("%s, train %v, %d of %d: %d different points of %d, want %v", c.sampling, c.train, c.want, c.n, n, len(s.Labels), c.distinct)
		}
		again := read(t, src, opt, data.Key{Seed: 1})
		other := read(t, src, opt, data.Key{Seed: 2})
		if !slices.Equal(s.Labels, again.Labels) {
			t.Errorf("%s, train %v: not a function of the key", c.sampling, c.train)
		}
		if c.n > 1 && slices.Equal(s.Labels, other.Labels) == c.train {
			t.Errorf("%s, train %v: another seed gives the same points: %v", c.sampling, c.train, !c.train)
		}
	}
}

// TestCoarse: training with fps takes points of a coarser set, which begins anywhere,
// so that few points of the cloud are left out for good.
func TestCoarse(t *testing.T) {
	src := memory{ball(1, 3000)}
	ds, err := NewDataset(src, Options{Points: 1024, Sampling: "fps", Train: true, Parts: true})
	if err != nil {
		t.Fatal(err)
	}
	r, s := ds.NewReader(), ds.Layout().NewSample()
	seen := map[int32]int{}
	for epoch := range 20 {
		if err := r.Read(data.Key{Epoch: epoch}, s); err != nil {
			t.Fatal(err)
		}
		for _, i := range s.Labels {
			seen[i]++
		}
	}
	often := 0 // at the rim, where farthest-point sampling always comes
	for _, n := range seen {
		if n >= 14 { // of 1024 among 1200, 17 are expected, of 1024 among 3000, 7
			often++
		}
	}
	if len(seen) < 2400 || often < 150 {
		t.Errorf("%d points in 20 epochs, %d of them often: want 2400 of 3000, and 150", len(seen), often)
	}
	for n, want := range map[int]int{64: 75, 1024: 1200, 1025: 1201, 2048: 2400, 4096: 4800, 8192: 8192, 10000: 11718} {
		if got := coarse(n); got != want {
			t.Errorf("%d points are chosen of %d, want %d", n, got, want)
		}
	}
}

// TestGroups: indices are those of package grouping over the sample's own points.
func TestGroups(t *testing.T) {
	src := memory{ball(1, 500), ball(2, 500)}
	opt := Options{Points: 256, Groups: 16, GroupSize: 8, Sampling: "fps", UnitSphere: true, Train: true, Augment: Augment{ScaleTranslate: true}}
	s := read(t, src, opt, data.Key{Sample: 1})
	if s.Label != 1 || len(s.Values) != 256*3 || len(s.Indices) != 16*9 || len(s.Labels) != 0 {
		t.Fatalf("label %d, %d values, %d indices, %d labels", s.Label, len(s.Values), len(s.Indices), len(s.Labels))
	}
	want := make([]int32, len(s.Indices))
	var r reader
	if err := r.grouper.Group(s.Values, 8, want); err != nil || !slices.Equal(s.Indices, want) {
		t.Errorf("groups %v, want %v, %v", s.Indices, want, err)
	}
}

// TestUnitSphereOrder: the whole cloud is normalised ahead of sampling, the sample
// itself after random sampling.
func TestUnitSphereOrder(t *testing.T) {
	src := memory{ball(1, 4000)}
	for sampling, exact := range map[string]bool{"fps": false, "replace": false, "random": true} {
		s := read(t, src, Options{Points: 128, Sampling: sampling, UnitSphere: true, Train: true}, data.Key{})
		var mean, largest float64
		for i := 0; i < len(s.Values); i += 3 {
			x, y, z := float64(s.Values[i]), float64(s.Values[i+1]), float64(s.Values[i+2])
			mean += x / 128
			largest = max(largest, math.Sqrt(x*x+y*y+z*z))
		}
		if got := math.Abs(mean) < 1e-6 && math.Abs(largest-1) < 1e-6; got != exact {
			t.Errorf("%s: mean x %g, largest norm %g", sampling, mean, largest)
		}
		if math.Abs(mean) > 0.2 || largest > 1+1e-6 {
			t.Errorf("%s: not normalised: mean x %g, largest norm %g", sampling, mean, largest)
		}
	}
}

// TestViews: looks at a cloud differ, whatever the seed, and keep its name and label.
func TestViews(t *testing.T) {
	src := memory{ball(1, 1500), ball(2, 1500)}
	opt := Options{Points: 1024, Groups: 4, GroupSize: 4, Sampling: "random", Views: 3}
	ds, err := NewDataset(src, opt)
	if err != nil {
		t.Fatal(err)
	}
	if data.Views(ds) != 3 || ds.Len() != 6 || ds.Name(4) != "cloud 1" {
		t.Errorf("%d views, %d items, item 4 is %s", data.Views(ds), ds.Len(), ds.Name(4))
	}
	var looks [][]float32
	for i := range ds.Len() {
		s := read(t, src, opt, data.Key{Sample: i, Seed: 1})
		again := read(t, src, opt, data.Key{Sample: i, Seed: 2, Epoch: 5})
		if !slices.Equal(s.Values, again.Values) || s.Label != int32(i/3) {
			t.Errorf("item %d: label %d; it changes with the seed: %v", i, s.Label, !slices.Equal(s.Values, again.Values))
		}
		if at := slices.Index(src[i/3].XYZ, s.Values[0]); at >= 0 {
			t.Errorf("item %d: its first point is not moved, but that of coordinate %d", i, at)
		}
		for j, other := range looks {
			if slices.Equal(other, s.Values) {
				t.Errorf("items %d and %d are equal", j, i)
			}
		}
		looks = append(looks, s.Values)
	}
	if plain, err := NewDataset(src, Options{Points: 8, Sampling: "fps"}); err != nil || data.Views(plain) != 1 || plain.Len() != 2 {
		t.Errorf("without views: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	nan := ball(1, 10)
	nan.XYZ[4] = float32(math.NaN())
	short := ball(1, 10)
	short.Parts = short.Parts[:9]
	for name, c := range map[string]struct {
		cloud Cloud
		want  string
	}{
		"no points":     {Cloud{}, "points of cloud 0: 0 points"},
		"nan":           {nan, "points of cloud 0: point 1 is at"},
		"without parts": {Cloud{XYZ: short.XYZ}, "points of cloud 0: 0 parts for 10 points"},
		"lost":          {Cloud{Parts: []int32{}}, "cloud 0 is lost"},
	} {
		ds, err := NewDataset(memory{c.cloud}, Options{Points: 8, Sampling: "fps", Parts: true})
		if err != nil {
			t.Fatal(err)
		}
		err = ds.NewReader().Read(data.Key{}, ds.Layout().NewSample())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}

func TestNewDatasetRefuses(t *testing.T) {
	good := Options{Points: 8, Groups: 2, GroupSize: 4, Sampling: "fps"}
	for name, change := range map[string]func(*Options){
		"points":         func(o *Options) { o.Points = 0 },
		"group size":     func(o *Options) { o.GroupSize = 9 },
		"no group size":  func(o *Options) { o.GroupSize = 0 },
		"groups":         func(o *Options) { o.Groups = -1 },
		"sampling":       func(o *Options) { o.Sampling = "all" },
		"training views": func(o *Options) { o.Views, o.Train = 2, true },
		"views of parts": func(o *Options) { o.Views, o.Parts = 2, true },
		"up":             func(o *Options) { o.Augment.Up = "xy" },
		"dropout":        func(o *Options) { o.Augment.Dropout = 1 },
	} {
		opt := good
		change(&opt)
		if _, err := NewDataset(memory{}, opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	good.Parts = true
	if _, err := NewDataset(flat{memory{}}, good); err == nil {
		t.Error("parts of a source without: no error")
	}
	if _, err := NewDataset(memory{}, good); err != nil {
		t.Error(err)
	}
}

// TestNoAllocations: samples of files and of memory alike.
func TestNoAllocations(t *testing.T) {
	src := memory{ball(1, 2000)}
	for name, opt := range map[string]Options{
		"train": {Points: 512, Groups: 16, GroupSize: 8, Sampling: "fps", UnitSphere: true, Train: true, Parts: true, Augment: Augment{Flip: true, Rotate: true, ScaleTranslate: true, ScaleShift: true, Jitter: true, Dropout: 0.5}},
		"eval":  {Points: 512, Groups: 16, GroupSize: 8, Sampling: "random", UnitSphere: true},
		"views": {Points: 512, Groups: 16, GroupSize: 8, Sampling: "replace", Views: 2},
	} {
		ds, err := NewDataset(src, opt)
		if err != nil {
			t.Fatal(err)
		}
		r, s := ds.NewReader(), ds.Layout().NewSample()
		if n := testing.AllocsPerRun(5, func() {
			if err := r.Read(data.Key{}, s); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %g allocations a sample", name, n)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	list, err := OpenCSV(filepath.Join(fixture.Data(b, filepath.Join("point", "modelnet10")), "split.csv"), "train")
	if err != nil {
		b.Fatal(err)
	}
	ds, err := NewDataset(list, Options{Points: 1024, Groups: 64, GroupSize: 32, Sampling: "fps", UnitSphere: true, Train: true, Augment: Augment{ScaleTranslate: true}})
	if err != nil {
		b.Fatal(err)
	}
	r, s := ds.NewReader(), ds.Layout().NewSample()
	for i := 0; b.Loop(); i++ {
		if err := r.Read(data.Key{Sample: i % ds.Len()}, s); err != nil {
			b.Fatal(err)
		}
	}
}
