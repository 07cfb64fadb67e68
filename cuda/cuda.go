// Package cuda is the device that computes on NVIDIA GPUs. This version has none:
// Open says so. Programs ask for a device by name through it, so that they need
// not know which there are.
package cuda

import (
	"errors"
	"fmt"

	"m2pt/engine"
)

// ErrNoDevice tells that there is no CUDA device to open.
var ErrNoDevice = errors.New("this version has no CUDA device")

// Open returns the GPU with the given index, from 0 in the driver's order. Its
// error is ErrNoDevice, wrapped.
func Open(index int) (engine.Device, error) {
	return nil, fmt.Errorf("open cuda:%d: %w: run on the cpu device (-device cpu)", index, ErrNoDevice)
}
