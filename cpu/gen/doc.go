// Package gen holds the programs that write the AVX2 assembly of package
// m2pt/cpu/kernel. It is a module of its own so that avo is no dependency of
// m2pt; run `go generate ./cpu/kernel` after a change and commit what it
// writes.
//
//   - gemm: the register tiles of the matrix product and the packing transpose
//   - vector: exp, GELU, row reductions and elementwise updates, and the
//     coefficients in Go
//   - fit: where the coefficients of GELU come from
//
// The plain Go twins in cpu/kernel compute the same functions; their shared
// test is the specification.
package gen
