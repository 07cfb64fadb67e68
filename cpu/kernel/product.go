package kernel

// Blocking of a product. A panel (panelCols x blockK) stays in the first-level
// cache while a tile's strips pass it; a task (taskRows x taskCols) is what one
// worker takes: small enough to balance two threads over the 192 x 192 weights of
// ViT-Ti, large enough that taking it costs nothing. They are tuned on Zen 4.
const (
	panelCols = 16  // columns of a register tile
	blockK    = 384 // longest part of K between two visits of C
	taskRows  = 48
	taskCols  = 192
	packUnit  = 8 // K blocks are multiples of it, for transposeFunc
	maxRows   = 6 // rows of the largest register tile of any set
)

// A tileFunc computes c[h,16] = init[h,16] + a[h,k]*b[k,16] for the h it is
// made for. Element (r,p) of a is a[r*rs+p*ps], row p of b is b[p*16:], row r of
// init is init[r*ldi:] (ldi = 0: the same row for all), row r of c is c[r*ldc:].
type tileFunc func(k int, a []float32, rs, ps int, b, init []float32, ldi int, c []float32, ldc int)

// A transposeFunc packs 16 rows: dst[p*16+j] = src[j*ld+p] for 0 <= p < n, a
// multiple of 8, and 0 <= j < 16.
type transposeFunc func(dst, src []float32, ld, n int)

// A copyFunc packs n rows of one width w: dst[p*w+j] = src[p*stride+j].
type copyFunc func(dst, src []float32, stride, n int)

// product is a Gemm under way: K is cut into blocks; of each block B is packed into
// panels of 16 columns, zero-padded (and a wide transposed A into strips of tile
// rows), then the tiles of C, which are independent of each other, add it.
type product struct {
	Gemm
	k    *Kernels
	a, b []float32 // packed strips and panels of the current block
	k0   int       // the current block is K's [k0, k0+kc)
	kc   int
	edge edge
	zero [panelCols]float32
}

// edge stands in for a part of C narrower than a tile.
type edge [maxRows * panelCols]float32

func (r *product) start(k *Kernels, g Gemm) {
	if err := g.Check(); err != nil {
		panic(err)
	}
	r.k, r.Gemm, r.k0, r.kc = k, g, 0, 0
	if g.K == 0 {
		r.fill()
	}
}

// fill sets C to the product of an empty K.
func (r *product) fill() {
	for i := 0; i < r.M && !r.Accumulate; i++ {
		row := r.C[i*r.LDC:][:r.N]
		clear(row)
		copy(row, r.Bias)
	}
}

// nextBlock moves to the next block of K, the blocks being about equally long.
func (r *product) nextBlock() bool {
	r.k0 += r.kc
	left := r.K - r.k0
	if left == 0 || r.M == 0 || r.N == 0 {
		*r = product{a: r.a, b: r.b} // hold on to no one's matrices
		return false
	}
	blocks := ceilDiv(left, blockK)
	r.kc = min(left, ceilDiv(left, blocks*packUnit)*packUnit)
	r.b = grow(r.b, r.panels()*panelCols*r.kc)
	if r.packsA() {
		r.a = grow(r.a, r.strips()*r.rows()*r.kc)
	}
	return true
}

func (r *product) rows() int   { return len(r.k.tiles) }
func (r *product) panels() int { return ceilDiv(r.N, panelCols) }
func (r *product) strips() int { return ceilDiv(r.M, r.rows()) }

// packsA reports whether A's columns are packed. Few columns of C do not repay
// it.
func (r *product) packsA() bool { return r.Form == TN && r.N > taskCols }

// packs counts the tasks of packing, one for each panel or strip.
func (r *product) packs() int {
	if r.packsA() {
		return r.panels() + r.strips()
	}
	return r.panels()
}

func (r *product) pack(i int) {
	if i >= r.panels() {
		r.packStrip(i - r.panels())
		return
	}
	j := i * panelCols
	width := min(panelCols, r.N-j)
	dst := r.b[j*r.kc:][:panelCols*r.kc]
	switch {
	case r.Form != NT && width == panelCols:
		r.k.copyPanel(dst, r.B[r.k0*r.LDB+j:], r.LDB, r.kc)
	case r.Form != NT:
		copyRows(dst, panelCols, r.B[r.k0*r.LDB+j:], r.LDB, r.kc, width)
	case width == panelCols:
		src := r.B[j*r.LDB+r.k0:]
		whole := r.kc &^ 7
		r.k.transpose(dst, src, r.LDB, whole)
		copyColumns(dst[whole*panelCols:], src[whole:], r.LDB, r.kc-whole, width)
	default:
		clear(dst)
		copyColumns(dst, r.B[j*r.LDB+r.k0:], r.LDB, r.kc, width)
	}
}

// packStrip packs the columns of A that make one strip of C's rows.
func (r *product) packStrip(i int) {
	i *= r.rows()
	h := min(r.rows(), r.M-i)
	dst, src := r.a[i*r.kc:][:h*r.kc], r.A[r.k0*r.LDA+i:]
	if h == r.rows() {
		r.k.copyStrip(dst, src, r.LDA, r.kc)
		return
	}
	copyRows(dst, h, src, r.LDA, r.kc, h)
}

// tiles counts the tasks of one block, down the columns of C first: neighbours
// share their panels.
func (r *product) tiles() int {
	return ceilDiv(r.M, r.taskRows()) * ceilDiv(r.N, taskCols)
}

func (r *product) taskRows() int { return taskRows / r.rows() * r.rows() }

func (r *product) tile(e *edge, task int) {
	down := ceilDiv(r.M, r.taskRows())
	i0, j0 := task%down*r.taskRows(), task/down*taskCols
	i1, j1 := min(i0+r.taskRows(), r.M), min(j0+taskCols, r.N)
	for j := j0; j < j1; j += panelCols {
		b := r.b[j*r.kc:]
		for i := i0; i < i1; i += r.rows() {
			r.strip(e, i, j, b)
		}
	}
}

// strip computes the register tile of C at (i, j).
func (r *product) strip(e *edge, i, j int, b []float32) {
	h, width := min(r.rows(), r.M-i), min(panelCols, r.N-j)
	a, rs, ps := r.left(i, h)
	init, ldi := r.seed(i, j)
	c := r.C[i*r.LDC+j:]
	tile := r.k.tiles[h-1]
	if width == panelCols {
		tile(r.kc, a, rs, ps, b, init, ldi, c, r.LDC)
		return
	}
	for row := range h {
		copy(e[row*panelCols:][:width], init[row*ldi:])
	}
	tile(r.kc, a, rs, ps, b, e[:], panelCols, e[:], panelCols)
	for row := range h {
		copy(c[row*r.LDC:][:width], e[row*panelCols:])
	}
}

// left returns rows i.. of the left factor with the steps from row to row and
// along K.
func (r *product) left(i, h int) (a []float32, rs, ps int) {
	switch {
	case r.packsA():
		return r.a[i*r.kc:], 1, h
	case r.Form == TN:
		return r.A[r.k0*r.LDA+i:], 1, r.LDA
	default:
		return r.A[i*r.LDA+r.k0:], r.LDA, 1
	}
}

// seed returns what the sums of C at (i, j) start from in this block.
func (r *product) seed(i, j int) (init []float32, ld int) {
	switch {
	case r.k0 > 0 || r.Accumulate:
		return r.C[i*r.LDC+j:], r.LDC
	case r.Bias != nil:
		return r.Bias[j:], 0
	default:
		return r.zero[:], 0
	}
}

// copyRows sets dst[p*ld+j] = src[p*stride+j] for p < n and j < width; columns
// up to ld become zero.
func copyRows(dst []float32, ld int, src []float32, stride, n, width int) {
	for p := range n {
		row := dst[p*ld:][:ld]
		clear(row[copy(row, src[p*stride:][:width]):])
	}
}

// copyColumns sets dst[p*16+j] = src[j*stride+p] for p < n and j < width.
func copyColumns(dst, src []float32, stride, n, width int) {
	if n == 0 {
		return
	}
	for j := range width {
		for p, v := range src[j*stride:][:n] {
			dst[p*panelCols+j] = v
		}
	}
}

// grow returns n elements, of s if it has as many.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
