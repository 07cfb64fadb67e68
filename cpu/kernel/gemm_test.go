package kernel

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"m2pt/internal/philox"
)

// sets are the kernels under test: on amd64 both, elsewhere the twin alone.
func sets() []*Kernels {
	if b := Best(); b.Name() != Portable().Name() {
		return []*Kernels{b, Portable()}
	}
	return []*Kernels{Portable()}
}

// eachSet runs f as a subtest for every set.
func eachSet(t *testing.T, f func(t *testing.T, k *Kernels)) {
	for _, k := range sets() {
		t.Run(k.Name(), func(t *testing.T) { f(t, k) })
	}
}

// threads are the pool sizes whose results have to agree to the bit.
var threadCounts = [...]int{1, 2, 3, 5}

const canary = -12345.5

// guarded is a slice between canaries: a write outside shows.
type guarded struct {
	all []float32
	x   []float32
}

const guard = 64

func newGuarded(n int) guarded {
	all := make([]float32, n+2*guard)
	for i := range all {
		all[i] = canary
	}
	return guarded{all: all, x: all[guard : guard+n : guard+n]}
}

// random fills n guarded elements with numbers from [-1, 1) that seed decides.
func random(n int, seed uint64) guarded {
	g := newGuarded(n)
	r := philox.New(seed, "operand", 0, 0)
	for i := range g.x {
		g.x[i] = float32(r.Range(-1, 1))
	}
	return g
}

func (g guarded) check(t *testing.T, name string) {
	t.Helper()
	for i := range guard {
		if g.all[i] != canary {
			t.Fatalf("%s: element %d before the start was written", name, i-guard)
		}
		if g.all[len(g.all)-1-i] != canary {
			t.Fatalf("%s: element %d past the end was written", name, guard-i)
		}
	}
}

// deviation is max|got-want| / max|want|, or max|got| where all of want is 0.
func deviation(got []float32, want []float64) float64 {
	var diff, size float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - w)
		if math.IsNaN(d) {
			return math.NaN()
		}
		diff, size = max(diff, d), max(size, math.Abs(w))
	}
	if size == 0 {
		return diff
	}
	return diff / size
}

// near fails unless got is within limit of want by the measure of deviation.
func near(t *testing.T, name string, got []float32, want []float64, limit float64) {
	t.Helper()
	if d := deviation(got, want); !(d <= limit) {
		t.Errorf("%s: max|got-want|/max|want| = %.2g, want <= %.0g", name, d, limit)
	}
}

func sameBits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v, want the bits of %v", name, i, got[i], want[i])
		}
	}
}

type gemmCase struct {
	m, n, k int
	pad     int // added to every row stride
}

var gemmCases = []gemmCase{
	{0, 3, 4, 0}, {3, 0, 4, 0}, {3, 4, 0, 1}, {1, 1, 1, 0}, {1, 1, 500, 0},
	{2, 3, 5, 7}, {5, 15, 7, 1}, {6, 16, 8, 0}, {7, 17, 9, 3}, {13, 33, 31, 5},
	{49, 193, 385, 1}, {48, 208, 16, 0}, {50, 10, 769, 2}, {1, 400, 33, 0},
	{197, 197, 8, 128}, {35, 64, 197, 128}, {65, 16, 3, 0}, {16, 65, 1, 0},
}

// operands builds a Gemm on guarded slices; C holds old values.
func (c gemmCase) operands(form Form) (g Gemm, out guarded) {
	size := func(rows, cols int) (n, ld int) { ld = cols + c.pad; return max((rows-1)*ld+cols, 0), ld }
	g = Gemm{Form: form, M: c.m, N: c.n, K: c.k}
	ar, ac, br, bc := c.m, c.k, c.k, c.n
	if form == NT {
		br, bc = c.n, c.k
	}
	if form == TN {
		ar, ac = c.k, c.m
	}
	na, lda := size(ar, ac)
	nb, ldb := size(br, bc)
	nc, ldc := size(c.m, c.n)
	out = random(nc, 3)
	g.A, g.LDA, g.B, g.LDB, g.C, g.LDC = random(na, 1).x, lda, random(nb, 2).x, ldb, out.x, ldc
	return g, out
}

// gemmWant computes in float64 what g leaves in C, padding included.
func gemmWant(g Gemm) []float64 {
	want := make([]float64, len(g.C))
	for i, v := range g.C {
		want[i] = float64(v)
	}
	for i := range g.M {
		for j := range g.N {
			var s float64
			if g.Accumulate {
				s = want[i*g.LDC+j]
			}
			if g.Bias != nil {
				s += float64(g.Bias[j])
			}
			for p := range g.K {
				a, b := i*g.LDA+p, p*g.LDB+j
				if g.Form == TN {
					a = p*g.LDA + i
				}
				if g.Form == NT {
					b = j*g.LDB + p
				}
				s += float64(g.A[a]) * float64(g.B[b])
			}
			want[i*g.LDC+j] = s
		}
	}
	return want
}

// gemmModes are the three ways in which a product meets C.
func gemmModes(g Gemm) map[string]Gemm {
	acc, bias := g, g
	acc.Accumulate = true
	bias.Bias = random(g.N, 4).x
	return map[string]Gemm{"set": g, "accumulate": acc, "bias": bias}
}

func TestGemm(t *testing.T) {
	eachSet(t, func(t *testing.T, k *Kernels) {
		spaces := workspaces(t, k)
		for _, c := range gemmCases {
			for _, form := range []Form{NN, NT, TN} {
				base, _ := c.operands(form)
				for mode, g := range gemmModes(base) {
					t.Run(fmt.Sprintf("%v/%v/%s", form, c, mode), func(t *testing.T) {
						testGemm(t, spaces, c, g)
					})
				}
			}
		}
	})
}

// workspaces returns one on a pool of each of threadCounts.
func workspaces(t *testing.T, k *Kernels) []*Workspace {
	var all []*Workspace
	for _, n := range threadCounts {
		p := NewPool(n)
		t.Cleanup(p.Close)
		all = append(all, NewWorkspace(k, p))
	}
	return all
}

// testGemm compares one thread with float64, and the pools with one thread.
func testGemm(t *testing.T, spaces []*Workspace, c gemmCase, g Gemm) {
	want := gemmWant(g)
	fresh := func() guarded {
		_, out := c.operands(g.Form)
		g.C = out.x
		return out
	}
	single := fresh()
	spaces[0].Kernels().Gemm(new(Scratch), g)
	single.check(t, "C")
	near(t, "C", single.x, want, 1e-5)
	for _, w := range spaces {
		out := fresh()
		w.Gemm(g)
		out.check(t, "C")
		sameBits(t, fmt.Sprintf("C on %d threads", w.Pool().Threads()), out.x, single.x)
	}
}

func TestGemmCheck(t *testing.T) {
	valid := Gemm{M: 2, N: 3, K: 4, A: make([]float32, 8), LDA: 4, B: make([]float32, 12), LDB: 3, C: make([]float32, 6), LDC: 3}
	cases := []struct {
		want string // in the message; none for a valid product
		edit func(g *Gemm)
	}{
		{"", func(*Gemm) {}},
		{"", func(g *Gemm) { g.M, g.A, g.C = 0, nil, nil }},
		{"negative", func(g *Gemm) { g.K = -1 }},
		{"unknown form", func(g *Gemm) { g.Form = 7 }},
		{"A [2 4]: 7 elements, want 8", func(g *Gemm) { g.A = g.A[:7] }},
		{"B [4 3]: 11 elements, want 12", func(g *Gemm) { g.B = g.B[:11] }},
		{"B [3 4]: 12 elements, want 14", func(g *Gemm) { g.Form, g.LDB = NT, 5 }},
		{"A [4 2]: 8 elements, want 14", func(g *Gemm) { g.Form = TN }},
		{"C: 2 elements from row to row", func(g *Gemm) { g.LDC = 2 }},
		{"Bias: 2 elements, want N", func(g *Gemm) { g.Bias = make([]float32, 2) }},
		{"exclude", func(g *Gemm) { g.Bias, g.Accumulate = make([]float32, 3), true }},
	}
	for _, c := range cases {
		g := valid
		c.edit(&g)
		switch err := g.Check(); {
		case c.want == "" && err != nil:
			t.Errorf("%v", err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}
