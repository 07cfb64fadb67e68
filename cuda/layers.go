package cuda

import (
	"m2pt/cuda/driver"
	"m2pt/cuda/kernels"
	"m2pt/engine"
	"m2pt/ops"
)

// layerOp is the op of what blocks are made of: products, residual connections, activations, layer scale.
func layerOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Linear:
		return &op{"aaf", "a", func(c *call) { c.linear(k) }}
	case ops.LinearGradX:
		return &op{"aa", "a", (*call).linearGradX}
	case ops.LinearGradW:
		return &op{"aa", "f", (*call).linearGradW}
	case ops.SumRows:
		return &op{"=", "f", (*call).sumRows}
	case ops.SplitBias:
		return &op{"ff", "f", func(c *call) { c.each("split_bias", c.in[0].Len(), c.y(0), c.x(0), c.x(1)) }}
	case ops.SplitBiasGrad:
		return &op{"f", "ff", func(c *call) { c.each("split_bias_grad", c.out[0].Len(), c.y(0), c.y(1), c.x(0)) }}
	case ops.Activation:
		return &op{"a", "a", func(c *call) { c.activation("", k.Fn, k.Slope, c.x(0)) }}
	case ops.ActivationGrad:
		return &op{"aa", "a", func(c *call) { c.activation("_grad", k.Fn, k.Slope, c.x(0), c.x(1)) }}
	case ops.LayerScale:
		return &op{"af", "a", (*call).layerScale}
	case ops.LayerScaleGrad:
		return &op{"afa", "af", (*call).layerScaleGrad}
	}
	return mapOp(k)
}

// mapOp is the op of what treats every element alike.
func mapOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Add:
		return &op{"==", "=", func(c *call) { c.map8("add", c.x(0), c.x(1)) }}
	case ops.Scale:
		return &op{"=f", "=", func(c *call) { c.map8("scale", c.x(0), c.x(1)) }}
	case ops.Dot:
		return &op{"ff", "f", (*call).dot}
	case ops.Reshape:
		return &op{"=", "=", (*call).copy}
	case ops.Accumulate: // adding is the engine's affair
		return &op{"f", "f", (*call).copy}
	case engine.Cast:
		return &op{"=", map[engine.Storage]string{engine.Full: "f", engine.BF16: "a"}[k.To], (*call).cast}
	}
	return nil
}

// map8 launches a kernel of output 0 whose threads take eight elements each.
func (c *call) map8(kernel string, args ...any) {
	if n := c.out[0].Len(); n > 0 {
		args = append([]any{n, c.y(0)}, args...)
		c.launch(name(kernel, c.out[0]), grid{x: min(ceil(n, 8*threads), maxBlocks), block: threads}, args...)
	}
}

func (c *call) activation(grad, fn string, slope float64, args ...any) {
	if fn == "gelu" {
		c.map8("gelu"+grad, args...)
	} else {
		c.map8("leaky_relu"+grad, append(args, float32(slope))...)
	}
}

// copy copies what is not there already.
func (c *call) copy() {
	if n := c.out[0].Bytes(); n > 0 && c.y(0) != c.x(0) {
		c.launch("copy_bytes", grid{x: min(ceil(n, 16*threads), maxBlocks), block: threads}, n, c.y(0), c.x(0))
	}
}

func (c *call) cast() {
	if c.in[0].Store == c.out[0].Store {
		c.copy()
	} else {
		c.map8("cast", c.x(0))
	}
}

func (c *call) dot() {
	n := c.in[0].Len()
	parts := max(min(ceil(n, 16*threads), 512), 1)
	partial := c.scratch(4 * parts)
	c.launch("dot", grid{x: parts, block: threads}, n, partial, c.x(0), c.x(1))
	c.sumParts(partial, parts, 1, c.y(0), 0)
}

// linear is y [M, N] = x [M, K]·Wᵀ + b.
func (c *call) linear(k ops.Linear) {
	p := driver.Product{M: rows(c.in[0]), N: last(c.out[0]), K: last(c.in[0]), TransB: true,
		A: matrix(c.in[0]), B: matrix(c.in[1]), C: matrix(c.out[0])}
	if k.Bias {
		p.Bias = c.x(2)
	}
	c.product(p)
}

// linearGradX is dx [M, K] = dy [M, N]·W.
func (c *call) linearGradX() {
	c.product(driver.Product{M: rows(c.in[0]), N: last(c.out[0]), K: last(c.in[0]),
		A: matrix(c.in[0]), B: matrix(c.in[1]), C: matrix(c.out[0])})
}

// linearGradW is dW [N, K] = dyᵀ·x.
func (c *call) linearGradW() {
	c.product(driver.Product{M: last(c.in[0]), N: last(c.in[1]), K: rows(c.in[0]), TransA: true,
		A: matrix(c.in[0]), B: matrix(c.in[1]), C: matrix(c.out[0])})
}

func (c *call) sumRows() {
	s := columnsOf(c.in[0])
	partial := c.scratch(4 * s.parts * s.width)
	c.columns("sum_rows", s, partial, c.x(0))
	c.sumParts(partial, s.parts, s.width, c.y(0), 0)
}

func (c *call) layerScale() {
	c.columns("layer_scale", columnsOf(c.in[0]), c.y(0), c.x(0), c.x(1))
}

func (c *call) layerScaleGrad() {
	s := columnsOf(c.in[0])
	partial := c.scratch(4 * s.parts * s.width)
	c.columns("layer_scale_grad", s, c.y(0), partial, c.x(0), c.x(1), c.x(2))
	c.sumParts(partial, s.parts, s.width, c.y(1), 0)
}

// columns says how blocks share a matrix [rows, width]: each has a tile of columns, as
// `lanes` vectors, of every parts-th group of rows.
type columns struct {
	rows, width         int
	lanes, tiles, parts int
	store               engine.Storage
}

// columnBlocks is how many blocks are enough where each has several rows for a thread:
// four for each processor of the largest GPUs.
const columnBlocks = 528

func columnsOf(t engine.Tensor) columns {
	s := columns{rows: rows(t), width: last(t), store: t.Store}
	vector := 16 * t.Len() / max(t.Bytes(), 1)
	if s.width%vector != 0 {
		vector = 1
	}
	s.lanes = 32
	for s.lanes > 1 && s.lanes/2*vector >= s.width {
		s.lanes /= 2
	}
	s.tiles = ceil(s.width, s.lanes*vector)
	enough := ceil(s.rows, 4*threads/s.lanes) // four rows for each thread
	s.parts = max(min(ceil(columnBlocks, s.tiles), enough), 1)
	return s
}

func (c *call) columns(kernel string, s columns, args ...any) {
	c.launch(kernels.Name(kernel, s.store), grid{x: s.tiles, y: s.parts, block: threads}, append([]any{s.lanes, s.rows, s.width}, args...)...)
}

// sumParts makes a, and b where there is one, of the sums of `width` columns for each.
func (c *call) sumParts(partial driver.Pointer, parts, width int, a, b driver.Pointer) {
	all := width
	if b != 0 {
		all *= 2
	}
	c.launch("sum_parts", grid{x: ceil(all, 32), block: 1024}, parts, all, width, a, b, partial)
}
