//go:build m2ptcuda

package gpu

/*
#include <stdlib.h>
#include "lt.h"
*/
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"gorgonia.org/cu"
	"m2pt/cuda/driver"
)

const (
	proposals = 16 // that cuBLASLt is asked for
	rounds    = 7  // of timing; the best counts
	// notable is the part of the time that a later proposal must save to be taken.
	notable = 0.02
)

// plan returns the plan for a shape, made once; p is a product of that shape to time it
// with.
func (d *Driver) plan(shape C.lt_product, p driver.Product) (*C.lt_plan, error) {
	if plan := d.blas.plans[shape]; plan != nil {
		return plan, nil
	}
	if d.blas.workspace == 0 {
		at, err := allocate(workspaceBytes)
		if err != nil {
			return nil, fmt.Errorf("workspace of matrix products: %w", err)
		}
		d.blas.workspace = at
	}
	plan := (*C.lt_plan)(C.calloc(1, C.sizeof_lt_plan))
	if err := d.choose(plan, shape, p); err != nil {
		d.blas.free(plan)
		return nil, err
	}
	d.blas.plans[shape] = plan
	return plan, nil
}

// choose fills plan and sets its algorithm.
func (d *Driver) choose(plan *C.lt_plan, shape C.lt_product, p driver.Product) error {
	var list [proposals]C.lt_proposal
	var n C.int
	s := C.lt_prepare(d.blas.library, &shape, workspaceBytes, plan, &list[0], proposals, &n)
	if s != 0 {
		return fmt.Errorf("cublasLtMatmulAlgoGetHeuristic: %s", d.blas.status(s))
	}
	if n == 0 {
		return errors.New("cuBLASLt has no algorithm for it")
	}
	best := 0
	if d.blas.choice == Measured && n > 1 {
		var err error
		if best, err = d.fastest(plan, list[:n], p); err != nil {
			return err
		}
	}
	take(plan, list[best])
	return nil
}

func take(plan *C.lt_plan, a C.lt_proposal) { plan.algo, plan.workspace = a.algo, a.workspace }

// fastest times the proposals on p's own factors, with a result of its own. Where there
// is no memory for that, the first is taken. Factors are often still zeros here, which
// draw less power than the numbers that follow: close proposals may rank otherwise then.
func (d *Driver) fastest(plan *C.lt_plan, list []C.lt_proposal, p driver.Product) (int, error) {
	c, err := allocate(p.M * p.N * 4)
	if errors.Is(err, driver.ErrMemory) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	p.C.At = driver.Pointer(c)
	best, err := d.race(plan, list, d.multiply(plan, p))
	return best, errors.Join(err, d.sync(), failed(cu.MemFree(c), "cuMemFree"))
}

// race leaves out proposals that do not run, and fails where none does.
func (d *Driver) race(plan *C.lt_plan, list []C.lt_proposal, run driver.Run) (int, error) {
	from, err := cu.MakeEvent(cu.DefaultEvent)
	if err != nil {
		return 0, failed(err, "cuEventCreate")
	}
	defer func() { _ = cu.DestroyEvent(&from) }()
	to, err := cu.MakeEvent(cu.DefaultEvent)
	if err != nil {
		return 0, failed(err, "cuEventCreate")
	}
	defer func() { _ = cu.DestroyEvent(&to) }()
	best, least := -1, math.Inf(1)
	var first error
	for i, a := range list {
		take(plan, a)
		ms, err := d.time(run, from, to)
		if err == nil && ms < least*(1-notable) {
			best, least = i, ms
		}
		first = cmp.Or(first, err)
	}
	if best < 0 {
		return 0, first
	}
	return best, nil
}

// time is how long a run takes, in milliseconds.
func (d *Driver) time(run driver.Run, from, to cu.Event) (float64, error) {
	least := math.Inf(1)
	for range rounds + 1 {
		err := errors.Join(from.Record(d.stream), run(), to.Record(d.stream), to.Synchronize())
		if err != nil {
			return 0, err
		}
		ms, err := from.Elapsed(to)
		if err != nil {
			return 0, failed(err, "cuEventElapsedTime")
		}
		least = min(least, ms)
	}
	return least, nil
}
