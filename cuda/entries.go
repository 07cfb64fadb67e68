package cuda

import (
	"m2pt/cuda/driver"
	"m2pt/engine"
	"m2pt/ops"
)

// entryOp is the op of what takes entries, or columns of weights, apart and pools them.
func entryOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Entries:
		return &op{"=", "=", func(c *call) { c.entries(k) }}
	case ops.EntriesGrad:
		return &op{"=", "=", func(c *call) { c.entriesGrad(k) }}
	case ops.Columns:
		return &op{"=", "=", func(c *call) { c.cut(0, c.out[0].Shape[0], k.From) }}
	case ops.ColumnsGrad:
		return &op{"=", "=", func(c *call) { c.pad(c.out[0].Shape[0], k.From, 0, driver.Pointer(0)) }}
	case ops.SumEach:
		return &op{"=", "=", (*call).sumEach}
	case ops.Pool:
		return &op{"=", "=", func(c *call) { c.pool(k) }}
	case ops.PoolGrad:
		return &op{"=", "=", func(c *call) { c.poolGrad(k) }}
	case ops.MaxPool:
		return &op{"=", "=f", func(c *call) { c.maxPool(k) }}
	case ops.MaxPoolGrad:
		return &op{"=f", "=", (*call).maxPoolGrad}
	}
	return nil
}

func (c *call) entries(k ops.Entries) {
	G, _, D := groups(c.in[0])
	c.cut(0, G, k.From*D)
}

func (c *call) entriesGrad(k ops.EntriesGrad) {
	G, _, D := groups(c.in[0])
	c.pad(G, k.From*D, 0, driver.Pointer(0))
}

// reduction is the grid of a kernel that reduces count rows of each group, D wide and kept
// like x, with some bytes of shared memory for each of their columns: eight rows for a warp
// at least, more warps where blocks are few.
func reduction(x engine.Tensor, groups, count, D, bytes int) grid {
	const few = 256
	blocks, most := groups*tiles(x, D), 8
	if blocks < few {
		most = 16
	}
	warps := min(ceil(count, 8), most)
	return grid{x: blocks, block: 32 * warps, shared: warps * 32 * wide(x) * bytes}
}

// sumEntries makes output i, scale times the sums of count entries from one on of the N of
// each group.
func (c *call) sumEntries(i, groups, N, from, count, D int, scale float32) {
	x, kernel := c.in[0], "sum_entries"
	if c.out[i].Store != x.Store {
		kernel = "sum_entries_full"
	}
	c.launch(name(kernel, x), reduction(x, groups, count, D, 4), N, from, count, D, c.y(i), c.x(0), scale)
}

func (c *call) sumEach() {
	G, M, D := groups(c.in[0])
	c.sumEntries(0, G, M, 0, M, D, 1)
}

func (c *call) pool(k ops.Pool) {
	G, N, D := groups(c.in[0])
	c.sumEntries(0, G, N, k.From, k.Count, D, 1/float32(k.Count))
}

func (c *call) poolGrad(k ops.PoolGrad) {
	dx := c.out[0]
	G, N, D := groups(dx)
	c.spread("spread_entries", dx, dx.Len(), G, N, k.Pool.From, k.Pool.Count, D, c.y(0), c.x(0), 1/float32(k.Pool.Count))
}

func (c *call) maxPool(k ops.MaxPool) {
	G, N, D := groups(c.in[0])
	x := c.in[0]
	c.launch(name("max_pool", x), reduction(x, G, k.Count, D, 8), N, k.From, k.Count, D, c.y(0), c.y(1), c.x(0))
}

func (c *call) maxPoolGrad() {
	dx := c.out[0]
	G, N, D := groups(dx)
	c.spread("max_pool_grad", dx, dx.Len(), G, N, D, c.y(0), c.x(0), c.x(1))
}
