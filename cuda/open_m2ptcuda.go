//go:build m2ptcuda

package cuda

import (
	"m2pt/cuda/driver"
	"m2pt/cuda/gpu"
	"m2pt/cuda/kernels"
)

// openDriver opens a GPU with all kernels.
func openDriver(index int) (driver.Driver, error) {
	modules, err := kernels.PTX()
	if err != nil {
		return nil, err
	}
	drv, err := gpu.Open(index, modules, gpu.Measured)
	if err != nil {
		return nil, err
	}
	return drv, nil
}
