package cuda

import (
	"m2pt/cuda/driver"
	"m2pt/ops"
)

// lossOp is the op of losses. Logits and predictions are activations; targets,
// probabilities, weights and losses are in full.
func lossOp(k ops.Kind) *op {
	switch k.(type) {
	case ops.CrossEntropy:
		return &op{"af", "f", func(c *call) {
			c.blocks(name("cross_entropy", c.in[0]), rows(c.in[0]), last(c.in[0]), c.y(0), c.y(1), c.x(0), c.x(1))
		}}
	case ops.CrossEntropyGrad:
		return &op{"f", "a", func(c *call) {
			c.blocks(name("cross_entropy_grad", c.out[0]), rows(c.in[0]), last(c.in[0]), c.y(0), c.x(0), c.x(1), c.x(2))
		}}
	case ops.BCE:
		return &op{"af", "f", func(c *call) {
			c.blocks(name("bce", c.in[0]), rows(c.in[0]), last(c.in[0]), c.y(0), c.x(0), c.x(1))
		}}
	case ops.BCEGrad:
		return &op{"af", "a", func(c *call) {
			c.blocks(name("bce_grad", c.in[0]), rows(c.in[0]), last(c.in[0]), c.y(0), c.x(0), c.x(1), c.x(2))
		}}
	case ops.SampleMean:
		return &op{"f", "f", func(c *call) {
			n := c.in[0].Len() / c.out[0].Len()
			c.sumSamples(n, c.x(0), 1/float32(n))
		}}
	case ops.SampleMeanGrad:
		return &op{"f", "f", (*call).sampleMeanGrad}
	case ops.SquaredError:
		return &op{"af", "f", (*call).squaredError}
	case ops.SquaredErrorGrad:
		return &op{"af", "a", (*call).squaredErrorGrad}
	}
	return nil
}

// sumSamples makes the loss of each sample of n numbers at x: their sum times scale.
func (c *call) sumSamples(n int, x driver.Pointer, scale float32) {
	c.blocks("sum_samples", c.out[0].Len(), n, c.y(0), x, scale)
}

func (c *call) sampleMeanGrad() {
	n := c.out[0].Len() / c.in[0].Len()
	c.launch("spread_samples", grid{x: c.in[0].Len(), y: min(ceil(n, 4*threads), 1024), block: threads},
		n, c.y(0), c.x(0), 1/float32(n))
}

// squaredError sums patches, then samples.
func (c *call) squaredError() {
	part := c.scratch(c.in[2].Len() * 4)
	c.warps(name("squared_error", c.in[0]), rows(c.in[0]), last(c.in[0]), part, c.x(0), c.x(1), c.x(2))
	c.sumSamples(c.in[0].Shape[1], part, 1)
}

func (c *call) squaredErrorGrad() {
	c.warps(name("squared_error_grad", c.in[0]), rows(c.in[0]), c.in[0].Shape[1], last(c.in[0]),
		c.y(0), c.x(0), c.x(1), c.x(2), c.x(3))
}
