// Package cuda is the device that computes on NVIDIA GPUs. This build has
// none: Open says so. Programs ask for a device by name through it, so that they
// need not know what they were built with.
package cuda

import (
	"errors"
	"fmt"

	"m2pt/engine"
)

// ErrNotBuilt tells that the program was built without the CUDA device.
var ErrNotBuilt = errors.New("this build has no CUDA device")

// Open returns the GPU with the given index, from 0 in the driver's order. Its
// error is ErrNotBuilt, wrapped, in a build without CUDA.
func Open(index int) (engine.Device, error) {
	return nil, fmt.Errorf("open cuda:%d: %w: run on the cpu device (-device cpu)", index, ErrNotBuilt)
}
