package nn

import (
	"math"
	"slices"
	"testing"

	"m2pt/internal/philox"
)

// TestInit: mean, standard deviation and range of what initialisers draw.
func TestInit(t *testing.T) {
	const n = 200000
	root := func(fan float64) float64 { return 1 / math.Sqrt(fan) }
	for _, c := range []struct {
		name           string
		init           Init
		mean, std, top float64 // top 0: not bounded
	}{
		{"zeros", Zeros, 0, 0, 0},
		{"ones", Ones, 1, 0, 1},
		{"constant", Constant(-0.25), -0.25, 0, 0.25},
		{"normal", Normal(.02), 0, .02, 0},
		{"no normal at all", Normal(0), 0, 0, 0},
		{"fan in 768", FanIn(768), 0, root(3 * 768), root(768)},
		{"xavier 48x16", Xavier(16, 48), 0, math.Sqrt(2. / 64), math.Sqrt(6. / 64)},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := make([]float32, n)
			r := philox.New(1, "test", 0, 0)
			c.init(v, &r)
			var sum, squares, top float64
			for _, x := range v {
				sum += float64(x)
				squares += float64(x) * float64(x)
				top = max(top, math.Abs(float64(x)))
			}
			mean := sum / n
			std := math.Sqrt(max(squares/n-mean*mean, 0))
			if math.Abs(mean-c.mean) > 5*c.std/math.Sqrt(n) || math.Abs(std-c.std) > 0.01*c.std {
				t.Errorf("mean %g, deviation %g, want %g and %g", mean, std, c.mean, c.std)
			}
			if c.top > 0 && (top > c.top*(1+1e-6) || top < 0.999*c.top) {
				t.Errorf("largest %g, want just below %g", top, c.top)
			}
		})
	}
}

// TestValues: initial values depend on seed and name, and on nothing else.
func TestValues(t *testing.T) {
	p := func(name string) Param { return Param{Name: name, Shape: []int{3, 4}, Init: Normal(1)} }
	want := p("a").Values(7)
	for _, c := range []struct {
		name string
		got  []float32
		same bool
	}{
		{"again", p("a").Values(7), true},
		{"another seed", p("a").Values(8), false},
		{"another name", p("b").Values(7), false},
	} {
		if slices.Equal(c.got, want) != c.same {
			t.Errorf("%s: the same values: %v, want %v", c.name, !c.same, c.same)
		}
	}
	if v := (Param{Name: "a", Shape: []int{2}}).Values(7); !slices.Equal(v, []float32{0, 0}) {
		t.Errorf("without initialiser: %v, want zeros", v)
	}
	table := Param{Name: "a", Shape: []int{3}, Init: Values([]float32{1, 2, 3})}
	if v := table.Values(7); !slices.Equal(v, []float32{1, 2, 3}) {
		t.Errorf("table: %v", v)
	}
}
