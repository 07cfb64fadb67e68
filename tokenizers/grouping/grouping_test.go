package grouping

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"m2pt/internal/philox"
)

// naiveGroup says in the fewest words what Group does.
func naiveGroup(xyz []float32, groups, size int) []int32 {
	var dst []int32
	for _, pick := range naiveSample(xyz, 0, groups, true) {
		dst = append(append(dst, pick), naiveNearest(xyz, pick, size)...)
	}
	return dst
}

func naiveSample(xyz []float32, start int32, count int, skipPadding bool) []int32 {
	near := slices.Repeat([]float32{1e10}, len(xyz)/3)
	var picks []int32
	for pick := start; len(picks) < count; {
		picks = append(picks, pick)
		from := pick
		best := float32(-1)
		pick = 0
		for i := range near {
			if skipPadding && naiveDistance(point(xyz, int32(i)), [3]float32{}) <= 1e-3 {
				continue
			}
			near[i] = min(near[i], naiveDistance(point(xyz, int32(i)), point(xyz, from)))
			if near[i] > best {
				best, pick = near[i], int32(i)
			}
		}
	}
	return picks
}

func naiveNearest(xyz []float32, pick int32, size int) []int32 {
	order := make([]int32, len(xyz)/3)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		da, db := naiveDistance(point(xyz, a), point(xyz, pick)), naiveDistance(point(xyz, b), point(xyz, pick))
		switch {
		case da < db:
			return -1
		case da > db:
			return 1
		}
		return 0
	})
	return order[:size]
}

func naiveDistance(a, b [3]float32) float32 {
	var sum float32
	for k := range a {
		d := a[k] - b[k]
		sum += float32(d * d)
	}
	return sum
}

// A cloud of n points of one kind.
func cloud(kind string, n int, r *philox.Rand) []float32 {
	xyz := make([]float32, 3*n)
	for i := range xyz {
		switch v := r.Norm(); kind {
		case "ball":
			xyz[i] = float32(v) / 2
		case "plane":
			xyz[i] = float32(v) * float32(i%3%2)
		case "lattice": // many equal distances and points
			xyz[i] = float32(r.IntN(5)-2) / 2
		case "speck": // all padding
			xyz[i] = float32(v) * 1e-3
		case "point":
			xyz[i] = 0.25
		case "outliers":
			xyz[i] = float32(math.Pow(v, 15))
		case "vast": // distances beyond 1e10, and beyond float32
			xyz[i] = float32(v * math.Pow(10, 25*r.Float64()))
		}
	}
	return xyz
}

func kinds() []string {
	return []string{"ball", "plane", "lattice", "speck", "point", "outliers", "vast"}
}

func TestAgainstNaive(t *testing.T) {
	var g Grouper // one for all: what it did before must not matter
	for _, kind := range kinds() {
		for i, c := range []struct{ n, groups, size int }{
			{1, 1, 1}, {1, 3, 1}, {2, 5, 2}, {15, 15, 15}, {16, 4, 3}, {17, 40, 17}, {100, 12, 9}, {700, 64, 32}, {1500, 30, 200},
		} {
			t.Run(fmt.Sprintf("%s %d", kind, c.n), func(t *testing.T) {
				r := philox.New(1, kind, uint64(i), 0)
				xyz := cloud(kind, c.n, &r)
				got := make([]int32, c.groups*(1+c.size))
				if err := g.Group(xyz, c.size, got); err != nil {
					t.Fatal(err)
				}
				if want := naiveGroup(xyz, c.groups, c.size); !slices.Equal(got, want) {
					t.Errorf("groups of %d: %v, want %v", c.size, got, want)
				}
				picks := make([]int32, c.groups)
				if err := g.Sample(xyz, picks); err != nil || !slices.Equal(picks, naiveSample(xyz, 0, c.groups, true)) {
					t.Errorf("sample: %v, %v", picks, err)
				}
				if err := g.SampleFrom(xyz, c.n/2, picks); err != nil || !slices.Equal(picks, naiveSample(xyz, int32(c.n/2), c.groups, false)) {
					t.Errorf("sample from %d: %v, %v", c.n/2, picks, err)
				}
			})
		}
	}
}

func TestRefuses(t *testing.T) {
	var g Grouper
	xyz := make([]float32, 30)
	for name, err := range map[string]error{
		"no points":         g.Group(nil, 1, make([]int32, 2)),
		"half a point":      g.Group(xyz[:29], 1, make([]int32, 2)),
		"half a group":      g.Group(xyz, 2, make([]int32, 4)),
		"no neighbours":     g.Group(xyz, 0, make([]int32, 4)),
		"large groups":      g.Group(xyz, 11, make([]int32, 12)),
		"sample of nothing": g.Sample(nil, make([]int32, 2)),
		"start outside":     g.SampleFrom(xyz, 10, make([]int32, 2)),
		"start below":       g.SampleFrom(xyz, -1, make([]int32, 2)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := g.Group(xyz, 10, nil); err != nil {
		t.Errorf("no groups: %v", err)
	}
}

// TestNonFinite: results mean nothing, but there are some.
func TestNonFinite(t *testing.T) {
	var g Grouper
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		r := philox.New(1, "non-finite", 0, 0)
		xyz := cloud("ball", 100, &r)
		for i := 0; i < len(xyz); i += 7 {
			xyz[i] = float32(v)
		}
		dst := make([]int32, 10*9)
		if err := g.Group(xyz, 8, dst); err != nil || slices.Max(dst) >= 100 || slices.Min(dst) < 0 {
			t.Errorf("%g: %v, %v", v, dst, err)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	var g Grouper
	r := philox.New(1, "allocations", 0, 0)
	xyz := cloud("ball", 1024, &r)
	dst := make([]int32, 64*33)
	n := testing.AllocsPerRun(5, func() {
		if err := g.Group(xyz, 32, dst); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%g allocations a cloud", n)
	}
}

// FuzzGroup compares with the naive search on clouds of coarse and of wild
// coordinates.
func FuzzGroup(f *testing.F) {
	f.Add([]byte("many points in a lattice of bytes, many of them equal"), uint8(5), uint8(4), false)
	f.Add([]byte{0, 0, 0, 128, 128, 128, 255, 255, 255}, uint8(9), uint8(2), true)
	f.Fuzz(func(t *testing.T, raw []byte, groups, size uint8, wild bool) {
		n := min(len(raw)/3, 400)
		if n == 0 {
			return
		}
		xyz := make([]float32, 3*n)
		for i := range xyz {
			xyz[i] = (float32(raw[i]) - 128) / 64
			if wild {
				xyz[i] = float32(math.Pow(float64(xyz[i]), 13))
			}
		}
		g, m := int(groups%40), 1+int(size)%n
		got := make([]int32, g*(1+m))
		var grouper Grouper
		if err := grouper.Group(xyz, m, got); err != nil {
			t.Fatal(err)
		}
		if want := naiveGroup(xyz, g, m); !slices.Equal(got, want) {
			t.Errorf("%d groups of %d of %v: %v, want %v", g, m, xyz, got, want)
		}
	})
}

func BenchmarkGroup(b *testing.B) {
	for _, c := range []struct{ n, groups, size int }{{1024, 64, 32}, {2048, 128, 32}, {8192, 512, 32}} {
		b.Run(fmt.Sprintf("%d/%d/%d", c.n, c.groups, c.size), func(b *testing.B) {
			dst := make([]int32, c.groups*(1+c.size))
			benchmark(b, c.n, func(g *Grouper, xyz []float32) error { return g.Group(xyz, c.size, dst) })
		})
	}
}

func BenchmarkSample(b *testing.B) {
	dst := make([]int32, 1200)
	benchmark(b, 8192, func(g *Grouper, xyz []float32) error { return g.Sample(xyz, dst) })
}

// benchmark takes other clouds in turn, lest the processor learn one by heart.
func benchmark(b *testing.B, n int, do func(g *Grouper, xyz []float32) error) {
	clouds := make([][]float32, 64)
	for i := range clouds {
		clouds[i] = sphere(n, uint64(i))
	}
	var g Grouper
	for i := 0; b.Loop(); i++ {
		if err := do(&g, clouds[i%len(clouds)]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "clouds/s")
}

// sphere is cloud i of n points on the unit sphere, a surface as scanned objects
// are.
func sphere(n int, i uint64) []float32 {
	r := philox.New(1, "sphere", i, 0)
	xyz := make([]float32, 0, 3*n)
	for range n {
		x, y, z := r.Norm(), r.Norm(), r.Norm()
		norm := math.Sqrt(x*x + y*y + z*z)
		xyz = append(xyz, float32(x/norm), float32(y/norm), float32(z/norm))
	}
	return xyz
}
