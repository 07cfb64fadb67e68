// Package cuda is the device that computes on NVIDIA GPUs.
//
// It binds every kind of package ops to launches of the kernels in package kernels and
// to matrix products: [Device] implements engine.Device over a driver.Driver, which is a
// GPU (package gpu, build tag m2ptcuda) or, to test the very same kernels where there is
// none, their emulation on the host (package emulated, build tag m2ptemu).
//
// Precision: a device keeps activations, their gradients and the weights that matrix
// products read either in full or in bf16; parameters, their gradients, the optimizer's
// state, statistics, logarithms of sums and losses are float32 always, and so is every
// sum. A kernel over activations exists in both storages, as in add_f32 and add_bf16.
//
// Kernels give the same bits every time: they use no atomic sums, and what is summed across
// blocks is summed in their order. Products do so too once a driver has chosen their
// algorithms.
//
// Shape letters are those of package ops.
package cuda

import (
	"errors"
	"fmt"

	"m2pt/engine"
)

// ErrNoDevice tells that there is no CUDA device to open.
var ErrNoDevice = errors.New("this build has no CUDA device (docs/cuda.md)")

// Open returns the GPU with the given index, from 0 in the driver's order, that keeps
// activations and working weights in store. In a build without CUDA its error is
// ErrNoDevice, wrapped.
func Open(index int, store engine.Storage) (*Device, error) {
	drv, err := openDriver(index)
	if err != nil {
		return nil, fmt.Errorf("open cuda:%d: %w: run on the cpu device (-device cpu)", index, err)
	}
	return New(drv, store), nil
}
