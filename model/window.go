package model

import (
	"fmt"
	"math"

	"m2pt/nn"
	"m2pt/ops"
)

// Constants of AudioMAE's decoder: every other block moves its windows by so many rows
// of time; width and dropout of the network that makes biases of offsets.
const (
	windowShift   = 2
	offsetHidden  = 384
	offsetDropout = 0.1
)

// DecoderRestoreFeed is the feed [B, N′] int32 of a decoder with windows: which of the
// tokens that DecoderIndexFeed names belongs at each of its places (see
// [MAE.Restore]).
const DecoderRestoreFeed = "decoder_restore"

// MaskedFeed is the feed [B, M] int32 of the patches to be told.
const MaskedFeed = "masked"

// padded is the grid, in rows of time, that whole windows cover.
func (m MAE) padded(grid [3]int) [2]int {
	return [2]int{(grid[1] + m.Window - 1) / m.Window * m.Window, grid[2]}
}

func (m MAE) checkWindow(grid [3]int) error {
	switch n := m.ViT.Keep - m.ViT.Tokens(0) + m.Masked; {
	case m.Window == 0:
		return nil
	case m.Window < 0 || grid[0] != 1 || m.Decoder.PosEmbed == "mlp" || grid[2]%m.Window != 0:
		return fmt.Errorf("mae: windows of %d columns over a grid of %v, positions %q: want a picture's, whose columns they divide", m.Window, grid, m.Decoder.PosEmbed)
	case n != Count(grid):
		return fmt.Errorf("mae: windows over %d tokens of a grid of %v: want all of them", n, grid)
	}
	return nil
}

// Places is N′, how many places a decoder with windows has for a grid of tokens: rows
// are added until windows cover it. It is 0 without windows.
func (m MAE) Places(grid [3]int) int {
	if m.Window == 0 {
		return 0
	}
	p := m.padded(grid)
	return p[0] * p[1]
}

// Restore fills a sample's row [N′] of DecoderRestoreFeed from its row of
// DecoderIndexFeed: tokens in the order of the grid, without the class token, the last
// row again in added ones.
func (m MAE) Restore(row, index []int32, grid [3]int) {
	class := m.ViT.Tokens(0)
	for i, token := range index[class:] {
		row[int(token)-class] = int32(class + i)
	}
	for i := Count(grid); i < len(row); i++ {
		row[i] = row[i-grid[2]]
	}
}

// decodeWindows is decode in windows.
func (m MAE) decodeWindows(s nn.Scope, grid [3]int, y *ops.Node, trace Trace) *ops.Node {
	index := func(name string, n int) *ops.Node {
		return s.Graph.Declare(name, ops.Spec{Shape: []int{s.Batch, n}, Dtype: ops.Int32}, ops.PerBatch)
	}
	y = s.Gather(y, index(DecoderRestoreFeed, m.Places(grid)))
	offsets := m.offsets(s)
	for i, rate := range DropPathRates(m.Decoder.DropPath, m.Decoder.Depth) {
		w := ops.Windows{Grid: m.padded(grid), Size: [2]int{m.Window, m.Window}, Shift: i % 2 * windowShift}
		y = s.In(fmt.Sprintf("decoder_blocks.%d", i), func(s nn.Scope) *ops.Node {
			return windowBlock{block{m.Decoder, i, rate}, w, offsets}.forward(s, y)
		})
		trace(fmt.Sprintf("decoder_block%d", i), y)
	}
	return s.Gather(y, index(MaskedFeed, m.Masked))
}

// offsets [1, n·n, 2] of the pairs of places in a window, query and key: with Δ = query
// - key in rows, then in columns, sign(Δ)·ln(1 + |Δ|).
func (m MAE) offsets(s nn.Scope) *ops.Node {
	n := m.Window * m.Window
	var values []float32
	for e := range n * n {
		query, key := e/n, e%n
		values = append(values, logOffset(query/m.Window-key/m.Window), logOffset(query%m.Window-key%m.Window))
	}
	return s.Declare(nn.Param{Name: "decoder_offsets", Shape: []int{1, n * n, 2}, Init: nn.Values(values), Fixed: true, Derived: true})
}

func logOffset(d int) float32 {
	x := float64(d)
	return float32(math.Copysign(math.Log1p(math.Abs(x)), x))
}

// windowBlock is a block of AudioMAE's decoder, which is Swin V2's (Liu et al., CVPR
// 2022): attention within windows, normalisation behind each branch.
//
//	x ← x + DropPath(LN₁(proj(WindowAttention(cosine(qkv x), bias))))
//	x ← x + DropPath(LN₂(fc2(GELU(fc1 x))))
//
// Scores are cosines over τ, one learned number per head; the bias of two places is what
// a network meta_mlp makes of how far they lie apart.
type windowBlock struct {
	block
	windows ops.Windows
	offsets *ops.Node
}

func (b windowBlock) forward(s nn.Scope, x *ops.Node) *ops.Node {
	x = s.DropPath("attn", x, s.LayerNorm("norm1", b.attention(s, x), b.Dim, b.Eps), b.dropPath)
	return s.DropPath("mlp", x, s.LayerNorm("norm2", b.mlp(s, x), b.Dim, b.Eps), b.dropPath)
}

func (b windowBlock) attention(s nn.Scope, x *ops.Node) *ops.Node {
	return s.In("attn", func(s nn.Scope) *ops.Node {
		tau := s.Param("tau", nn.Ones, b.Heads)
		x = s.CosineTau(b.linear(s, "qkv", x, b.Dim, 3*b.Dim, b.QKVBias), tau, b.Heads)
		x = s.WindowAttention(x, b.bias(s), b.Heads, b.windows)
		return b.linear(s, "proj", x, b.Dim, b.Dim, "full")
	})
}

// bias is one table [1, n·n, H], in training another for every sample: its dropout goes
// by samples, as everything random does.
func (b windowBlock) bias(s nn.Scope) *ops.Node {
	return s.In("meta_mlp", func(s nn.Scope) *ops.Node {
		x := s.ReLU(s.Linear("fc1", b.offsets, 2, offsetHidden, nn.Xavier(2, offsetHidden)))
		x = s.Linear("fc2", s.Dropout("fc1", x, offsetDropout), offsetHidden, b.Heads, nn.Xavier(offsetHidden, b.Heads))
		return s.Dropout("fc2", x, offsetDropout)
	})
}
