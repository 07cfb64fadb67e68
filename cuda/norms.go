package cuda

import (
	"fmt"

	"m2pt/cuda/driver"
	"m2pt/engine"
	"m2pt/ops"
)

// normOp is the op of normalisation, softmax excepted.
func normOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.LayerNorm:
		return &op{"aff", "aff", func(c *call) {
			c.layerNorm(norm{x: c.x(0), gamma: c.x(1), beta: c.x(2), y: c.y(0), mean: c.y(1), rstd: c.y(2), eps: float32(k.Eps)})
		}}
	case ops.LayerNormGrad:
		return &op{"afffa", "aff", func(c *call) { c.layerNormGrad(c.y(0), c.y(1), c.y(2), 0) }}
	case ops.BatchNorm:
		return &op{"a", "a", func(c *call) { c.batchNorm(k) }}
	case ops.BatchNormGrad:
		in := "afffa"
		if k.Plain {
			in = "affa"
		}
		return &op{in, "a", func(c *call) { c.batchNormGrad(k) }}
	}
	return nil
}

// inRegisters tells whether the kernels that read a row once do for its width.
func inRegisters(width int) bool { return width%8 == 0 && width <= 1024 }

// inWidth is the kernel among these that fits a width.
func inWidth(kernel string, width int) string {
	return fmt.Sprintf("%s_%d", kernel, ceil(width, 256)*256)
}

// norm are the operands of a layer norm. Where there is plus, the sum x + plus is what is
// normalised, and kept where there is room for it; with u, that of drop path.
type norm struct {
	x, plus, u, gamma, beta driver.Pointer
	y, mean, rstd, sum      driver.Pointer
	least, scale            float32 // a sample's plus counts, scaled, where its u is at least that
	eps                     float32
}

func (c *call) layerNorm(n norm) {
	M, D := rows(c.in[0]), last(c.in[0])
	if inRegisters(D) { // several narrow rows at once
		warps := ceil(M, 4/ceil(D, 256))
		c.launch(name(inWidth("layer_norm", D), c.in[0]), grid{x: min(ceil(warps, threads/32), maxBlocks), block: threads},
			M, D, n.y, n.mean, n.rstd, n.sum, n.x, n.plus, n.u, n.least, n.scale, M/c.in[0].Shape[0], n.gamma, n.beta, n.eps)
		return
	}
	if n.plus != 0 {
		if n.sum == 0 {
			n.sum = c.scratch(c.in[0].Bytes())
		}
		if n.u != 0 {
			c.samples("drop_path", 8, n.sum, n.x, n.plus, n.u, n.least, n.scale)
		} else {
			c.wide(name("add", c.in[0]), M*D, 8, n.sum, n.x, n.plus)
		}
		n.x = n.sum
	}
	c.launch(name("layer_norm_wide", c.in[0]), grid{x: min(ceil(M, threads/32), maxBlocks), block: threads},
		M, D, n.y, n.mean, n.rstd, n.x, n.gamma, n.beta, n.eps)
}

// layerNormGrad makes the gradients of input 0 to 4, a layer norm's, and adds plus to dx where
// there is plus.
func (c *call) layerNormGrad(dx, dgamma, dbeta, plus driver.Pointer) {
	x, gamma, mean, rstd, dy := c.x(0), c.x(1), c.x(2), c.x(3), c.x(4)
	M, D := rows(c.in[0]), last(c.in[0])
	if inRegisters(D) {
		parts := max(min(ceil(M, 4), layerNormBlocks(c.in[0].Store, ceil(D, 256))), 1)
		partial := c.scratch(4 * 2 * D * parts)
		c.launch(name(inWidth("layer_norm_grad", D), c.in[0]), grid{x: parts, block: 128}, M, D, dx, partial, x, gamma, mean, rstd, dy, plus)
		c.sumParts(partial, parts, D, dgamma, dbeta)
		return
	}
	s := columnsOf(c.in[0])
	partial := c.scratch(4 * 2 * D * s.parts)
	c.columns("layer_norm_sums", s, partial, x, mean, rstd, dy)
	c.sumParts(partial, s.parts, D, dgamma, dbeta)
	alone := dx
	if plus != 0 {
		alone = c.scratch(c.in[0].Bytes())
	}
	c.launch(name("layer_norm_dx", c.in[0]), grid{x: min(ceil(M, threads/32), maxBlocks), block: threads},
		M, D, alone, x, gamma, mean, rstd, dy)
	if plus != 0 {
		c.wide(name("add", c.in[0]), M*D, 8, dx, alone, plus)
	}
}

// layerNormBlocks is how many blocks of layer_norm_grad run at once on the largest GPUs,
// 132 processors, for a width of up to 256·n: as many on each as their registers allow.
func layerNormBlocks(s engine.Storage, n int) int {
	if s == engine.BF16 {
		return 132 * [...]int{6, 4, 3, 2}[n-1]
	}
	return 132 * [...]int{5, 3, 2, 2}[n-1]
}

// batchNorm sums, in training, the values of each column and their squares about the mean.
func (c *call) batchNorm(k ops.BatchNorm) {
	s, n := columnsOf(c.in[0]), len(c.in)
	var sum, squares, gamma, beta driver.Pointer
	if k.Train {
		K := driver.Pointer(s.width)
		sum = c.scratch(4 * (2 + s.parts) * s.width)
		squares = sum + 4*K
		partial := squares + 4*K
		c.columns("sum_rows", s, partial, c.x(0))
		c.sumParts(partial, s.parts, s.width, sum, 0)
		c.columns("batch_norm_squares", s, partial, c.x(0), sum)
		c.sumParts(partial, s.parts, s.width, squares, 0)
	}
	c.launch("batch_norm_stats", grid{x: 1, block: 1024}, s.width, c.y(1), c.y(2), c.y(3), c.y(4), c.x(n-2), c.x(n-1),
		sum, squares, float32(s.rows), float32(k.Momentum), float32(k.Eps))
	if !k.Plain {
		gamma, beta = c.x(1), c.x(2)
	}
	c.columns("batch_norm", s, c.y(0), c.x(0), c.y(1), c.y(2), gamma, beta)
}

func (c *call) batchNormGrad(k ops.BatchNormGrad) {
	s, n := columnsOf(c.in[0]), len(c.in)
	x, mean, rstd, dy := c.x(0), c.x(n-3), c.x(n-2), c.x(n-1)
	K := driver.Pointer(s.width)
	dgamma := c.scratch(4 * (2 + 2*s.parts) * s.width)
	dbeta := dgamma + 4*K
	partial := dbeta + 4*K
	var gamma driver.Pointer
	if !k.Plain {
		gamma, dgamma, dbeta = c.x(1), c.y(1), c.y(2)
	}
	if k.Train || !k.Plain {
		c.columns("batch_norm_sums", s, partial, x, mean, rstd, dy)
		c.sumParts(partial, s.parts, s.width, dgamma, dbeta)
	}
	if !k.Train {
		dgamma, dbeta = 0, 0
	}
	c.columns("batch_norm_grad", s, c.y(0), x, gamma, mean, rstd, dy, dgamma, dbeta)
}
