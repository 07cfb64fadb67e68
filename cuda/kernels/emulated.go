//go:build m2ptemu

package kernels

/*
#cgo CXXFLAGS: -std=c++17 -O2 -Wall -Wextra -Wno-unknown-pragmas
*/
import "C"

import "m2pt/cuda/kernels/emu"

// Emulated lists the kernels as they were compiled for the host.
func Emulated() []emu.Kernel { return emu.Kernels() }
