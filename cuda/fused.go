package cuda

import (
	"slices"

	"m2pt/engine"
	"m2pt/ops"
)

// Fuses reports whether there is a kernel for f. A residual sum is normalised in the pass
// that makes it, and the gradient of a norm is added to the residual's in the pass that makes
// that. Each saves reading and writing a tensor.
func (d *Device) Fuses(f engine.Fused) bool {
	switch {
	case f.Is("add", "layer_norm"), f.Is("drop_path", "layer_norm"):
		return f.From[0] == -1 && f.From[1] >= 0 && f.From[2] >= 0
	case f.Is("layer_norm.grad", "add"):
		return slices.Equal(f.Keep, []bool{false, true, true}) && min(f.From[0], f.From[1]) == -1 && max(f.From[0], f.From[1]) >= f.Inputs
	}
	return false
}

// fusedOp is the op of what Fuses allows. How operands are kept follows from the two kinds.
func fusedOp(k ops.Kind) *op {
	f, ok := k.(engine.Fused)
	if !ok {
		return nil
	}
	if norm, ok := f.Second.(ops.LayerNorm); ok {
		return &op{bind: func(c *call) { c.addLayerNorm(f, norm) }}
	}
	return &op{bind: func(c *call) { c.layerNormGrad(c.y(2), c.y(0), c.y(1), c.x(max(f.From[0], f.From[1]))) }}
}

// addLayerNorm is LayerNorm(x + r), r dropped for some samples where First is drop path; the
// sum is the first output where others read it.
func (c *call) addLayerNorm(f engine.Fused, k ops.LayerNorm) {
	n := norm{x: c.x(0), plus: c.x(1), gamma: c.x(f.From[1]), beta: c.x(f.From[2]), eps: float32(k.Eps)}
	if drop, ok := f.First.(ops.DropPath); ok {
		n.u, n.least, n.scale = c.x(2), keptFrom(drop.Rate), float32(1/(1-drop.Rate))
	}
	i := len(c.out) - 3
	n.y, n.mean, n.rstd = c.y(i), c.y(i+1), c.y(i+2)
	if i > 0 {
		n.sum = c.y(0)
	}
	c.layerNorm(n)
}
