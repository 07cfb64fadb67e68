package point

import (
	"math"
	"slices"
	"testing"

	"m2pt/internal/fixture"
	"m2pt/internal/philox"
)

// TestFixture compares with the reference.
func TestFixture(t *testing.T) {
	f := fixture.Open(t, "point_transforms")
	read := func(name string) []float32 {
		v, _ := fixture.Read[float32](t, f, name)
		return v
	}
	xyz, scale, shift := read("in/xyz"), read("in/scale"), read("in/translate")
	for name, do := range map[string]func(xyz []float32, i int){
		"unit_sphere": func(xyz []float32, _ int) { UnitSphere(xyz) },
		"scale_translate": func(xyz []float32, i int) {
			ScaleTranslate(xyz, [3]float32(scale[3*i:]), [3]float32(shift[3*i:]))
		},
	} {
		got, want := slices.Clone(xyz), read("out/"+name)
		for i := range 3 {
			do(got[i*150:][:150], i)
		}
		worst := 0.0
		for i := range got {
			worst = max(worst, math.Abs(float64(got[i]-want[i])))
		}
		t.Logf("%s: largest difference %.2g", name, worst)
		if !(worst < 1e-6) {
			t.Errorf("%s: largest difference %g", name, worst)
		}
	}
}

func TestUnitSphereInOnePlace(t *testing.T) {
	xyz := []float32{3, 4, 5, 3, 4, 5}
	if UnitSphere(xyz); !slices.Equal(xyz, make([]float32, 6)) {
		t.Errorf("%v, want the origin", xyz)
	}
}

func TestRotateAndFlip(t *testing.T) {
	for axis, want := range [][]float32{{1, -3, 2}, {3, 2, -1}, {-2, 1, 3}} {
		p := []float32{1, 2, 3}
		Rotate(p, axis, math.Pi/2)
		for k := range p {
			if math.Abs(float64(p[k]-want[k])) > 1e-6 {
				t.Errorf("a quarter turn about axis %d: %v, want %v", axis, p, want)
				break
			}
		}
		p, want = []float32{1, 2, 3, 4, 5, 6}, []float32{1, 2, 3, 4, 5, 6}
		want[axis], want[3+axis] = -want[axis], -want[3+axis]
		if Flip(p, axis); !slices.Equal(p, want) {
			t.Errorf("mirrored axis %d: %v, want %v", axis, p, want)
		}
	}
}

func TestJitterAndDrop(t *testing.T) {
	r := philox.New(1, "jitter", 0, 0)
	xyz := make([]float32, 30000)
	Jitter(xyz, 0.01, 0.02, &r)
	sum, at := 0.0, 0
	for _, v := range xyz {
		sum += float64(v) * float64(v)
		if v == 0.02 || v == -0.02 {
			at++
		}
	}
	// Of the clipped normal: variance 0.92σ², and 4.6 % at the ends.
	if sigma := math.Sqrt(sum / 30000); math.Abs(sigma-0.0096) > 2e-4 || slices.Max(xyz) > 0.02 || slices.Min(xyz) < -0.02 || at < 1200 || at > 1500 {
		t.Errorf("noise of %g, %g to %g, %d at the ends", sigma, slices.Min(xyz), slices.Max(xyz), at)
	}
	for i := range xyz {
		xyz[i] = float32(i)
	}
	Drop(xyz, 0.3, &r)
	dropped := 0
	for i := 0; i < len(xyz); i += 3 {
		switch {
		case slices.Equal(xyz[i:i+3], []float32{0, 1, 2}):
			dropped++
		case xyz[i] != float32(i):
			t.Fatalf("point %d: %v", i/3, xyz[i:i+3])
		}
	}
	if dropped < 2800 || dropped > 3200 {
		t.Errorf("%d of 10000 points dropped, want 3000", dropped)
	}
}

// TestAugmentRanges: each augmentation alone keeps within its bounds and reaches
// them.
func TestAugmentRanges(t *testing.T) {
	const trials = 2000
	bounds := func(a Augment, value func(xyz []float32) float64) (lo, hi float64) {
		lo, hi = math.Inf(1), math.Inf(-1)
		for i := range trials {
			xyz := []float32{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}
			r := philox.New(1, "augment", 0, uint64(i))
			a.apply(xyz, &r)
			v := value(xyz)
			lo, hi = min(lo, v), max(hi, v)
		}
		return lo, hi
	}
	at := func(i int) func([]float32) float64 { return func(xyz []float32) float64 { return float64(xyz[i]) } }
	less := func(i, j int) func([]float32) float64 {
		return func(xyz []float32) float64 { return float64(xyz[i] - xyz[j]) }
	}
	for _, c := range []struct {
		name   string
		a      Augment
		value  func([]float32) float64
		lo, hi float64
	}{
		{"nothing", Augment{}, at(3), 1, 1},
		{"scale", Augment{ScaleTranslate: true}, less(3, 0), 2. / 3, 1.5},
		{"translate", Augment{ScaleTranslate: true}, at(2), -0.2, 0.2},
		{"scale of two axes", Augment{ScaleTranslate: true}, func(p []float32) float64 { return float64(p[3] - p[0] - p[7] + p[1]) }, -5. / 6, 5. / 6},
		{"one scale", Augment{ScaleShift: true}, less(11, 2), 0.8, 1.25},
		{"one scale of two axes", Augment{ScaleShift: true}, func(p []float32) float64 { return float64(p[3] - p[0] - p[7] + p[1]) }, 0, 0},
		{"shift", Augment{ScaleShift: true}, at(0), -0.1, 0.1},
		{"turn", Augment{Rotate: true}, at(3), -1, 1},
		{"turn, upright", Augment{Rotate: true}, at(7), 1, 1},
		{"turn about z", Augment{Rotate: true, Up: "z"}, at(7), -1, 1},
		{"turn about z, upright", Augment{Rotate: true, Up: "z"}, at(11), 1, 1},
		{"flip", Augment{Flip: true}, at(3), -1, 1},
		{"flip, upright", Augment{Flip: true}, at(7), 1, 1},
		{"flip under x, upright", Augment{Flip: true, Up: "x"}, at(3), 1, 1},
		{"jitter", Augment{Jitter: true}, at(0), -0.03, 0.03},
		{"dropout", Augment{Dropout: 0.9}, at(3), 0, 1},
	} {
		lo, hi := bounds(c.a, c.value)
		slack := 0.1 * (c.hi - c.lo)
		if c.name == "scale of two axes" || c.name == "jitter" { // their ends are rare
			slack *= 4
		}
		inside := lo >= c.lo-1e-6 && hi <= c.hi+1e-6 || c.name == "jitter" && lo >= -0.05 && hi <= 0.05
		if !inside || lo > c.lo+slack || hi < c.hi-slack {
			t.Errorf("%s: %.3f to %.3f, want %.3f to %.3f", c.name, lo, hi, c.lo, c.hi)
		}
	}
}
