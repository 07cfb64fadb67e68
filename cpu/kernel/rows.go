package kernel

import "math"

// The functions of this file treat the rows of x [rows, cols] one by one: a
// matrix may be cut between any two rows without changing a bit.

// Softmax computes y = softmax(scale*x) in each row of cols elements, scale > 0.
// Unless it is nil, lse [rows] receives log(sum(exp(scale*x))). y may be x.
func (k *Kernels) Softmax(y, lse, x []float32, cols int, scale float32) {
	for r := range rowCount(y, cols) {
		row, out := x[r*cols:][:cols], y[r*cols:][:cols]
		top := scale * k.max(row)
		sum := k.expSum(out, row, scale, top)
		k.scale(out, 1/sum, out)
		if lse != nil {
			lse[r] = top + float32(math.Log(float64(sum)))
		}
	}
}

// ExpRows computes y = exp(scale*x - lse[row]): the softmax again, from the
// lse it left. y may be x.
func (k *Kernels) ExpRows(y, x, lse []float32, cols int, scale float32) {
	for r := range rowCount(y, cols) {
		k.expSum(y[r*cols:][:cols], x[r*cols:][:cols], scale, lse[r])
	}
}

// SoftmaxGrad computes dx = scale*y*(dy - <dy,y>) in each row, y being the
// result of Softmax. dx may be y or dy.
func (k *Kernels) SoftmaxGrad(dx, y, dy []float32, cols int, scale float32) {
	for r := range rowCount(dx, cols) {
		row, grad := y[r*cols:][:cols], dy[r*cols:][:cols]
		k.softGrad(dx[r*cols:][:cols], row, grad, float32(k.dot(grad, row)), scale)
	}
}

// LayerNorm computes y = (x-mean)*rstd*gamma + beta in each row of len(gamma)
// elements, rstd = 1/sqrt(variance+eps) with the variance of a second pass.
// mean and rstd [rows] are kept for the gradient. y may be x.
func (k *Kernels) LayerNorm(y, mean, rstd, x, gamma, beta []float32, eps float32) {
	cols := len(gamma)
	for r := range rowCount(y, cols) {
		row := x[r*cols:][:cols]
		mean[r] = float32(k.sum(row) / float64(cols))
		variance := float64(k.dev(row, mean[r])) / float64(cols)
		rstd[r] = float32(1 / math.Sqrt(variance+float64(eps)))
		k.norm(y[r*cols:][:cols], row, gamma, beta[:cols], mean[r], rstd[r])
	}
}

// layerNormGrad computes the rows of dx and adds their share to dgamma and
// dbeta. With xhat = (x-mean)*rstd and g = dy*gamma:
//
//	dx = rstd*(g - average(g) - xhat*average(g*xhat))
//	dgamma += sum over rows of dy*xhat
//	dbeta += sum over rows of dy
func (k *Kernels) layerNormGrad(dx, dgamma, dbeta, dy, x, gamma, mean, rstd []float32) {
	cols := len(gamma)
	scale := 1 / float32(cols)
	for r := range rowCount(dx, cols) {
		row, grad := x[r*cols:][:cols], dy[r*cols:][:cols]
		g, gx := k.normSums(dgamma, dbeta, grad, row, gamma, mean[r], rstd[r])
		k.normGrad(dx[r*cols:][:cols], grad, row, gamma, mean[r], rstd[r], g*scale, gx*scale)
	}
}

// columnSums adds the columns of x to sum.
func (k *Kernels) columnSums(sum, x []float32) {
	cols := len(sum)
	for r := range rowCount(x, cols) {
		k.combine(sum, 1, sum, 1, x[r*cols:][:cols])
	}
}

func rowCount(x []float32, cols int) int {
	if cols == 0 {
		return 0
	}
	return len(x) / cols
}
