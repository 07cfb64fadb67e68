//go:build m2ptcuda

package gpu_test

import (
	"strings"
	"testing"

	"m2pt/cuda/driver"
	"m2pt/engine"
)

// number places one number.
func number(t *testing.T, d driver.Driver, v float32, s engine.Storage) driver.Matrix {
	t.Helper()
	p := put(t, d, []float32{0})
	raw := make([]byte, 2*(2-int(s)))
	s.Encode(raw, []float32{v})
	if err := d.Write(p, raw); err != nil {
		t.Fatal(err)
	}
	return driver.Matrix{At: p, Store: s}
}

// Products of one shape share a plan: their addresses and biases must stay their own, also
// where they are aligned otherwise.
func TestProductsOfOneShape(t *testing.T) {
	d := open(t)
	x := put(t, d, []float32{0, 0, 2, 0, 3, 0, 5, 7})
	var runs []driver.Run
	var results []driver.Matrix
	for i := range 4 {
		a := driver.Matrix{At: x + driver.Pointer(8*i)}
		c := number(t, d, 0, engine.Full)
		r, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: a, B: driver.Matrix{At: x + 28}, C: c, Bias: x + driver.Pointer(8*i)})
		if err != nil {
			t.Fatal(err)
		}
		runs, results = append(runs, r), append(results, c)
	}
	run(t, runs...)
	for i, want := range []float32{0, 16, 24, 40} {
		if got := get(t, d, results[i].At, 1)[0]; got != want {
			t.Errorf("product %d is %v, want %v", i, got, want)
		}
	}
}

// Where cuBLASLt takes a float32 bias with a bf16 result, it is not rounded.
func TestProductBiasOfABF16Result(t *testing.T) {
	// 1 + 5/512 is 1 + 1/128 in bf16; neighbours of 2 in it are 1/64 apart.
	const bias = 1 + 5.0/512
	for name, test := range map[string]struct {
		takes string
		want  float32
	}{"float32": {"1", 2 + 1.0/64}, "rounded": {"0", 2}} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			faked(t, d)
			t.Setenv("FAKE_CUBLASLT_BIAS", test.takes)
			one, c := number(t, d, 1, engine.BF16), number(t, d, 0, engine.BF16)
			r, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: one, B: one, C: c, Bias: put(t, d, []float32{bias})})
			if err != nil {
				t.Fatal(err)
			}
			run(t, r)
			raw, got := make([]byte, 2), make([]float32, 1)
			if err := d.Read(raw, c.At); err != nil {
				t.Fatal(err)
			}
			engine.BF16.Decode(got, raw)
			if got[0] != test.want {
				t.Errorf("1·1 + %v = %v, want %v", bias, got[0], test.want)
			}
		})
	}
}

func TestProductsThatAreRefused(t *testing.T) {
	d := open(t)
	x := put(t, d, make([]float32, 8))
	full, half := driver.Matrix{At: x}, driver.Matrix{At: x, Store: engine.BF16}
	for name, test := range map[string]struct {
		p    driver.Product
		want string
	}{
		"no terms":      {driver.Product{M: 2, N: 2, A: full, B: full, C: full}, "sizes of at least 1"},
		"two storages":  {driver.Product{M: 1, N: 2, K: 1, A: full, B: half, C: full}, "product [1 1] full · [1 2] bf16 -> full: want both factors in one storage"},
		"to bf16":       {driver.Product{M: 1, N: 1, K: 1, A: full, B: full, C: half}, "want a product of full matrices in full"},
		"negative size": {driver.Product{M: -1, N: 1, K: 1, A: full, B: full, C: full}, "sizes of at least 1"},
	} {
		if _, err := d.Product(test.p); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
