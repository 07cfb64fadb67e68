package cuda

import (
	"m2pt/cuda/driver"
	"m2pt/engine"
	"m2pt/ops"
)

// pointOp is the op of clouds of points. Coordinates are in full, features are activations.
func pointOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Group:
		return &op{"f", "f", (*call).group}
	case ops.Interpolate:
		return &op{"ffa", "af", (*call).interpolate}
	case ops.InterpolateGrad:
		return &op{"af", "a", func(c *call) { c.interpolateGrad(k) }}
	case ops.Chamfer:
		return &op{"f", "f", func(c *call) { c.chamfer(k) }}
	case ops.ChamferGrad:
		return &op{"f", "f", func(c *call) { c.chamferGrad(k) }}
	}
	return nil
}

func (c *call) group() {
	N, D, G, M := c.in[0].Shape[1], last(c.in[0]), c.out[0].Shape[1], c.out[0].Shape[2]
	c.launch("group", grid{x: rows(c.in[1]), block: block(M*D, threads)}, N, D, G, M, c.y(0), c.y(1), c.x(0), c.x(1))
}

// interpolate finds the nearest centres, then mixes their features.
func (c *call) interpolate() {
	N, G, D, K := c.in[0].Shape[1], c.in[1].Shape[1], last(c.in[2]), last(c.out[1])
	c.points("nearest", c.in[0].Shape[0], N, G, K, c.y(1), c.y(2), c.x(0), c.x(1))
	c.warps(name("interpolate", c.in[2]), rows(c.out[0]), N, G, D, K, c.y(0), c.x(2), c.y(1), c.y(2))
}

// interpolateGrad has a block for each centre and strip of columns.
func (c *call) interpolateGrad(k ops.InterpolateGrad) {
	N, D, K := c.in[0].Shape[1], last(c.in[0]), last(c.in[1])
	wide := D%vector(c.in[0]) == 0
	if wide {
		D /= vector(c.in[0])
	}
	size := max(block(D, threads), 64)
	c.launch(name("interpolate_grad", c.in[0]), grid{x: rows(c.out[0]), y: ceil(D, size), block: size},
		N, k.G, last(c.in[0]), K, flag(wide), c.y(0), c.x(0), c.x(1), c.x(2))
}

// vector is how many values of t are 16 bytes.
func vector(t engine.Tensor) int { return 16 * t.Len() / t.Bytes() }

// points launches kernel(n, args...) for clouds of n points, a thread for each point.
func (c *call) points(kernel string, clouds, n int, args ...any) {
	size := block(n, threads)
	c.launch(kernel, grid{x: clouds, y: ceil(n, size), block: size}, append([]any{n}, args...)...)
}

// chamfer finds the nearest of each side in the other; the terms of a sample lie side by
// side and are summed.
func (c *call) chamfer(k ops.Chamfer) {
	samples, clouds, sides := c.clouds(c.out[1], c.out[2])
	n := clouds * (sides[0] + sides[1])
	terms := c.scratch(samples * n * 4)
	at := terms
	for i, size := range sides {
		other := sides[1-i]
		c.points("chamfer", samples*clouds, size, other, clouds, n, at, c.y(1+i), c.x(i), c.x(1-i),
			1/float32(clouds*size), flag(k.L1))
		at += 4 * driver.Pointer(clouds*size)
	}
	c.sumSamples(n, terms, 1)
}

func (c *call) chamferGrad(k ops.ChamferGrad) {
	samples, clouds, sides := c.clouds(c.in[3], c.in[4])
	for i, size := range sides {
		other := sides[1-i]
		c.points("chamfer_grad", samples*clouds, size, other, clouds, c.y(i), c.x(i), c.x(1-i), c.x(2), c.x(3+i), c.x(4-i),
			1/float32(clouds*size), 1/float32(clouds*other), flag(k.L1))
	}
}

// clouds are the samples, the clouds of each, and the points of a predicted cloud and of a
// target, given the index of the nearest of each.
func (c *call) clouds(pred, target engine.Tensor) (samples, clouds int, sides [2]int) {
	samples = pred.Shape[0]
	return samples, rows(pred) / samples, [2]int{last(pred), last(target)}
}
