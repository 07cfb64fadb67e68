package cpu

import "m2pt/ops"

// group treats a neighbourhood as a row.
func (c call) group() func() {
	x, index, y, centres := c.x(0), ops.Of[int32](c.in[1]), c.y(0), c.y(1)
	N, D := c.in[0].Shape[1], last(c.in[0])
	G, M := c.out[0].Shape[1], c.out[0].Shape[2]
	return c.rows(c.in[0].Shape[0]*G, M*D, func(lo, hi int) {
		for g := lo; g < hi; g++ {
			cloud, indices := x[g/G*N*D:][:N*D], index[g*(1+M):][:1+M]
			centre, points := centres[g*D:][:D], y[g*M*D:][:M*D]
			copy(centre, token(cloud, D, indices[0]))
			for m, i := range indices[1:] {
				for e, v := range token(cloud, D, i) {
					points[m*D+e] = v - centre[e]
				}
			}
		}
	})
}

// interpolate treats a point as a row.
func (c call) interpolate() func() {
	points, centers, f, y := c.x(0), c.x(1), c.x(2), c.y(0)
	index, weight := ops.Of[int32](c.out[1]), c.y(2)
	N, G, D, K := c.in[0].Shape[1], c.in[1].Shape[1], last(c.in[2]), last(c.out[1])
	return c.rows(len(points)/3, 3*G+K*D, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			b, near, w, mean := i/N, index[i*K:][:K], weight[i*K:][:K], y[i*D:][:D]
			ops.Nearest(points[i*3:][:3], centers[b*G*3:][:G*3], near, w)
			c.k.Scale(mean, w[0], token(f[b*G*D:][:G*D], D, near[0]))
			for j := 1; j < K; j++ {
				c.k.Combine(mean, 1, mean, w[j], token(f[b*G*D:][:G*D], D, near[j]))
			}
		}
	})
}

// strip is how many columns of a sample's features one thread adds to at a time.
const strip = 64

// interpolateGrad: a strip of a sample's features is a task of its own.
func (c call) interpolateGrad() func() {
	dy, index, weight, df := c.x(0), ops.Of[int32](c.in[1]), c.x(2), c.y(0)
	B, N, D, K, G := c.in[0].Shape[0], c.in[0].Shape[1], last(c.in[0]), last(c.in[1]), c.out[0].Shape[1]
	strips := (D + strip - 1) / strip
	task := func(_, i int) {
		b, from, to := i/strips, i%strips*strip, min((i%strips+1)*strip, D)
		features := df[b*G*D:][:G*D]
		for g := range G {
			clear(features[g*D:][from:to])
		}
		for j := b * N * K; j < (b+1)*N*K; j++ {
			row := token(features, D, index[j])[from:to]
			c.k.Combine(row, 1, row, weight[j], dy[j/K*D:][from:to])
		}
	}
	return func() { c.pool.For(B*strips, task) }
}

// chamfer treats a cloud as a row: its share of the loss, then the sum over the
// clouds of a sample in order.
func (c call) chamfer(k ops.Chamfer) func() {
	pred, target, loss := c.x(0), c.x(1), c.y(0)
	toTarget, toPred := ops.Of[int32](c.out[1]), ops.Of[int32](c.out[2])
	S, T := last(c.out[1]), last(c.out[2])
	share := make([]float64, len(toTarget)/S)
	perSample := float64(len(share) / len(loss))
	clouds := c.rows(len(share), 2*S*T, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			p, t := pred[i*S*3:(i+1)*S*3], target[i*T*3:(i+1)*T*3]
			share[i] = (nearest(k, toTarget[i*S:(i+1)*S], p, t) + nearest(k, toPred[i*T:(i+1)*T], t, p)) / perSample
		}
	})
	return func() {
		clouds()
		addUp(loss, share)
	}
}

// nearest fills index with the points of to nearest to those of from and returns
// the mean of what they add to the loss.
func nearest(k ops.Chamfer, index []int32, from, to []float32) float64 {
	sum := 0.0
	for i := range index {
		var d float32
		index[i], d = ops.Closest(from[3*i:][:3], to)
		sum += k.Term(float64(d))
	}
	return sum / float64(len(index))
}

func (c call) chamferGrad(k ops.ChamferGrad) func() {
	pred, target, dloss, dpred, dtarget := c.x(0), c.x(1), c.x(2), c.y(0), c.y(1)
	toTarget, toPred := ops.Of[int32](c.in[3]), ops.Of[int32](c.in[4])
	S, T := last(c.in[3]), last(c.in[4])
	clouds := len(toTarget) / S
	perSample := clouds / len(dloss)
	return c.rows(clouds, 16*(S+T), func(lo, hi int) {
		clear(dpred[lo*S*3 : hi*S*3])
		clear(dtarget[lo*T*3 : hi*T*3])
		for i := lo; i < hi; i++ {
			d := dloss[i/perSample] / float32(perSample)
			p := pair{pred[i*S*3 : (i+1)*S*3], dpred[i*S*3 : (i+1)*S*3]}
			t := pair{target[i*T*3 : (i+1)*T*3], dtarget[i*T*3 : (i+1)*T*3]}
			pull(k, d/float32(S), toTarget[i*S:(i+1)*S], p, t)
			pull(k, d/float32(T), toPred[i*T:(i+1)*T], t, p)
		}
	})
}

// pair is a cloud and its gradient.
type pair struct{ xyz, grad []float32 }

// pull adds the gradients of what the points of a cloud and the nearest ones of
// another add to the loss.
func pull(k ops.ChamferGrad, d float32, index []int32, from, to pair) {
	for i, j := range index {
		ops.Pull(k, d, from.xyz[3*i:][:3], token(to.xyz, 3, j), from.grad[3*i:][:3], token(to.grad, 3, j))
	}
}
