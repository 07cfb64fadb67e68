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
	for _, bind := range []func(ops.Kind) func(){c.bindLayer, c.bindTokens, c.bindPixels, c.bindLoss, c.bindUpdate, c.bindGrad} {
		if run := bind(k); run != nil {
			return run
		}
	}
	return nil
}

// bindLayer is bind for what blocks are made of.
func (c call) bindLayer(k ops.Kind) func() {
	switch k := k.(type) {
	case ops.Linear:
		return c.linear(k)
	case ops.SumRows:
		return c.sumRows()
	case ops.Attention:
		return c.attention(k)
	case ops.WindowAttention:
		return c.windowAttention(k)
	case ops.CosineQK:
		return c.cosineQK(k)
	case ops.LayerNorm:
		return c.layerNorm(k)
	case ops.BatchNorm:
		return c.batchNorm(k)
	case ops.LayerScale:
		return c.layerScale()
	case ops.Activation:
		return c.activation(k)
	case ops.Add:
		return c.add()
	case ops.Scale:
		return c.scale()
	case ops.Dropout:
		return c.dropout(k)
	case ops.DropPath:
		return c.dropPath(k)
	}
	return nil
}

// bindTokens is bind for what moves, groups and pools tokens and points.
func (c call) bindTokens(k ops.Kind) func() {
	switch k := k.(type) {
	case ops.Prepend:
		return c.prepend()
	case ops.AddPos:
		return c.addPos()
	case ops.SumBatch:
		return c.sumBatch()
	case ops.AddEach:
		return c.addEach()
	case ops.SumEach:
		return c.sumEach()
	case ops.Gather:
		return c.gather()
	case ops.Scatter:
		return c.scatter()
	case ops.Entries:
		return c.entries(k)
	case ops.AppendMask:
		return c.appendMask()
	case ops.Reshape:
		return c.reshape()
	case ops.Pool:
		return c.pooled(k)
	case ops.MaxPool:
		return c.maxPool(k)
	case ops.Group:
		return c.group()
	case ops.Interpolate:
		return c.interpolate()
	}
	return nil
}

// bindPixels is bind for pictures.
func (c call) bindPixels(k ops.Kind) func() {
	switch k := k.(type) {
	case ops.Normalize:
		return c.normalize(k)
	case ops.Patches:
		return c.patches(k)
	case ops.StandardizePatches:
		return c.standardizePatches(k)
	case ops.Mix:
		return c.mix()
	case ops.Erase:
		return c.erase(k)
	}
	return nil
}

// bindLoss is bind for logits and losses.
func (c call) bindLoss(k ops.Kind) func() {
	switch k := k.(type) {
	case ops.Softmax:
		return c.softmax(k)
	case ops.CrossEntropy:
		return c.crossEntropy()
	case ops.SampleMean:
		return c.sampleMean()
	case ops.SquaredError:
		return c.squaredError()
	case ops.Chamfer:
		return c.chamfer(k)
	}
	return nil
}

// bindUpdate is bind for weights: what prepares and what updates them.
func (c call) bindUpdate(k ops.Kind) func() {
	switch k := k.(type) {
	case ops.Pathway:
		return c.pathway(k)
	case ops.Columns:
		return c.columns(k)
	case ops.Accumulate:
		return c.accumulate()
	case ops.Dot:
		return c.dot()
	case ops.GradNorm:
		return c.gradNorm()
	case ops.AdamW:
		return c.adamW(k)
	case ops.SGD:
		return c.sgd(k)
	case ops.LARS:
		return c.lars(k)
	case ops.EMA:
		return c.ema(k)
	}
	return nil
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
	case ops.WindowAttentionGrad:
		return c.windowAttentionGrad(k)
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
	case ops.AppendMaskGrad:
		return c.appendMaskGrad()
	case ops.EntriesGrad:
		return c.entriesGrad(k)
	case ops.PoolGrad:
		return c.pooledGrad(k)
	case ops.MaxPoolGrad:
		return c.maxPoolGrad()
	case ops.InterpolateGrad:
		return c.interpolateGrad()
	case ops.ColumnsGrad:
		return c.columnsGrad(k)
	case ops.LayerScaleGrad:
		return c.layerScaleGrad()
	case ops.CosineQKGrad:
		return c.cosineQKGrad(k)
	case ops.SampleMeanGrad:
		return c.sampleMeanGrad()
	case ops.SoftmaxGrad:
		return c.softmaxGrad(k)
	case ops.CrossEntropyGrad:
		return c.crossEntropyGrad()
	case ops.SquaredErrorGrad:
		return c.squaredErrorGrad()
	case ops.ChamferGrad:
		return c.chamferGrad(k)
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
