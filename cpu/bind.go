package cpu

import "m2pt/ops"

// call is an operation about to be bound: its device and operands.
type call struct {
	*Device
	in, out []ops.Buf
}

// x is input i, y output i, as elements.
func (c call) x(i int) []float32 { return ops.Of[float32](c.in[i]) }
func (c call) y(i int) []float32 { return ops.Of[float32](c.out[i]) }

// bind returns what runs k, or nil where k has no kernel of its own.
func (c call) bind(k ops.Kind) func() {
	switch k := k.(type) {
	case ops.Linear:
		return c.linear(k)
	case ops.SumRows:
		return c.sumRows()
	case ops.Attention:
		return c.attention(k)
	case ops.LayerNorm:
		return c.layerNorm(k)
	case ops.BatchNorm:
		return c.batchNorm(k)
	case ops.Activation:
		return c.activation(k)
	case ops.Add:
		return c.add()
	case ops.Scale:
		return c.scale()
	case ops.Accumulate:
		return c.accumulate()
	case ops.Pathway:
		return c.pathway(k)
	case ops.Dot:
		return c.dot()
	case ops.DropPath:
		return c.dropPath(k)
	case ops.Prepend:
		return c.prepend()
	case ops.AddPos:
		return c.addPos()
	case ops.SumBatch:
		return c.sumBatch()
	case ops.Gather:
		return c.gather()
	case ops.Scatter:
		return c.scatter()
	case ops.Pool:
		return c.pooled(k)
	case ops.Normalize:
		return c.normalize(k)
	case ops.Patches:
		return c.patches(k)
	case ops.Mix:
		return c.mix()
	case ops.Erase:
		return c.erase(k)
	case ops.Softmax:
		return c.softmax(k)
	case ops.CrossEntropy:
		return c.crossEntropy()
	case ops.GradNorm:
		return c.gradNorm()
	case ops.AdamW:
		return c.adamW(k)
	case ops.EMA:
		return c.ema(k)
	}
	return c.bindGrad(k)
}

// bindGrad is bind for the gradients of single operations.
func (c call) bindGrad(k ops.Kind) func() {
	switch k := k.(type) {
	case ops.LinearGradX:
		return c.linearGradX()
	case ops.LinearGradW:
		return c.linearGradW()
	case ops.AttentionGrad:
		return c.attentionGrad(k)
	case ops.LayerNormGrad:
		return c.layerNormGrad()
	case ops.BatchNormGrad:
		return c.batchNormGrad(k)
	case ops.ActivationGrad:
		return c.activationGrad(k)
	case ops.DropPathGrad:
		return c.dropPathGrad(k)
	case ops.PrependGrad:
		return c.prependGrad()
	case ops.PoolGrad:
		return c.pooledGrad(k)
	case ops.SoftmaxGrad:
		return c.softmaxGrad(k)
	case ops.CrossEntropyGrad:
		return c.crossEntropyGrad()
	}
	return nil
}

// grain is how many elements make a piece of work worth handing to a thread:
// 32 KiB, a first-level cache.
const grain = 8192

// elements returns what runs f over pieces of n elements.
func (c call) elements(n int, f func(lo, hi int)) func() {
	piece := func(_, lo, hi int) { f(lo, hi) }
	return func() { c.pool.Range(n, grain, piece) }
}

// rows returns what runs f over pieces of n rows of the given width.
func (c call) rows(n, width int, f func(lo, hi int)) func() {
	piece := func(_, lo, hi int) { f(lo, hi) }
	rows := max(grain/max(width, 1), 1)
	return func() { c.pool.Range(n, rows, piece) }
}
