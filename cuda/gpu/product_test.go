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

// biased binds 1·1 + bias in bf16 and returns where its result is.
func biased(t *testing.T, d driver.Driver, bias float32) (driver.Run, driver.Matrix, error) {
	t.Helper()
	one, c := number(t, d, 1, engine.BF16), number(t, d, 0, engine.BF16)
	r, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: one, B: one, C: c, Bias: put(t, d, []float32{bias})})
	return r, c, err
}

func half(t *testing.T, d driver.Driver, m driver.Matrix) float32 {
	t.Helper()
	raw, got := make([]byte, 2), make([]float32, 1)
	if err := d.Read(raw, m.At); err != nil {
		t.Fatal(err)
	}
	m.Store.Decode(got, raw)
	return got[0]
}

// Where cuBLASLt takes a float32 bias with a bf16 result, it is not rounded. Where it does
// not, it is, whatever the status.
func TestProductBiasOfABF16Result(t *testing.T) {
	// 1 + 5/512 is 1 + 1/128 in bf16; neighbours of 2 in it are 1/64 apart.
	const bias = 1 + 5.0/512
	for name, test := range map[string]struct {
		status string
		want   float32
	}{
		"float32":       {"0", 2 + 1.0/64},
		"unsupported":   {"15", 2},
		"invalid value": {"7", 2},
		"no algorithm":  {"-1", 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			faked(t, d)
			t.Setenv("FAKE_CUBLASLT_BIAS", test.status)
			r, c, err := biased(t, d, bias)
			if err != nil {
				t.Fatal(err)
			}
			run(t, r)
			if got := half(t, d, c); got != test.want {
				t.Errorf("1·1 + %v = %v, want %v", bias, got, test.want)
			}
		})
	}
}

// The first error tells more than that of the rounded bias.
func TestProductWithoutARoundedBias(t *testing.T) {
	d := open(t)
	faked(t, d)
	t.Setenv("FAKE_CUBLASLT_BIAS", "7")
	one, bias := number(t, d, 1, engine.BF16), put(t, d, []float32{1})
	t.Setenv("FAKE_CUDA_FAIL", "cuMemAlloc:2:2") // after the workspace
	_, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: one, B: one, C: one, Bias: bias})
	if want := "CUBLAS_STATUS_INVALID_VALUE"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Product: %v, want %q", err, want)
	}
}

// Products with biases of one length round them into the same memory, one after another.
func TestProductsShareARoundedBias(t *testing.T) {
	d := open(t)
	faked(t, d)
	var runs []driver.Run
	var results []driver.Matrix
	for i := range 3 {
		one, c := number(t, d, 1, engine.BF16), number(t, d, 0, engine.BF16)
		bias := put(t, d, []float32{float32(i)})
		if i > 0 {
			t.Setenv("FAKE_CUDA_FAIL", "cuMemAlloc:1:2") // any
		}
		r, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: one, B: one, C: c, Bias: bias})
		t.Setenv("FAKE_CUDA_FAIL", "")
		if err != nil {
			t.Fatalf("product %d: %v", i, err)
		}
		runs, results = append(runs, r), append(results, c)
	}
	replay, err := d.Capture(func() error { run(t, runs...); return nil })
	if err != nil {
		t.Fatal(err)
	}
	run(t, replay)
	for i, c := range results {
		if got, want := half(t, d, c), float32(1+i); got != want {
			t.Errorf("product %d is %v, want %v", i, got, want)
		}
	}
}

// A proposal that does not run is left out, the first one too.
func TestProductWhoseFirstProposalFails(t *testing.T) {
	d := open(t)
	faked(t, d)
	x := put(t, d, []float32{2, 3, 0})
	t.Setenv("FAKE_CUDA_FAIL", "fake_enqueue:1")
	r, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: driver.Matrix{At: x}, B: driver.Matrix{At: x + 4}, C: driver.Matrix{At: x + 8}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	if got := get(t, d, x, 3)[2]; got != 6 {
		t.Errorf("2·3 = %v", got)
	}
}

func TestProductOfWhichNoProposalRuns(t *testing.T) {
	d := open(t)
	faked(t, d)
	x := driver.Matrix{At: put(t, d, make([]float32, 1))}
	t.Setenv("FAKE_CUBLASLT_BROKEN", "0")
	_, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: x, B: x, C: x})
	if want := "cublasLtMatmul: CUBLAS_STATUS_NOT_SUPPORTED"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Product: %v, want %q", err, want)
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
