package cpu

import "m2pt/ops"

// standardizePatches treats a patch as a row.
func (c call) standardizePatches(k ops.StandardizePatches) func() {
	x, y, P := c.x(0), c.y(0), last(c.in[0])
	return c.rows(len(x)/P, P, func(lo, hi int) {
		for i := lo * P; i < hi*P; i += P {
			for ch := range k.Channels {
				ops.Standardize(k, y[i+ch:i+P], x[i+ch:i+P])
			}
		}
	})
}

// squaredError takes patches apart in rows, then adds those of a sample up in
// order.
func (c call) squaredError() func() {
	pred, target, weight, loss, P := c.x(0), c.x(1), c.x(2), c.y(0), last(c.in[0])
	patch := make([]float64, len(weight))
	c.reserve(P)
	errors := func(worker, lo, hi int) {
		e := c.scratch[worker][:P]
		for i := lo; i < hi; i++ {
			c.k.Combine(e, 1, pred[i*P:(i+1)*P], -1, target[i*P:(i+1)*P])
			patch[i] = float64(weight[i]) * c.k.Dot(e, e) / float64(P)
		}
	}
	return func() {
		c.pool.Range(len(patch), max(grain/P, 1), errors)
		addUp(loss, patch)
	}
}

// addUp makes sums of equally many parts each, in order.
func addUp(sums []float32, parts []float64) {
	n := len(parts) / len(sums)
	for b := range sums {
		sum := 0.0
		for _, v := range parts[b*n : (b+1)*n] {
			sum += v
		}
		sums[b] = float32(sum)
	}
}

// squaredErrorGrad treats a patch as a row; differences come first, as they may
// be small.
func (c call) squaredErrorGrad() func() {
	pred, target, weight, dloss, dpred, P := c.x(0), c.x(1), c.x(2), c.x(3), c.y(0), last(c.in[0])
	M := len(weight) / len(dloss)
	return c.rows(len(weight), P, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			d := dpred[i*P : (i+1)*P]
			c.k.Combine(d, 1, pred[i*P:(i+1)*P], -1, target[i*P:(i+1)*P])
			c.k.Scale(d, 2*dloss[i/M]*weight[i]/float32(P), d)
		}
	})
}
