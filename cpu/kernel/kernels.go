package kernel

//go:generate go -C ../gen run ./gemm -out ../kernel/gemm_amd64.s -stubs ../kernel/gemm_amd64.go -pkg kernel
//go:generate go -C ../gen run ./vector -coef ../kernel/coef.go -out ../kernel/vector_amd64.s -stubs ../kernel/vector_amd64.go -pkg kernel

// Kernels is a set of single-threaded functions for one kind of processor. It
// is immutable and safe for concurrent use.
//
// The exported methods check shapes and hold the loops over rows and blocks;
// the fields are the inner loops, in assembly or in Go. An inner loop trusts
// its caller: slices of one call are equally long unless said otherwise.
type Kernels struct {
	name string

	tiles     []tileFunc // tiles[h-1] makes h rows; len(tiles) rows at most
	transpose transposeFunc
	copyPanel copyFunc // of width panelCols
	copyStrip copyFunc // of width len(tiles)
	peak      peakFunc

	exp      func(dst, src []float32)
	expSum   func(dst, src []float32, scale, shift float32) float32 // dst = exp(scale*src-shift), returns its sum
	max      func(x []float32) float32                              // len(x) > 0
	gelu     func(dst, src []float32)                               // see GELU
	geluGrad func(dx, x, dy []float32)                              // see GELUGrad
	combine  func(z []float32, a float32, x []float32, b float32, y []float32)
	scale    func(y []float32, a float32, x []float32)
	mul      func(z, x, y []float32)
	bySign   func(z, x, y []float32, slope float32) // see BySign
	sum      func(x []float32) float64
	dot      func(x, y []float32) float64
	dev      func(x []float32, mean float32) float32               // sum of (x-mean)^2
	softGrad func(dx, y, dy []float32, shift, scale float32)       // dx = scale*y*(dy-shift)
	norm     func(y, x, gamma, beta []float32, mean, rstd float32) // y = (x-mean)*rstd*gamma + beta
	normSums func(dgamma, dbeta, dy, x, gamma []float32, mean, rstd float32) (sum, sumX float32)
	normGrad func(dx, dy, x, gamma []float32, mean, rstd, avg, avgX float32)

	rise       func(top []float32, index []int32, x []float32, i int32) // see Rise
	squares    func(sum, x, mu []float32)                               // see AddSquares
	products   func(sum, sumX, dy, x, mu []float32)                     // see AddProducts
	affine     func(y, x, mu, a, b []float32)                           // see Affine
	affineGrad func(dx, dy, x, mu, a, b, c []float32)                   // see AffineGrad

	adamw func(p, m, v, g []float32, c [8]float32) // c is AdamW.coef
}

// Name says which set this is: "avx2" or "go".
func (k *Kernels) Name() string { return k.name }

// Best returns the fastest set that this processor runs.
func Best() *Kernels {
	if k := native(); k != nil {
		return k
	}
	return Portable()
}
