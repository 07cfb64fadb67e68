package cuda

import (
	"m2pt/cuda/driver"
	"m2pt/ops"
)

// updateOp is the op of what prepares and updates weights.
func updateOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Pathway:
		return &op{"f", "a", func(c *call) { c.pathway(k) }}
	case ops.GradNorm:
		return &op{"f", "f", (*call).gradNorm}
	case ops.ClipFactor:
		return &op{"f", "f", func(c *call) {
			c.launch("clip_factor", grid{block: 32}, len(c.in), c.y(0), c.table(c.places()...), float32(k.Max))
		}}
	case ops.AdamW:
		return &op{"f", "f", func(c *call) { c.adamW(k) }}
	case ops.SGD:
		return &op{"f", "f", func(c *call) { c.sgd(k, 0) }}
	case ops.LARS:
		return &op{"f", "f", func(c *call) { c.lars(k) }}
	case ops.EMA:
		return &op{"f", "f", func(c *call) {
			c.wide("ema", c.out[0].Len(), 8, c.y(0), c.x(0), c.x(1), c.x(2), float32(1-k.Decay))
		}}
	}
	return nil
}

// places are where all inputs lie.
func (c *call) places() []uint64 {
	list := make([]uint64, len(c.in))
	for i := range list {
		list[i] = uint64(c.x(i))
	}
	return list
}

func (c *call) pathway(k ops.Pathway) {
	w, n := c.out[0], c.out[0].Len()
	switch k.Terms {
	case 0:
		c.wide(name("pathway_sum", w), n, 8, 0, c.y(0), c.x(0), driver.Pointer(0))
	case 1:
		c.wide(name("pathway", w), n, 8, c.y(0), c.x(0), c.x(1), c.x(2))
	default:
		c.wide(name("pathway_sum", w), n, 8, k.Terms, c.y(0), c.x(0), c.table(c.places()[1:]...))
	}
}

// piece is how many gradients a block sums the squares of.
const piece = 1 << 14

// gradNorm cuts all gradients into pieces and adds their sums in the pieces' order.
func (c *call) gradNorm() {
	var pieces []uint64 // where each begins and its length
	for i, t := range c.in {
		for lo := 0; lo < t.Len(); lo += piece {
			pieces = append(pieces, uint64(c.x(i))+uint64(lo*4), uint64(min(piece, t.Len()-lo)))
		}
	}
	n := len(pieces) / 2
	sums := c.scratch(n * 4)
	c.launch("grad_squares", grid{x: n, block: threads}, sums, c.table(pieces...))
	c.launch("grad_norm", grid{block: 1024}, n, c.y(0), sums)
}

func (c *call) adamW(k ops.AdamW) {
	c.wide("adamw", c.out[0].Len(), 4, c.y(0), c.y(1), c.y(2), c.x(0), c.x(1), c.x(2), c.x(3), c.x(4), c.x(5),
		float32(k.LRScale), float32(k.WeightDecay), float32(k.Beta1), float32(1-k.Beta1), float32(k.Beta2), float32(1-k.Beta2), float32(k.Eps))
}

// sgd multiplies gradients by the number at trust, where there is one.
func (c *call) sgd(k ops.SGD, trust driver.Pointer) {
	c.wide("sgd", c.out[0].Len(), 4, c.y(0), c.y(1), c.x(0), c.x(1), c.x(2), c.x(3), c.x(4), trust,
		float32(k.LRScale), float32(k.WeightDecay), float32(k.Momentum), flag(k.Nesterov))
}

// lars takes both norms before it updates.
func (c *call) lars(k ops.LARS) {
	step := ops.SGD{Momentum: k.Momentum, LRScale: k.LRScale}
	if !k.Adapts(c.in[0].Spec) {
		c.sgd(step, 0)
		return
	}
	step.WeightDecay = k.WeightDecay
	n := c.in[0].Len()
	blocks := min(ceil(n, 16*threads), 512)
	parts := c.scratch((2*blocks + 1) * 4)
	trust := parts + driver.Pointer(2*blocks*4)
	c.launch("lars_squares", grid{x: blocks, block: threads}, n, parts, c.x(0), c.x(1), c.x(4), float32(k.WeightDecay))
	c.launch("lars_trust", grid{block: 512}, blocks, trust, parts, float32(k.Trust))
	c.sgd(step, trust)
}
