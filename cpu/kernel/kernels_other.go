//go:build !amd64

package kernel

// native returns nil: only amd64 has kernels in assembly.
func native() *Kernels { return nil }
