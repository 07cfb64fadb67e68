//go:build !m2ptcuda

package cuda

import "m2pt/cuda/driver"

// openDriver has no driver to open: this build is without CUDA.
func openDriver(int) (driver.Driver, error) { return nil, ErrNoDevice }
