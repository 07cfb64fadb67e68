package tokenizers

import (
	"m2pt/nn"
	"m2pt/ops"
)

// Audio cuts normalised log-mel spectrograms [B, 1, T, M] into square patches,
// as Image does with pictures of one channel: tokens run over time, then
// frequency, and overlap where the stride is smaller than the patch. Parameters:
// patch_embed.proj.{weight [D,1,P,P], bias [D]}.
type Audio struct {
	Frames int // T, 10 ms each
	Mels   int // M
	Patch  int // P
	Stride int // 0 means Patch
	Dim    int // D
}

// Picture is the image tokenizer that does the same.
func (t Audio) Picture() Image {
	return Image{Size: [2]int{t.Frames, t.Mels}, Channels: 1, Patch: t.Patch, Stride: t.Stride, Dim: t.Dim}
}

// Input is one spectrogram [1, T, M], float32.
func (t Audio) Input() ops.Spec { return ops.F32(1, t.Frames, t.Mels) }

// Numbers are the spectrograms themselves, which the host has normalised.
func (t Audio) Numbers(_ nn.Scope, x *ops.Node) *ops.Node { return x }

// Grid is 1, and the number of patches along time and along frequency: those of the
// picture.
func (t Audio) Grid() [3]int { return t.Picture().Grid() }

// Tokens are the tokens [B, N, D] of spectrograms x [B, 1, T, M].
func (t Audio) Tokens(s nn.Scope, x *ops.Node) *ops.Node { return t.Picture().Tokens(s, x) }
