package kernel

import "fmt"

// Form says how the two factors of a product are stored. A dense layer with
// weight W [out,in] computes y = x*W^T (NT), dx = dy*W (NN) and dW = dy^T*x (TN).
type Form int

// The forms, with A and B as they lie in memory, row after row.
const (
	NN Form = iota // C = A*B:   A [M,K], B [K,N]
	NT             // C = A*B^T: A [M,K], B [N,K]
	TN             // C = A^T*B: A [K,M], B [K,N]
)

// String returns the name of the constant.
func (f Form) String() string {
	switch f {
	case NN:
		return "NN"
	case NT:
		return "NT"
	case TN:
		return "TN"
	}
	return fmt.Sprintf("Form(%d)", int(f))
}

// Gemm describes a product of float32 matrices, C [M,N] = A*B with the factors
// stored as Form says. LDA, LDB and LDC are the elements from one stored row to
// the next: heads of an attention are matrices inside a wider one. C must not overlap
// A, B or Bias.
type Gemm struct {
	Form    Form
	M, N, K int

	A   []float32
	LDA int
	B   []float32
	LDB int
	C   []float32
	LDC int

	Accumulate bool      // C += A*B, otherwise C = A*B
	Bias       []float32 // nil, or [N] added to every row of C; excludes Accumulate
}

// Flops counts the additions and multiplications of the product.
func (g Gemm) Flops() float64 { return 2 * float64(g.M) * float64(g.N) * float64(g.K) }

// Check reports the first reason why g cannot run. Whoever builds a plan calls
// it once; running an invalid Gemm panics with the same error.
func (g Gemm) Check() error {
	if g.M < 0 || g.N < 0 || g.K < 0 {
		return g.errorf("sizes must not be negative")
	}
	var aRows, aCols, bRows, bCols int
	switch g.Form {
	case NN:
		aRows, aCols, bRows, bCols = g.M, g.K, g.K, g.N
	case NT:
		aRows, aCols, bRows, bCols = g.M, g.K, g.N, g.K
	case TN:
		aRows, aCols, bRows, bCols = g.K, g.M, g.K, g.N
	default:
		return g.errorf("unknown form, want NN, NT or TN")
	}
	if err := g.checkMatrix("A", g.A, g.LDA, aRows, aCols); err != nil {
		return err
	}
	if err := g.checkMatrix("B", g.B, g.LDB, bRows, bCols); err != nil {
		return err
	}
	if err := g.checkMatrix("C", g.C, g.LDC, g.M, g.N); err != nil {
		return err
	}
	return g.checkBias()
}

func (g Gemm) checkMatrix(name string, x []float32, ld, rows, cols int) error {
	if rows == 0 || cols == 0 {
		return nil
	}
	if ld < cols {
		return g.errorf("%s: %d elements from row to row, want at least the %d columns", name, ld, cols)
	}
	if need := (rows-1)*ld + cols; len(x) < need {
		return g.errorf("%s [%d %d]: %d elements, want %d", name, rows, cols, len(x), need)
	}
	return nil
}

func (g Gemm) checkBias() error {
	if g.Bias == nil {
		return nil
	}
	if g.Accumulate {
		return g.errorf("Bias and Accumulate exclude each other: add the bias in the first product")
	}
	if len(g.Bias) != g.N {
		return g.errorf("Bias: %d elements, want N", len(g.Bias))
	}
	return nil
}

func (g Gemm) errorf(format string, args ...any) error {
	return fmt.Errorf("gemm %v M=%d N=%d K=%d: %w", g.Form, g.M, g.N, g.K, fmt.Errorf(format, args...))
}

// Scratch holds the packed factors of one goroutine's products. The zero value
// is ready; it grows to the largest product and stays.
type Scratch struct {
	run product
}

// Gemm runs g on the calling goroutine.
func (k *Kernels) Gemm(s *Scratch, g Gemm) {
	r := &s.run
	r.start(k, g)
	for r.nextBlock() {
		for i := range r.packs() {
			r.pack(i)
		}
		for i := range r.tiles() {
			r.tile(&r.edge, i)
		}
	}
}

// runsPerThread is into how many runs of neighbours a thread's share of tiles is cut:
// neighbours share panels, cache lines and what the processor fetches ahead, so that tiles
// handed out one by one take up to a quarter longer on two threads; two runs still even out
// threads that are not equally fast.
const runsPerThread = 2

// Gemm runs g on all threads of the pool. Every element of C is one sum whose
// order depends on the shape alone, so its bits do not depend on the threads.
func (w *Workspace) Gemm(g Gemm) {
	r := &w.scratch[0].run
	r.start(w.kernels, g)
	for r.nextBlock() {
		w.pool.For(r.packs(), w.pack)
		w.pool.Range(r.tiles(), ceilDiv(r.tiles(), w.pool.Threads()*runsPerThread), w.tiles)
	}
}
