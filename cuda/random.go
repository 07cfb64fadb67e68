package cuda

import (
	"math"

	"m2pt/internal/philox"
	"m2pt/ops"
)

// randomOp is the op of what is drawn.
func randomOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Uniform:
		return &op{"f", "f", func(c *call) {
			c.each("uniform_samples", c.out[0].Len(), c.y(0), c.x(0), philox.Key(k.Seed, k.Purpose))
		}}
	case ops.DropPath:
		return &op{"aaf", "a", func(c *call) {
			c.samples("drop_path", 8, c.y(0), c.x(0), c.x(1), c.x(2), keptFrom(k.Rate), float32(1/(1-k.Rate)))
		}}
	case ops.DropPathGrad:
		return &op{"af", "a", func(c *call) {
			c.samples("drop_path_grad", 8, c.y(0), c.x(0), c.x(1), keptFrom(k.Rate), float32(1/(1-k.Rate)))
		}}
	case ops.Dropout:
		return &op{"af", "a", func(c *call) { c.dropout(k) }}
	}
	return nil
}

// samples launches a kernel on output 0 [B, ...] whose threads take some elements of a
// sample at a time.
func (c *call) samples(kernel string, some int, args ...any) {
	B := c.out[0].Shape[0]
	n := c.out[0].Len() / B
	parts := max(min(ceil(n, some*threads), maxBlocks), 1)
	c.launch(name(kernel, c.out[0]), grid{x: B * parts, block: threads}, append([]any{parts, n}, args...)...)
}

// dropout leaves what ops.Mask keeps.
func (c *call) dropout(k ops.Dropout) {
	pitch := 0 // a table is every sample's
	if c.in[0].Shape[0] > 1 {
		pitch = c.in[0].Len() / c.in[0].Shape[0]
	}
	key, least := philox.Key(k.Seed, k.Purpose), int(math.Ceil(k.Rate*(1<<24)))
	c.samples("dropout", 4, pitch, c.y(0), c.x(0), c.x(1), key, least, float32(1/(1-k.Rate)))
}

// keptFrom is the smallest float32 number u for which ⌊1 - rate + u⌋ is 1 in float64, as the
// reference computes it.
func keptFrom(rate float64) float32 {
	keeps := func(u float32) bool { return 1-rate+float64(u) >= 1 }
	u := float32(rate)
	for !keeps(u) {
		u = math.Nextafter32(u, 2)
	}
	for below := math.Nextafter32(u, 0); keeps(below); below = math.Nextafter32(u, 0) {
		u = below
	}
	return u
}
