package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"m2pt/nn"
	"m2pt/ops"
)

// MAE is a masked autoencoder (MAE, AudioMAE, Point-MAE, VideoMAE): the ViT sees
// some of the N tokens, V with the class token, and a smaller network tells from what
// it made of them what M of the others show.
//
//	z = LN(ViT(visible))                     [B, V, D]
//	y = [W·z; mask; mask; ...] + pos         [B, V+M, D′]
//	pred = U·LN(blocks(y))                   [B, M, P], of the last M
//
// Attention does not know the order of tokens: y begins with the visible ones, and
// pos is gathered in the same order. Positions "mlp" are added ahead of every block,
// as in the ViT; those of a table once. Parameters of the decoder: mask_token,
// decoder_embed, decoder_pos_embed, decoder_blocks, decoder_norm, decoder_pred.
//
// With Window the decoder is AudioMAE's: its blocks attend within windows of the grid,
// so its tokens, without the class token, are put in the grid's order first, and all
// tokens must be visible or masked.
type MAE struct {
	ViT     ViT    // Keep is V
	Decoder ViT    // of width D′, with fixed positions or "mlp"
	Embed   string // W: "full", "none" (no bias), or "" for the identity, where D′ is D
	Window  int    // rows and columns of the decoder's windows; 0 is without
	// TokenizerInit lets the tokenizer's layers start as those of the blocks do, as in
	// all but VideoMAE.
	TokenizerInit bool
	Masked        int // M
	Out           int // P
}

// DecoderIndexFeed is the feed [B, V+M] int32 of the tokens that the decoder sees, by
// their place among all: the visible ones as in TokenIndexFeed, then the masked.
const DecoderIndexFeed = "decoder_index"

// Forward makes z and pred of a batch x. trace, which may be nil, is also shown the
// decoder's tokens: "decoder_block0", ...
func (m MAE) Forward(s nn.Scope, t Tokenizer, x *ops.Node, trace Trace) (z, pred *ops.Node) {
	if err := m.check(t.Grid()); err != nil {
		s.Fail("%w", err)
		return nil, nil
	}
	mask := s.Param("mask_token", nn.Normal(.02), 1, 1, m.Decoder.Dim)
	blocks := m.ViT.Forward(s, t, x, trace)
	if s.Err() != nil {
		return nil, nil
	}
	if trace == nil {
		trace = func(string, *ops.Node) {}
	}
	if m.TokenizerInit {
		m.restart(s)
	}
	z = s.LayerNorm("norm", blocks[len(blocks)-1], m.ViT.Dim, m.ViT.Eps)
	y := s.AppendMask(m.embed(s, z), mask, m.Masked)
	y, pos := m.locate(s, t, x, y)
	if m.Window > 0 {
		y = m.decodeWindows(s, t.Grid(), y, trace)
	} else {
		y = m.decode(s, y, pos, trace)
	}
	dim := m.Decoder.Dim
	y = s.LayerNorm("decoder_norm", y, dim, m.Decoder.Eps)
	if pos != nil { // Point-MAE's starts as PyTorch's layers do
		return z, s.Dense("decoder_pred", y, dim, m.Out)
	}
	return z, s.Linear("decoder_pred", y, dim, m.Out, nn.Xavier(dim, m.Out))
}

// decode is the decoder's blocks: what they make of the tokens to be told, [B, M, D′].
func (m MAE) decode(s nn.Scope, y, pos *ops.Node, trace Trace) *ops.Node {
	for i, rate := range DropPathRates(m.Decoder.DropPath, m.Decoder.Depth) {
		y = s.In(fmt.Sprintf("decoder_blocks.%d", i), func(s nn.Scope) *ops.Node {
			if pos != nil {
				y = s.Add(y, pos)
			}
			return block{m.Decoder, i, rate}.forward(s, y)
		})
		trace(fmt.Sprintf("decoder_block%d", i), y)
	}
	return s.Entries(y, m.ViT.Keep, m.Masked)
}

// restart is TokenizerInit. Points have no biases to start with; in pictures they are
// left alone, as those of MAE's convolution.
func (m MAE) restart(s nn.Scope) {
	for _, p := range s.Registry().Params() {
		switch part, _, inside := strings.Cut(p.Name, "."); {
		case !inside || !slices.Contains([]string{"patch_embed", "encoder", "pos_embed"}, part):
		case len(p.Shape) > 1:
			s.Registry().Restart(p.Name, m.ViT.weightInit(p.Len()/p.Shape[0], p.Shape[0]))
		case strings.HasSuffix(p.Name, ".bias") && m.ViT.PosEmbed == "mlp":
			s.Registry().Restart(p.Name, nn.Zeros)
		}
	}
}

func (m MAE) check(grid [3]int) error {
	d := m.Decoder
	switch {
	case m.ViT.Keep <= 0 || m.Masked <= 0 || m.Out <= 0:
		return fmt.Errorf("mae: %d visible and %d masked tokens of %d numbers: want at least one of each", m.ViT.Keep, m.Masked, m.Out)
	case !slices.Contains([]string{"", "full", "none"}, m.Embed):
		return fmt.Errorf("mae: embedding %q: want full, none or nothing", m.Embed)
	case d.Keep != 0 || len(d.Pathways) > 0:
		return fmt.Errorf("mae: the decoder keeps %d tokens and has %d pathways: want none", d.Keep, len(d.Pathways))
	case m.ViT.ClassToken && m.ViT.PosEmbed == "mlp":
		return errors.New("mae: a class token among tokens that lie in space: want none")
	case d.ClassToken != m.ViT.ClassToken:
		return fmt.Errorf("mae: class token %v in the decoder, %v in the encoder", d.ClassToken, m.ViT.ClassToken)
	case d.PosEmbed == "learned" || (d.PosEmbed == "mlp") != (m.ViT.PosEmbed == "mlp"):
		return fmt.Errorf("mae: positions %q in the decoder, %q in the encoder: want sincos or sinusoid, or mlp in both", d.PosEmbed, m.ViT.PosEmbed)
	case m.Embed == "" && d.Dim != m.ViT.Dim:
		return fmt.Errorf("mae: decoder of width %d without an embedding, encoder of width %d", d.Dim, m.ViT.Dim)
	}
	if err := d.Check(); err != nil {
		return fmt.Errorf("mae: decoder: %w", err)
	}
	return m.checkWindow(grid)
}

// embed brings the encoder's tokens to the decoder's width.
func (m MAE) embed(s nn.Scope, z *ops.Node) *ops.Node {
	in, out := m.ViT.Dim, m.Decoder.Dim
	switch m.Embed {
	case "full":
		return s.Linear("decoder_embed", z, in, out, nn.Xavier(in, out))
	case "none":
		return s.Graph.Linear(z, s.Param("decoder_embed.weight", nn.FanIn(in), out, in), nil)
	}
	return z
}

// locate adds the positions of a table to y, or returns computed ones.
func (m MAE) locate(s nn.Scope, t Tokenizer, x, y *ops.Node) (_, pos *ops.Node) {
	index := s.Graph.Declare(DecoderIndexFeed, ops.Spec{Shape: []int{s.Batch, m.ViT.Keep + m.Masked}, Dtype: ops.Int32}, ops.PerBatch)
	const name = "decoder_pos_embed"
	if p, ok := t.(Placed); ok && m.Decoder.PosEmbed == "mlp" {
		return y, s.Gather(placement(s, name, p.Centers(s, x), m.Decoder.Dim), index)
	}
	return s.Add(y, s.Gather(m.Decoder.table(s, name, t.Grid()), index)), nil
}
