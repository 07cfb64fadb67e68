// Package kernel holds the compute kernels of the CPU device: matrix products,
// row and elementwise functions and the optimizer's update, on plain float32
// slices.
//
// Three types carry it:
//
//   - [Kernels] is an immutable table of single-threaded functions. [Best] has
//     AVX2 and FMA assembly where the processor does; [Portable] is its twin in
//     plain Go, there on every machine and tested by the same tests.
//   - [Pool] runs independent iterations on a fixed number of threads.
//   - [Workspace] joins the two with buffers, for the operations whose split
//     matters: [Workspace.Gemm] and the reductions. What treats elements or rows
//     one by one has no parallel form here; cut it with [Pool.Range] anywhere.
//
// Matrices are row-major, [rows, cols] in comments; M, N and K are the sizes of
// a product; cols is the length of a row (a model's width D, or the tokens an
// attention looks at). Nothing here knows graphs, plans or parameters.
//
// # Same bits on any number of threads
//
// Threads share only work on separate outputs. How a sum is cut and in which
// order its parts are added depends on shapes alone. The two sets differ from
// each other in rounding.
//
// # Contracts
//
// Steady state allocates nothing. Shapes are the caller's duty, as with an
// index: a wrong one panics, and [Gemm.Check] reports it as an error when a plan
// is built.
//
// # Assembly
//
// The files *_amd64.s, their stubs and coef.go are written by the programs of
// the nested module cpu/gen. After a change there:
//
//	go generate ./cpu/kernel
package kernel
