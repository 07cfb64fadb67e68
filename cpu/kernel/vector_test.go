package kernel

import (
	"fmt"
	"math"
	"testing"
)

// lengths are below, at and beyond the widths of vectors and unrolled loops.
var lengths = []int{0, 1, 2, 7, 8, 9, 15, 16, 31, 32, 33, 40, 63, 100, 1000}

// elementwise is a function of up to two vectors and its float64 reference.
type elementwise struct {
	name string
	run  func(k *Kernels, z, x, y []float32)
	want func(x, y float64) float64
}

var elementwiseCases = []elementwise{
	{"Exp", func(k *Kernels, z, x, _ []float32) { k.Exp(z, x) }, func(x, _ float64) float64 { return math.Exp(x) }},
	{"GELU", func(k *Kernels, z, x, _ []float32) { k.GELU(z, x) }, func(x, _ float64) float64 { return x * phi64(x) }},
	{"GELUGrad", func(k *Kernels, z, x, y []float32) { k.GELUGrad(z, x, y) }, func(x, y float64) float64 { return y * geluGrad64(x) }},
	{"Combine", func(k *Kernels, z, x, y []float32) { k.Combine(z, 0.75, x, -2, y) }, func(x, y float64) float64 { return 0.75*x - 2*y }},
	{"Scale", func(k *Kernels, z, x, _ []float32) { k.Scale(z, -3, x) }, func(x, _ float64) float64 { return -3 * x }},
	{"Mul", func(k *Kernels, z, x, y []float32) { k.Mul(z, x, y) }, func(x, y float64) float64 { return x * y }},
	{"BySign", func(k *Kernels, z, x, y []float32) { k.BySign(z, x, y, 0.25) }, func(x, y float64) float64 {
		if x > 0 {
			return y
		}
		return y / 4
	}},
}

func phi64(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

func geluGrad64(x float64) float64 {
	return phi64(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

func TestElementwise(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, c := range elementwiseCases {
			for _, n := range lengths {
				t.Run(fmt.Sprintf("%s/%d", c.name, n), func(t *testing.T) { testElementwise(t, k, c, n) })
			}
		}
	})
}

// testElementwise compares with float64, then the result of a cut slice and of
// one in place with the whole.
func testElementwise(t *testing.T, k *Kernels, c elementwise, n int) {
	x, y, z := random(n, 1), random(n, 2), newGuarded(n)
	c.run(k, z.x, x.x, y.x)
	z.check(t, "result")
	want := make([]float64, n)
	for i := range want {
		want[i] = c.want(float64(x.x[i]), float64(y.x[i]))
	}
	near(t, "result", z.x, want, 1e-6)

	cut, half := newGuarded(n), n/3
	c.run(k, cut.x[:half], x.x[:half], y.x[:half])
	c.run(k, cut.x[half:], x.x[half:], y.x[half:])
	sameBits(t, "cut result", cut.x, z.x)
	c.run(k, x.x, x.x, y.x)
	sameBits(t, "result in place", x.x, z.x)
}

// sweep returns numbers from lo to hi, close to each other.
func sweep(lo, hi float64) []float32 {
	const n = 100_001
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(lo + (hi-lo)*float64(i)/(n-1))
	}
	return x
}

func TestExpAccuracy(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		x := sweep(-87.3, 88.7)
		got := make([]float32, len(x))
		k.Exp(got, x)
		for i, v := range x {
			want := math.Exp(float64(v))
			if rel := math.Abs(float64(got[i])-want) / want; !(rel <= 3e-7) {
				t.Fatalf("exp(%v) = %v, want %v: relative error %.2g", v, got[i], want, rel)
			}
		}
	})
}

func TestGELUAccuracy(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		x, ones := sweep(-30, 30), make([]float32, 100_001)
		for i := range ones {
			ones[i] = 1
		}
		y, dx := make([]float32, len(x)), make([]float32, len(x))
		k.GELU(y, x)
		k.GELUGrad(dx, x, ones)
		for i, v := range x {
			x := float64(v)
			closeTo(t, "GELU", x, y[i], x*phi64(x))
			closeTo(t, "GELU'", x, dx[i], geluGrad64(x))
		}
	})
}

// closeTo fails when got is off by 2e-6 and by 1e-5 of want.
func closeTo(t *testing.T, name string, x float64, got float32, want float64) {
	if e := math.Abs(float64(got) - want); !(e <= max(2e-6, 1e-5*math.Abs(want))) {
		t.Helper()
		t.Fatalf("%s(%v) = %v, want %v: error %.2g", name, x, got, want, e)
	}
}

func TestNonFinite(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	cases := []struct {
		name     string
		run      func(k *Kernels, z, x []float32)
		in, want float64
	}{
		{"Exp", (*Kernels).Exp, inf, inf}, {"Exp", (*Kernels).Exp, -inf, 0}, {"Exp", (*Kernels).Exp, nan, nan},
		{"Exp", (*Kernels).Exp, 89, inf}, {"Exp", (*Kernels).Exp, -105, 0}, {"Exp", (*Kernels).Exp, 0, 1},
		{"Exp", (*Kernels).Exp, -100, math.Exp(-100)},
		{"GELU", (*Kernels).GELU, inf, inf}, {"GELU", (*Kernels).GELU, -inf, 0}, {"GELU", (*Kernels).GELU, nan, nan},
		{"ReLU", relu, inf, inf}, {"ReLU", relu, nan, nan}, {"ReLU", relu, math.Copysign(nan, -1), nan}, {"ReLU", relu, -1, 0},
		{"GELU'", geluGradOfOne, inf, 1}, {"GELU'", geluGradOfOne, -inf, 0}, {"GELU'", geluGradOfOne, nan, nan},
	}
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, c := range cases {
			x, z := make([]float32, 11), make([]float32, 11) // a full vector and a masked one
			for i := range x {
				x[i] = float32(c.in)
			}
			c.run(k, z, x)
			for i, got := range z {
				if !sameValue(float64(got), c.want) {
					t.Errorf("%s(%v) = %v at %d, want %v", c.name, c.in, got, i, c.want)
				}
			}
		}
	})
}

func geluGradOfOne(k *Kernels, z, x []float32) {
	one := make([]float32, len(x))
	for i := range one {
		one[i] = 1
	}
	k.GELUGrad(z, x, one)
}

func relu(k *Kernels, z, x []float32) { k.BySign(z, x, x, 0) }

// sameValue is equality up to 2e-6 that also holds between NaN and NaN.
func sameValue(got, want float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) < 2e-6
}

func TestSums(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, n := range append(lengths, 100_003) {
			x, y := random(n, 1).x, random(n, 2).x
			var sum, dot, size float64
			for i := range x {
				sum += float64(x[i])
				dot += float64(x[i]) * float64(y[i])
				size += math.Abs(float64(x[i]))
			}
			if got := k.Sum(x); !(math.Abs(got-sum) <= 1e-12*size) {
				t.Errorf("Sum of %d: %v, want %v", n, got, sum)
			}
			if got := k.Dot(x, y); !(math.Abs(got-dot) <= 1e-12*size) {
				t.Errorf("Dot of %d: %v, want %v", n, got, dot)
			}
		}
	})
}

// TestPathwayAtZero: a pathway that has not learned anything changes no bit.
func TestPathwayAtZero(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		w, aux, z := random(1003, 1).x, random(1003, 2).x, make([]float32, 1003)
		k.Combine(z, 1, w, 0, aux)
		sameBits(t, "W + 0*W'", z, w)
	})
}

func TestAdamW(t *testing.T) {
	o := AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.05}
	eachSet(t, func(t *testing.T, k *Kernels) {
		for _, n := range lengths {
			p, m, v := random(n, 1), newGuarded(n), newGuarded(n)
			clear(m.x)
			clear(v.x)
			ref := newAdamWRef(p.x)
			for step := 1.0; step <= 5; step++ {
				o.Correct1, o.Correct2 = 1-math.Pow(o.Beta1, step), 1-math.Pow(o.Beta2, step)
				g := random(n, uint64(10+step)).x
				k.AdamW(p.x, m.x, v.x, g, o)
				ref.step(g, o)
			}
			for name, out := range map[string]guarded{"p": p, "m": m, "v": v} {
				out.check(t, name)
			}
			near(t, "p", p.x, ref.p, 1e-6)
			near(t, "m", m.x, ref.m, 1e-6)
			near(t, "v", v.x, ref.v, 1e-6)
		}
	})
}

// adamwRef is the optimizer in float64.
type adamwRef struct{ p, m, v []float64 }

func newAdamWRef(p []float32) adamwRef {
	r := adamwRef{make([]float64, len(p)), make([]float64, len(p)), make([]float64, len(p))}
	for i := range p {
		r.p[i] = float64(p[i])
	}
	return r
}

func (r adamwRef) step(g []float32, o AdamW) {
	for i, gi := range g {
		d := float64(gi)
		r.p[i] *= 1 - o.LR*o.WeightDecay
		r.m[i] = o.Beta1*r.m[i] + (1-o.Beta1)*d
		r.v[i] = o.Beta2*r.v[i] + (1-o.Beta2)*d*d
		r.p[i] -= o.LR / o.Correct1 * r.m[i] / (math.Sqrt(r.v[i])/math.Sqrt(o.Correct2) + o.Eps)
	}
}
