//go:build m2ptcuda

package gpu

/*
#include <stdlib.h>
#include "lt.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"unsafe"

	"gorgonia.org/cu"
	"m2pt/cuda/driver"
	"m2pt/engine"
)

// workspaceBytes is the memory that products may use while they run, what cuBLAS takes on
// Hopper.
const workspaceBytes = 32 << 20

// blas is cuBLASLt with the plans made so far.
type blas struct {
	choice    Algorithms
	library   *C.lt_library // on C's heap, nil before open
	workspace cu.DevicePtr
	plans     map[C.lt_product]*C.lt_plan // on C's heap
	rounded   map[int]driver.Pointer      // a bias in bf16, by its length; the next run overwrites it
}

// libraries are the names that the versions have. The newest comes first.
func libraries() []string {
	if path := os.Getenv("M2PT_CUBLASLT"); path != "" {
		return []string{path}
	}
	return []string{"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"}
}

func (b *blas) open() error {
	b.plans, b.rounded = map[C.lt_product]*C.lt_plan{}, map[int]driver.Pointer{}
	b.library = (*C.lt_library)(C.calloc(1, C.sizeof_lt_library))
	var errs []error
	for _, name := range libraries() {
		err := b.start(name)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("load cuBLASLt: install CUDA 11, 12 or 13, or the Python wheel nvidia-cublas, "+
		"and put the folder of libcublasLt.so into LD_LIBRARY_PATH or the file into M2PT_CUBLASLT: %w", errors.Join(errs...))
}

// start loads the library called name and makes its handle, which a version newer than
// the driver does not give.
func (b *blas) start(name string) error {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	if why := C.lt_open(b.library, s); why != nil {
		return errors.New(C.GoString(why))
	}
	if s := C.lt_start(b.library); s != 0 {
		err := fmt.Errorf("%s: cublasLtCreate: %s", name, b.status(s))
		C.lt_close(b.library)
		return err
	}
	return nil
}

// status is the name of a status of cuBLASLt.
func (b *blas) status(s C.lt_status) string {
	if name := C.lt_status_name(b.library, s); name != nil {
		return C.GoString(name)
	}
	return fmt.Sprintf("status %d", int(s))
}

func (b *blas) close() error {
	if b.library == nil {
		return nil
	}
	for _, p := range b.plans {
		b.free(p)
	}
	C.lt_close(b.library)
	C.free(unsafe.Pointer(b.library))
	b.library = nil
	if b.workspace == 0 {
		return nil
	}
	return failed(cu.MemFree(b.workspace), "cuMemFree")
}

func (b *blas) free(p *C.lt_plan) {
	C.lt_free(b.library, p)
	C.free(unsafe.Pointer(p))
}

// Product binds a matrix product to the algorithm chosen for its shape. A run of it is
// one call into C and allocates nothing. A bias is added to float32 sums, but one that
// cuBLASLt takes only in the storage of C, as bf16, is rounded first, at every run.
func (d *Driver) Product(p driver.Product) (driver.Run, error) {
	if err := checkProduct(p); err != nil {
		return nil, fmt.Errorf("%v: %w", product(p), err)
	}
	var run driver.Run
	err := d.within(func() (err error) {
		run, err = d.product(p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%v: %w", product(p), err)
	}
	return run, nil
}

func checkProduct(p driver.Product) error {
	switch {
	case min(p.M, p.N, p.K) < 1:
		return errors.New("want sizes of at least 1")
	case p.A.Store != p.B.Store:
		return errors.New("want both factors in one storage")
	case p.A.Store == engine.Full && p.C.Store != engine.Full:
		return errors.New("want a product of full matrices in full")
	}
	return nil
}

// product prints as its shapes.
type product driver.Product

func (p product) String() string {
	return fmt.Sprintf("product [%d %d]%s %v · [%d %d]%s %v -> %v", p.M, p.K, mark(p.TransA), p.A.Store,
		p.K, p.N, mark(p.TransB), p.B.Store, p.C.Store)
}

func mark(transposed bool) string {
	if transposed {
		return "ᵀ"
	}
	return ""
}

// product tries a float32 bias with a bf16 result first. Versions of cuBLASLt refuse it
// with one status or another; an error of another kind comes again with the rounded bias.
func (d *Driver) product(p driver.Product) (driver.Run, error) {
	shape := ltProduct(p)
	plan, err := d.plan(shape, p)
	if err == nil {
		return d.multiply(plan, p), nil
	}
	if p.Bias != 0 && p.C.Store == engine.BF16 {
		if run, again := d.productRounded(shape, p); again == nil {
			return run, nil
		}
	}
	return nil, err
}

// productRounded is a product whose bias is rounded to bf16 first.
func (d *Driver) productRounded(shape C.lt_product, p driver.Product) (driver.Run, error) {
	rounded, err := d.roundedBias(p.N)
	if err != nil {
		return nil, err
	}
	round, err := d.Launch(driver.Launch{Kernel: "cast_bf16", Grid: [3]int{(p.N + 255) / 256, 1, 1}, Block: 256,
		Args: []uint64{uint64(p.N), uint64(rounded), uint64(p.Bias)}})
	if err != nil {
		return nil, err
	}
	p.Bias, shape.bias_type = rounded, C.LT_BF16
	plan, err := d.plan(shape, p)
	if err != nil {
		return nil, err
	}
	multiply := d.multiply(plan, p)
	return func() error {
		if err := round(); err != nil {
			return err
		}
		return multiply()
	}, nil
}

// roundedBias is the memory for n rounded values. Products share it: each rounds its bias
// right before it reads it, and all run in order on one stream. It never moves, because
// recorded runs hold its address.
func (d *Driver) roundedBias(n int) (driver.Pointer, error) {
	if at := d.blas.rounded[n]; at != 0 {
		return at, nil
	}
	at, err := d.Alloc(2 * n)
	if err == nil {
		d.blas.rounded[n] = at
	}
	return at, err
}

// ltProduct is p for cuBLASLt, which takes matrices as column-major: Cᵀ = Bᵀ·Aᵀ, where a
// row-major matrix is its own transpose.
func ltProduct(p driver.Product) C.lt_product {
	q := C.lt_product{
		m: C.uint64_t(p.N), n: C.uint64_t(p.M), k: C.uint64_t(p.K),
		transpose_a: flag(p.TransB), transpose_b: flag(p.TransA),
		in: dataType(p.A.Store), out: dataType(p.C.Store),
		bias: flag(p.Bias != 0), bias_type: C.LT_F32,
	}
	for i, at := range []driver.Pointer{p.B.At, p.A.At, p.C.At} {
		q.aligned[i] = 1 << min(bits.TrailingZeros64(uint64(at)), 8)
	}
	return q
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func dataType(s engine.Storage) C.int {
	if s == engine.BF16 {
		return C.LT_BF16
	}
	return C.LT_F32
}

// multiply is the run of a plan.
func (d *Driver) multiply(plan *C.lt_plan, p driver.Product) driver.Run {
	library, context, stream := d.blas.library, d.cContext(), d.cStream()
	a, b, c := C.CUdeviceptr(p.B.At), C.CUdeviceptr(p.A.At), C.CUdeviceptr(p.C.At)
	bias, workspace := C.CUdeviceptr(p.Bias), C.CUdeviceptr(d.blas.workspace)
	return func() error {
		if !d.held {
			return errClosed
		}
		if s := C.lt_run(library, context, stream, plan, a, b, bias, c, workspace); s != 0 {
			return fmt.Errorf("%v: cublasLtMatmul: %s", product(p), d.blas.status(s))
		}
		return nil
	}
}
