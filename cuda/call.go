package cuda

import (
	"encoding/binary"
	"fmt"
	"math"

	"m2pt/cuda/driver"
	"m2pt/cuda/kernels"
	"m2pt/engine"
	"m2pt/ops"
)

// call is an operation about to be bound: its operands, and what is launched to compute
// it, one after another. The first error stays.
type call struct {
	*Device
	in, out []engine.Tensor
	runs    []driver.Run
	err     error
}

// x is where input i lies, y output i.
func (c *call) x(i int) driver.Pointer { return at(c.in[i]) }
func (c *call) y(i int) driver.Pointer { return at(c.out[i]) }

// name is a kernel over values kept like t: add_f32, add_bf16.
func name(kernel string, t engine.Tensor) string { return kernels.Name(kernel, t.Store) }

// grid are blocks of threads; shared is the dynamic shared memory of each, in bytes.
type grid struct{ x, y, z, block, shared int }

// launch binds one kernel call. Arguments are pointers, integers (for parameters of 32 or
// 64 bits) and float32 numbers.
func (c *call) launch(kernel string, g grid, args ...any) {
	if c.err != nil {
		return
	}
	l := driver.Launch{Kernel: kernel, Grid: [3]int{max(g.x, 1), max(g.y, 1), max(g.z, 1)}, Block: g.block, Shared: g.shared}
	for _, a := range args {
		l.Args = append(l.Args, cell(a))
	}
	run, err := c.drv.Launch(l)
	c.add(run, err)
}

// cell is the bits of a kernel's argument.
func cell(a any) uint64 {
	switch a := a.(type) {
	case driver.Pointer:
		return uint64(a)
	case int:
		return uint64(a)
	case uint64:
		return a
	case float32:
		return uint64(math.Float32bits(a))
	}
	panic(fmt.Sprintf("cuda: a %T is no kernel's argument", a)) // a mistake in a binding
}

func (c *call) add(run driver.Run, err error) {
	if err != nil {
		c.err = err
		return
	}
	c.runs = append(c.runs, run)
}

// threads of a block where nothing else decides.
const threads = 256

// each launches kernel(n, args...) with a thread for each of n elements, or several
// elements for a thread where there are very many: kernels loop over the grid. Nothing
// is launched for no elements.
func (c *call) each(kernel string, n int, args ...any) {
	if n > 0 {
		c.launch(kernel, grid{x: min(ceil(n, threads), maxBlocks), block: threads}, append([]any{n}, args...)...)
	}
}

// wide is each for kernels whose threads take several elements at once.
func (c *call) wide(kernel string, n, several int, args ...any) {
	if n > 0 {
		c.launch(kernel, grid{x: min(ceil(n, several*threads), maxBlocks), block: threads}, append([]any{n}, args...)...)
	}
}

// blocks launches kernel(width, args...) with a block for each of n rows.
func (c *call) blocks(kernel string, n, width int, args ...any) {
	c.launch(kernel, grid{x: n, block: block(ceil(width, 4), 1024)}, append([]any{width}, args...)...)
}

// block is a size of blocks for n threads each.
func block(n, most int) int { return min(ceil(max(n, 1), 32)*32, most) }

// maxBlocks is where a grid-stride loop is better than more blocks: the largest GPUs run
// about 2,000 blocks at once.
const maxBlocks = 1 << 14

func ceil(a, b int) int { return (a + b - 1) / b }

// product binds a matrix product.
func (c *call) product(p driver.Product) {
	if c.err == nil {
		c.add(c.drv.Product(p))
	}
}

// matrix is a tensor as an operand of a product.
func matrix(t engine.Tensor) driver.Matrix { return driver.Matrix{At: at(t), Store: t.Store} }

// scratch is memory that every kernel of the stream may use while it runs: n bytes.
func (c *call) scratch(n int) driver.Pointer {
	if c.err != nil {
		return 0
	}
	p, err := c.room.reserve(n)
	c.err = err
	return p
}

// table is memory that holds cells as long as the device lives.
func (c *call) table(cells ...uint64) driver.Pointer {
	if c.err != nil {
		return 0
	}
	p, err := c.drv.Alloc(8 * len(cells))
	if err != nil {
		c.err = fmt.Errorf("a table of %d cells: %w", len(cells), err)
		return 0
	}
	c.tables = append(c.tables, p)
	var data []byte
	for _, cell := range cells {
		data = binary.NativeEndian.AppendUint64(data, cell)
	}
	c.err = c.drv.Write(p, data)
	return p
}

// kernel is what runs the call.
func (c *call) kernel(k ops.Kind) engine.Kernel {
	runs := c.runs
	return func() error {
		for _, run := range runs {
			if err := run(); err != nil {
				return fmt.Errorf("%v on cuda: %w", k, err)
			}
		}
		return nil
	}
}

// scratch is memory shared by kernels that run one after another. Those bound before it
// grew keep the smaller block they were bound to.
type scratch struct {
	drv    driver.Driver
	size   int
	blocks []driver.Pointer // the last is of that size
}

func (s *scratch) reserve(n int) (driver.Pointer, error) {
	if n > s.size || len(s.blocks) == 0 {
		size := max(n, 2*s.size, 1<<16)
		p, err := s.drv.Alloc(size)
		if err != nil {
			return 0, fmt.Errorf("%d MiB of scratch memory: %w", size>>20, err)
		}
		s.size, s.blocks = size, append(s.blocks, p)
	}
	return s.blocks[len(s.blocks)-1], nil
}

func (s *scratch) free() {
	for _, p := range s.blocks {
		s.drv.Free(p)
	}
	*s = scratch{drv: s.drv}
}

// last is the size of the innermost dimension of a tensor, rows how often it occurs.
func last(t engine.Tensor) int { return t.Shape[len(t.Shape)-1] }
func rows(t engine.Tensor) int { return t.Len() / max(last(t), 1) }
