package cuda

import (
	"fmt"
	"math"

	"m2pt/cuda/driver"
	"m2pt/engine"
	"m2pt/ops"
)

// attentionOp is the op of attention and softmax.
func attentionOp(k ops.Kind) *op {
	switch k := k.(type) {
	case ops.Attention:
		return &op{"a", "af", func(c *call) { c.attention(k) }}
	case ops.AttentionGrad:
		return &op{"aafa", "a", func(c *call) { c.attentionGrad(k) }}
	case ops.CosineQK:
		return &op{"af", "a", func(c *call) { c.cosineQK(k) }}
	case ops.CosineQKGrad:
		return &op{"afa", "af", func(c *call) { c.cosineQKGrad(k) }}
	case ops.WindowAttention:
		return &op{"aa", "a", func(c *call) { c.windowAttention(k) }}
	case ops.WindowAttentionGrad:
		return &op{"aaa", "aa", func(c *call) { c.windowAttentionGrad(k) }}
	case ops.Softmax:
		return &op{"=", "=", func(c *call) { c.softmax("softmax", k.Log, c.x(0)) }}
	case ops.SoftmaxGrad:
		return &op{"==", "=", func(c *call) { c.softmax("softmax_grad", k.Log, c.x(0), c.x(1)) }}
	}
	return nil
}

// heads are the sizes of attention of packed qkv [B, N, 3D].
type heads struct {
	B, N, H, width int // width is D/H
	scale          float32
}

func newHeads(qkv engine.Tensor, H int) heads {
	width := qkv.Shape[2] / 3 / H
	return heads{qkv.Shape[0], qkv.Shape[1], H, width, float32(1 / math.Sqrt(float64(width)))}
}

// tiled is a grid for the general kernels, each block of which makes 64 rows and 128
// columns of a head.
func (a heads) tiled() grid {
	return grid{x: a.B * a.H * ceil(a.N, 64) * ceil(a.width, 128), block: 256}
}

// onTensorCores tells whether the kernels for bf16 have a's head size.
func (a heads) onTensorCores(store engine.Storage) bool {
	return store == engine.BF16 && a.width%16 == 0 && 32 <= a.width && a.width <= 128
}

// mma is the grid of a kernel on tensor cores and its name: each block has 4 warps that own
// 32 rows of a head, or 16 where it is wide. Shared memory holds 4 tiles of 64 rows, and of
// the own rows `kept` tiles and numbers.
func (a heads) mma(kernel string, kept int) (string, grid) {
	own, row := 64, 2*(a.width+8)
	if a.width <= 64 {
		own = 128
	}
	shared := (4*64+kept*own)*row + kept*512
	return fmt.Sprintf("attention_mma%s_%d", kernel, a.width), grid{x: a.B * a.H * ceil(a.N, own), block: 128, shared: shared}
}

func (c *call) attention(k ops.Attention) {
	a := newHeads(c.in[0], k.Heads)
	if !a.onTensorCores(c.in[0].Store) {
		c.launch(name("attention", c.in[0]), a.tiled(), a.N, a.H, a.width, a.scale, c.y(0), c.y(1), c.x(0))
		return
	}
	kernel, g := a.mma("", 0)
	c.launch(kernel, g, a.N, a.H, a.scale, c.y(0), c.y(1), c.x(0))
}

func (c *call) attentionGrad(k ops.AttentionGrad) {
	a := newHeads(c.in[0], k.Heads)
	qkv, o, lse, do, dqkv := c.x(0), c.x(1), c.x(2), c.x(3), c.y(0)
	delta := c.scratch(4 * a.B * a.H * a.N)
	if !a.onTensorCores(c.in[0].Store) {
		c.warps(name("attention_delta", c.in[0]), a.B*a.H*a.N, a.N, a.H, a.width, delta, o, do)
		c.launch(name("attention_dq", c.in[0]), a.tiled(), a.N, a.H, a.width, a.scale, dqkv, qkv, lse, delta, do)
		c.launch(name("attention_dkdv", c.in[0]), a.tiled(), a.N, a.H, a.width, a.scale, dqkv, qkv, lse, delta, do)
		return
	}
	kernel, g := a.mma("_dq", 0)
	c.launch(kernel, g, a.N, a.H, a.scale, dqkv, delta, qkv, o, lse, do)
	kernel, g = a.mma("_dkdv", 2)
	c.launch(kernel, g, a.N, a.H, a.scale, dqkv, qkv, lse, delta, do)
}

// warps launches kernel(n, args...) with a warp for each of n rows, or for several.
func (c *call) warps(kernel string, n int, args ...any) {
	if n > 0 {
		c.launch(kernel, grid{x: min(ceil(n, threads/32), maxBlocks), block: threads}, append([]any{n}, args...)...)
	}
}

func (c *call) softmax(kernel string, logarithm bool, x ...any) {
	args := append([]any{last(c.in[0]), flag(logarithm), c.y(0)}, x...)
	c.warps(name(kernel, c.in[0]), rows(c.in[0]), args...)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *call) cosineQK(k ops.CosineQK) {
	a := newHeads(c.in[0], k.Heads)
	c.warps(name("cosine_qk", c.in[0]), a.B*a.N*3*a.H, a.H, a.width, flag(k.Tau), c.y(0), c.x(0), c.x(1))
}

// cosineQKGrad keeps what the queries' scale pulls at along them, to be summed by head.
func (c *call) cosineQKGrad(k ops.CosineQKGrad) {
	a := newHeads(c.in[0], k.Heads)
	tokens := a.B * a.N
	along := c.scratch(4 * a.H * tokens)
	c.warps(name("cosine_qk_grad", c.in[0]), tokens*3*a.H, tokens, a.H, a.width, flag(k.Tau), c.y(0), along, c.x(0), c.x(1), c.x(2))
	c.launch(name("cosine_scale_grad", c.in[0]), grid{x: a.H, block: threads}, tokens, a.width, flag(k.Tau), c.y(1), along, c.x(1))
}

// windows are the sizes of attention within windows, as its kernels want them.
type windows struct {
	heads
	ops.Windows
}

// windowed launches a kernel with n threads for each of some samples.
func (c *call) windowed(kernel string, w windows, samples, n int, args ...any) {
	args = append([]any{w.B, w.H, w.width, w.Grid[0], w.Grid[1], w.Size[0], w.Size[1], w.Shift}, args...)
	c.launch(name(kernel, c.in[0]), grid{x: min(ceil(n, threads), maxBlocks), y: min(samples, 1<<15), block: threads}, args...)
}

// weights are the elements of p [B, heads, windows, n, n].
func (w windows) weights() int { return w.B * w.H * w.N * w.Len() }

// pieces are the threads for the rows of n tensors like o of a sample: each takes 8 columns
// of a head where they divide its width.
func (w windows) pieces(n int) int {
	n *= w.N * w.H * w.width
	if w.width%8 == 0 {
		return n / 8
	}
	return n
}

// probabilities makes p, a warp for each query.
func (c *call) probabilities(w windows, p driver.Pointer) {
	c.windowed("window_weights", w, w.B, 32*w.H*w.N, c.in[1].Shape[0], w.scale, p, c.x(0), c.x(1))
}

func (c *call) windowAttention(k ops.WindowAttention) {
	w := windows{newHeads(c.in[0], k.Heads), k.Windows}
	p := c.scratch(4 * w.weights())
	c.probabilities(w, p)
	c.windowed("window_output", w, w.B, w.pieces(1), c.y(0), p, c.x(0))
}

func (c *call) windowAttentionGrad(k ops.WindowAttentionGrad) {
	w := windows{newHeads(c.in[0], k.Heads), k.Windows}
	p := c.scratch(8 * w.weights())
	ds := p + driver.Pointer(4*w.weights())
	qkv, do, tables := c.x(0), c.x(2), c.in[1].Shape[0]
	c.probabilities(w, p)
	c.windowed("window_ds", w, w.B, 32*w.H*w.N, ds, p, qkv, do)
	c.windowed("window_dqkv", w, w.B, w.pieces(3), w.scale, c.y(0), p, ds, qkv, do)
	c.windowed("window_dbias", w, tables, 32*w.Len()*w.Len()*w.H, tables, c.y(1), ds)
}
