package cuda

import (
	"m2pt/engine"
	"m2pt/ops"
)

// tokenOp is the op of what moves tokens and adds to them. Learned tokens and tables are
// parameters, and their gradients: kept in full.
func tokenOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Prepend:
		return &op{"=f", "=", (*call).prepend}
	case ops.PrependGrad:
		return &op{"=", "==", (*call).prependGrad}
	case ops.AppendMask:
		return &op{"=f", "=", (*call).appendMask}
	case ops.AppendMaskGrad:
		return &op{"=", "=f", (*call).appendMaskGrad}
	case ops.SumBatch:
		return &op{"=", "f", (*call).sumBatch}
	case ops.AddPos:
		return &op{"=f", "=", (*call).addPos}
	case ops.AddEach:
		return &op{"==", "=", (*call).addEach}
	case ops.Gather:
		return &op{"=f", "=", (*call).gather}
	case ops.Scatter:
		if k.Shared {
			return &op{"=f", "f", (*call).scatterShared}
		}
		return &op{"=f", "=", (*call).scatter}
	}
	return nil
}

// spread launches a kernel over n elements kept like t with a thread for every 16 bytes of
// them. The kernel is told its own way.
func (c *call) spread(kernel string, t engine.Tensor, n int, args ...any) {
	c.launch(name(kernel, t), grid{x: blocks(t, n), block: threads}, args...)
}

func blocks(t engine.Tensor, n int) int { return min(ceil(n, threads*wide(t)), maxBlocks) }

// wide is how many values kept like t 16 bytes hold.
func wide(t engine.Tensor) int {
	if t.Store == engine.BF16 {
		return 8
	}
	return 4
}

// tiles are what a warp has of rows D wide that are kept like t.
func tiles(t engine.Tensor, D int) int { return ceil(D, 32*wide(t)) }

// groups are a tensor [..., N, D] taken apart: how many groups, the N entries of each,
// their width D.
func groups(t engine.Tensor) (groups, N, D int) {
	N, D = t.Shape[len(t.Shape)-2], last(t)
	return t.Len() / (N * D), N, D
}

// cut makes output i of columns from one on of input 0's rows, which are as many as the
// output has.
func (c *call) cut(i, rows, from int) {
	y := c.out[i]
	c.spread("cut", y, y.Len(), rows, y.Len()/rows, c.in[0].Len()/rows, from, c.y(i), c.x(0))
}

// pad makes rows of the output of those of input 0 from column from on; fill is input 1, D
// wide, or nothing for zeros.
func (c *call) pad(rows, from, D int, fill any) {
	x, y := c.in[0], c.out[0]
	c.spread("pad", y, y.Len(), rows, x.Len()/rows, y.Len()/rows, from, D, c.y(0), c.x(0), fill)
}

func (c *call) prepend() {
	D := last(c.in[0])
	c.pad(c.in[0].Shape[0], D, D, c.x(1))
}

func (c *call) prependGrad() {
	B := c.in[0].Shape[0]
	c.cut(0, B, last(c.in[0]))
	c.cut(1, B, 0)
}

func (c *call) appendMask() { c.pad(c.in[0].Shape[0], 0, last(c.in[0]), c.x(1)) }

func (c *call) appendMaskGrad() {
	B, N, D := groups(c.in[0])
	V := c.out[0].Shape[1]
	c.cut(0, B, 0)
	c.sumEntries(1, B, N, V, N-V, D, 1)
}

// sumBatch takes the batch for one group whose entries are samples.
func (c *call) sumBatch() {
	B := c.in[0].Shape[0]
	c.sumEntries(0, 1, B, 0, B, c.out[0].Len(), 1)
}

// addPos has enough rows of blocks to fill a GPU; more would read the table more often.
func (c *call) addPos() {
	const enough = 2048
	y, n := c.out[0], c.in[1].Len()
	rows, x := y.Len()/n, blocks(y, n)
	g := grid{x: x, y: min(rows, ceil(enough, x)), block: threads}
	c.launch(name("add_pos", y), g, rows, n, c.y(0), c.x(0), c.x(1))
}

func (c *call) addEach() {
	G, M, D := groups(c.in[0])
	c.spread("add_each", c.out[0], c.out[0].Len(), G*M, M, D, c.y(0), c.x(0), c.x(1))
}

func (c *call) gather() {
	x, y, rows := c.in[0], c.out[0], c.in[1].Len()
	c.spread("gather", y, y.Len(), rows, rows/x.Shape[0], x.Shape[1], y.Len()/rows, c.y(0), c.x(0), c.x(1))
}

// scatter has a warp for a tile of each token.
func (c *call) scatter() {
	B, M, N := c.in[1].Shape[0], c.in[1].Shape[1], c.out[0].Shape[1]
	D := c.in[0].Len() / (B * M)
	g := grid{x: min(ceil(B*N*tiles(c.in[0], D), threads/32), maxBlocks), block: threads}
	c.launch(name("scatter", c.in[0]), g, B, M, N, D, c.y(0), c.x(0), c.x(1))
}

// scatterShared has a block for a tile of each token of the table.
func (c *call) scatterShared() {
	M, N := c.in[1].Len(), c.out[0].Shape[1]
	D := c.in[0].Len() / M
	c.launch(name("scatter_shared", c.in[0]), reduction(c.in[0], N, M, D, 4), M, N, D, c.y(0), c.x(0), c.x(1))
}
