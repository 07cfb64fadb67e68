//go:build m2ptemu

// Package emutest tests package emu: with kernels of which every element is known, and with
// kernels that are wrong, which the emulation or a sanitizer must notice.
package emutest

/*
#cgo CXXFLAGS: -std=c++17 -O2 -Wall -Wextra -Wno-unknown-pragmas
*/
import "C"

import (
	_ "embed" // the sources, so that the Go command rebuilds when they change

	_ "m2pt/cuda/kernels" // whose headers they include
)

//go:embed primitives.cu
var _ string

//go:embed broken.cu
var _ string
