package philox

import (
	"math"
	"testing"
)

// TestBlockKnownAnswers uses the vectors published with Random123 (kat_vectors,
// philox4x32 10).
func TestBlockKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		name string
		key  uint64
		ctr  [4]uint32
		want [4]uint32
	}{
		{"zeros", 0, [4]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{"ones", math.MaxUint64, [4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{"pi", 0x299f31d0a4093822, [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := Block(c.key, c.ctr); got != c.want {
			t.Errorf("%s: got %08x, want %08x", c.name, got, c.want)
		}
	}
}

func TestMoments(t *testing.T) {
	const n = 200_000
	for _, c := range []struct {
		name       string
		draw       func(r *Rand) float64
		mean, vari float64
	}{
		{"uniform", func(r *Rand) float64 { return r.Float64() }, 0.5, 1.0 / 12},
		{"range", func(r *Rand) float64 { return r.Range(-1, 3) }, 1, 16.0 / 12},
		{"norm", func(r *Rand) float64 { return r.Norm() }, 0, 1},
		{"gamma 0.5", func(r *Rand) float64 { return r.Gamma(0.5) }, 0.5, 0.5},
		{"gamma 3", func(r *Rand) float64 { return r.Gamma(3) }, 3, 3},
		{"beta 0.8 0.8", func(r *Rand) float64 { return r.Beta(0.8, 0.8) }, 0.5, 0.25 / 2.6},
		{"beta 10 10", func(r *Rand) float64 { return r.Beta(10, 10) }, 0.5, 0.25 / 21},
		{"int 7", func(r *Rand) float64 { return float64(r.IntN(7)) }, 3, 4},
	} {
		r := New(1, c.name, 2, 3)
		var s, q float64
		for range n {
			x := c.draw(&r)
			s += x
			q += x * x
		}
		mean := s / n
		vari := q/n - mean*mean
		if math.Abs(mean-c.mean) > 6*math.Sqrt(c.vari/n) {
			t.Errorf("%s: mean %g, want %g", c.name, mean, c.mean)
		}
		if math.Abs(vari-c.vari) > 0.05*c.vari {
			t.Errorf("%s: variance %g, want %g", c.name, vari, c.vari)
		}
	}
}

// TestPositionsAreIndependent: another seed, purpose, epoch or sample gives
// other numbers; the same position gives the same ones.
func TestPositionsAreIndependent(t *testing.T) {
	draw := func(seed uint64, purpose string, a, b uint64) uint64 {
		r := New(seed, purpose, a, b)
		return r.Uint64()
	}
	base := draw(1, "flip", 2, 3)
	if draw(1, "flip", 2, 3) != base {
		t.Error("the same position gives other numbers")
	}
	for name, v := range map[string]uint64{
		"seed": draw(2, "flip", 2, 3), "purpose": draw(1, "crop", 2, 3),
		"epoch": draw(1, "flip", 3, 3), "sample": draw(1, "flip", 2, 4),
		"swapped": draw(1, "flip", 3, 2), "large sample": draw(1, "flip", 2, 3+1<<33),
	} {
		if v == base {
			t.Errorf("%s does not change the numbers", name)
		}
	}
}

func TestPerm(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		p := make([]int32, n)
		r := New(1, "perm", 0, 0)
		r.Perm(p)
		seen := make([]bool, n)
		for _, v := range p {
			if seen[v] {
				t.Fatalf("n=%d: %d twice", n, v)
			}
			seen[v] = true
		}
	}
}
