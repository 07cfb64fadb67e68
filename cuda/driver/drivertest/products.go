package drivertest

import (
	"fmt"
	"math"
	"testing"

	"m2pt/cuda/driver"
	"m2pt/engine"
	"m2pt/ops"
)

// Errors of a product, relative to the sum of its terms' absolute values: of sums in
// float32, and of a result and bias rounded to bf16, relative to each.
const (
	sumError   = 3e-6
	roundError = 1.0 / 256
)

func products(t *testing.T, d device) {
	for _, size := range [][3]int{{1, 1, 1}, {5, 3, 7}, {64, 128, 32}, {33, 65, 129}, {1, 200, 17}, {131, 1, 64}, {200, 72, 1}} {
		for _, trans := range [][2]bool{{false, false}, {false, true}, {true, false}} {
			for _, store := range [][2]engine.Storage{{engine.Full, engine.Full}, {engine.BF16, engine.BF16}, {engine.BF16, engine.Full}} {
				for _, bias := range []bool{false, true} {
					p := driver.Product{M: size[0], N: size[1], K: size[2], TransA: trans[0], TransB: trans[1]}
					p.A.Store, p.B.Store, p.C.Store = store[0], store[0], store[1]
					t.Run(fmt.Sprintf("%v transposed %v %v bias=%v", size, trans, store, bias), func(t *testing.T) {
						product(t, device{t, d.Driver}, p, bias)
					})
				}
			}
		}
	}
}

func product(t *testing.T, d device, p driver.Product, biased bool) {
	a, b := d.matrix(&p.A, "a", p.M*p.K), d.matrix(&p.B, "b", p.K*p.N)
	d.matrix(&p.C, "c", p.M*p.N) // to be written over
	bias := make([]float32, p.N)
	if biased {
		bias = normal("bias", p.N)
		p.Bias = d.place(bias)
	}
	run, err := d.Product(p)
	d.must(err)
	d.must(run())
	raw := make([]byte, p.C.Store.Bytes(vector(p.M*p.N)))
	d.must(d.Read(raw, p.C.At))
	got := make([]float32, p.M*p.N)
	p.C.Store.Decode(got, raw)
	for i, v := range got {
		want, terms := reference(p, a, b, i/p.N, i%p.N)
		want += float64(bias[i%p.N])
		limit := sumError * (terms + math.Abs(float64(bias[i%p.N])))
		if p.C.Store == engine.BF16 {
			limit += roundError * (math.Abs(want) + math.Abs(float64(bias[i%p.N])))
		}
		if !(math.Abs(float64(v)-want) <= limit) {
			t.Fatalf("element %d,%d is %g, want %g within %g", i/p.N, i%p.N, v, want, limit)
		}
	}
}

func vector(n int) ops.Spec { return ops.Spec{Shape: []int{n}, Dtype: ops.Float32} }

// matrix gives m memory with n normal numbers and returns them as they are kept.
func (d device) matrix(m *driver.Matrix, name string, n int) []float32 {
	d.t.Helper()
	x := normal(name, n)
	raw := make([]byte, m.Store.Bytes(vector(n)))
	m.Store.Encode(raw, x)
	m.At = d.alloc(len(raw))
	d.must(d.Write(m.At, raw))
	m.Store.Decode(x, raw)
	return x
}

// reference is element i,j of A·B and the sum of its terms' absolute values.
func reference(p driver.Product, a, b []float32, i, j int) (sum, terms float64) {
	for k := range p.K {
		at, bt := i*p.K+k, k*p.N+j
		if p.TransA {
			at = k*p.M + i
		}
		if p.TransB {
			bt = j*p.K + k
		}
		v := float64(a[at]) * float64(b[bt])
		sum += v
		terms += math.Abs(v)
	}
	return sum, terms
}

func refusedProducts(t *testing.T, d device) {
	at := driver.Matrix{At: d.alloc(4096)}
	for name, p := range map[string]driver.Product{
		"no row":       {M: 0, N: 1, K: 1, A: at, B: at, C: at},
		"no column":    {M: 1, N: 0, K: 1, A: at, B: at, C: at},
		"no term":      {M: 1, N: 1, K: 0, A: at, B: at, C: at},
		"two storages": {M: 1, N: 1, K: 1, A: at, B: driver.Matrix{At: at.At, Store: engine.BF16}, C: at},
	} {
		if _, err := d.Product(p); err == nil {
			t.Errorf("%s: bound, want an error", name)
		}
	}
}
