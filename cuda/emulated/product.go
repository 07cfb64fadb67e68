//go:build m2ptemu

package emulated

import (
	"errors"
	"fmt"
	"unsafe"

	"m2pt/cpu/kernel"
	"m2pt/cuda/driver"
	"m2pt/engine"
	"m2pt/ops"
)

// Product binds a product that the CPU's loops compute in float32, whatever the storages.
// It has no form for two transposed factors.
func (d *emulated) Product(p driver.Product) (driver.Run, error) {
	what := fmt.Sprintf("product of %dx%d and %dx%d", p.M, p.K, p.K, p.N)
	r, err := d.product(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return d.run(what, func() error {
		r.run(d.work)
		return nil
	}), nil
}

// product is C = A·B on operands widened to float32.
type product struct {
	a, b, c operand
	gemm    kernel.Gemm
}

func (d *emulated) product(p driver.Product) (*product, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	if p.M < 1 || p.N < 1 || p.K < 1 {
		return nil, errors.New("want positive sizes")
	}
	if p.A.Store != p.B.Store {
		return nil, fmt.Errorf("the factors are kept in %v and %v, want one storage", p.A.Store, p.B.Store)
	}
	var r product
	var bias operand
	err := errors.Join(
		d.operand(&r.a, "A", p.A, p.M*p.K),
		d.operand(&r.b, "B", p.B, p.K*p.N),
		d.operand(&r.c, "C", p.C, p.M*p.N))
	if p.Bias != 0 {
		err = errors.Join(err, d.operand(&bias, "bias", driver.Matrix{At: p.Bias}, p.N))
	}
	if err != nil {
		return nil, err
	}
	r.gemm = kernel.Gemm{M: p.M, N: p.N, K: p.K, A: r.a.wide, LDA: p.K, B: r.b.wide, LDB: p.N, C: r.c.wide, LDC: p.N, Bias: bias.wide}
	switch {
	case p.TransA && p.TransB:
		return nil, errors.New("both factors are transposed, want at most one")
	case p.TransA:
		r.gemm.Form, r.gemm.LDA = kernel.TN, p.M
	case p.TransB:
		r.gemm.Form, r.gemm.LDB = kernel.NT, p.K
	}
	return &r, r.gemm.Check()
}

func (r *product) run(w *kernel.Workspace) {
	r.a.widen()
	r.b.widen()
	w.Gemm(r.gemm)
	r.c.narrow()
}

// operand is a matrix in the driver's memory, kept: wide is the same memory, or a copy
// where it is kept as bf16.
type operand struct {
	store engine.Storage
	kept  []byte
	wide  []float32
}

func (d *emulated) operand(o *operand, name string, m driver.Matrix, n int) error {
	kept, err := d.at(m.At, m.Store.Bytes(ops.Spec{Shape: []int{n}, Dtype: ops.Float32}))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if uint64(m.At)%engine.Align != 0 {
		return fmt.Errorf("%s: %#x is not aligned to %d bytes", name, m.At, engine.Align)
	}
	*o = operand{store: m.Store, kept: kept}
	if m.Store == engine.Full {
		o.wide = unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(kept))), n)
	} else {
		o.wide = make([]float32, n)
	}
	return nil
}

func (o *operand) widen() {
	if o.store != engine.Full {
		o.store.Decode(o.wide, o.kept)
	}
}

func (o *operand) narrow() {
	if o.store != engine.Full {
		o.store.Encode(o.kept, o.wide)
	}
}
