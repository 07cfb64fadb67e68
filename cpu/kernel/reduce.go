package kernel

// Reductions over many elements or rows are cut into pieces of a fixed size;
// the workers reduce the pieces, the caller adds their results in order. So the
// sum is the same for any number of threads.
const (
	sumPiece = 1 << 14 // elements
	rowPiece = 64      // rows
)

// reduction is a parallel reduction under way.
type reduction struct {
	x, y    []float32
	partial []float64 // of Sum and Dot, by piece

	dx, dy, gamma, mean, rstd []float32
	cols                      int
	columns                   []float32 // of rows, by piece: their sums [cols], or dgamma and dbeta [2*cols]

	sum, dot, columnSums, layerNormGrad func(worker, lo, hi int)
}

// bind makes the bodies of the loops, once.
func (r *reduction) bind(k *Kernels) {
	r.sum = func(_, lo, hi int) { r.partial[lo/sumPiece] = k.sum(r.x[lo:hi]) }
	r.dot = func(_, lo, hi int) { r.partial[lo/sumPiece] = k.dot(r.x[lo:hi], r.y[lo:hi]) }
	r.columnSums = func(_, lo, hi int) {
		k.columnSums(r.piece(lo, r.cols), r.x[lo*r.cols:hi*r.cols])
	}
	r.layerNormGrad = func(_, lo, hi int) {
		c, part := r.cols, r.piece(lo, 2*r.cols)
		k.layerNormGrad(r.dx[lo*c:hi*c], part[:c], part[c:], r.dy[lo*c:hi*c], r.x[lo*c:hi*c],
			r.gamma, r.mean[lo:hi], r.rstd[lo:hi])
	}
}

// piece returns the cleared n sums of the piece of rows that starts at row lo.
func (r *reduction) piece(lo, n int) []float32 {
	part := r.columns[lo/rowPiece*n:][:n]
	clear(part)
	return part
}

// release forgets the operands but keeps the buffers.
func (r *reduction) release() {
	r.x, r.y, r.dx, r.dy, r.gamma, r.mean, r.rstd = nil, nil, nil, nil, nil, nil, nil
}

// Sum returns the sum of x in float64.
func (w *Workspace) Sum(x []float32) float64 { return w.scalar(x, nil, w.reduce.sum) }

// Dot returns the inner product of x and y in float64: dlambda = <dW, W'>, or
// with x = y the square of a norm.
func (w *Workspace) Dot(x, y []float32) float64 { return w.scalar(x, y[:len(x)], w.reduce.dot) }

func (w *Workspace) scalar(x, y []float32, body func(worker, lo, hi int)) float64 {
	r := &w.reduce
	r.x, r.y = x, y
	r.partial = grow(r.partial, ceilDiv(len(x), sumPiece))
	w.pool.Range(len(x), sumPiece, body)
	r.release()
	var sum float64
	for _, v := range r.partial {
		sum += v
	}
	return sum
}

// ColumnSums computes sum[c] = the sum of column c of x [rows, len(sum)], the
// gradient of a bias.
func (w *Workspace) ColumnSums(sum, x []float32) {
	r := &w.reduce
	r.x, r.cols = x, len(sum)
	w.rows(rowCount(x, r.cols), r.cols, r.columnSums)
	w.addPieces(sum, 0, r.cols)
}

// LayerNormGrad computes the gradients of [Kernels.LayerNorm] from dy, x, gamma
// and the kept mean and rstd. With xhat = (x-mean)*rstd and g = dy*gamma:
//
//	dx = rstd*(g - average(g) - xhat*average(g*xhat))
//	dgamma = sum over rows of dy*xhat
//	dbeta = sum over rows of dy
//
// dx may be dy.
func (w *Workspace) LayerNormGrad(dx, dgamma, dbeta, dy, x, gamma, mean, rstd []float32) {
	r := &w.reduce
	r.dx, r.dy, r.x, r.gamma, r.mean, r.rstd, r.cols = dx, dy, x, gamma, mean, rstd, len(gamma)
	w.rows(rowCount(dx, r.cols), 2*r.cols, r.layerNormGrad)
	w.addPieces(dgamma[:r.cols], 0, 2*r.cols)
	w.addPieces(dbeta[:r.cols], r.cols, 2*r.cols)
}

// rows runs a body over pieces of rows, each with n sums.
func (w *Workspace) rows(rows, n int, body func(worker, lo, hi int)) {
	r := &w.reduce
	r.columns = grow(r.columns, ceilDiv(rows, rowPiece)*n)
	w.pool.Range(rows, rowPiece, body)
	r.release()
}

// addPieces adds up what lies at offset at in the n sums of each piece.
func (w *Workspace) addPieces(sum []float32, at, n int) {
	clear(sum)
	for ; at < len(w.reduce.columns); at += n {
		w.kernels.combine(sum, 1, sum, 1, w.reduce.columns[at:][:len(sum)])
	}
}
