package tokenizers

import (
	"fmt"

	"m2pt/nn"
	"m2pt/ops"
)

// Video cuts clips into tubelets and projects each to a token: a convolution in
// time and space with kernel and stride (Tubelet, P, P), tokens ordered by time,
// row, column. Parameters: patch_embed.proj.{weight [D,C,Tubelet,P,P], bias [D]}.
type Video struct {
	Frames    int    // T
	Size      [2]int // height, width in pixels
	Channels  int
	Tubelet   int // frames of a token
	Patch     int // P
	Dim       int // D
	Mean, Std []float64
}

// Input is one clip [C, T, H, W] of uint8.
func (t Video) Input() ops.Spec {
	return ops.Spec{Shape: []int{t.Channels, t.Frames, t.Size[0], t.Size[1]}, Dtype: ops.Uint8}
}

// Numbers are normalised pixels.
func (t Video) Numbers(s nn.Scope, x *ops.Node) *ops.Node { return s.Normalize(x, t.Mean, t.Std) }

// Grid is the number of tubelets along time, down and across.
func (t Video) Grid() [3]int {
	return [3]int{t.Frames / t.Tubelet, t.Size[0] / t.Patch, t.Size[1] / t.Patch}
}

// Check reports what is wrong with the geometry.
func (t Video) Check() error {
	if t.Tubelet <= 0 || t.Patch <= 0 || t.Tubelet > t.Frames || t.Patch > min(t.Size[0], t.Size[1]) || t.Channels <= 0 || t.Dim <= 0 {
		return fmt.Errorf("video tokenizer: tubelets of %d frames of %dx%d pixels of clips of %d frames of %dx%d, %d channels, width %d",
			t.Tubelet, t.Patch, t.Patch, t.Frames, t.Size[0], t.Size[1], t.Channels, t.Dim)
	}
	return nil
}

// Tokens are the tokens [B, N, D] of clips x [B, C, T, H, W]. Stored uint8 pixels
// are normalised on the way; floating-point ones are taken as they are.
func (t Video) Tokens(s nn.Scope, x *ops.Node) *ops.Node {
	if err := t.Check(); err != nil {
		s.Fail("%w", err)
	}
	if s.Err() != nil {
		return nil
	}
	tubelet := [3]int{t.Tubelet, t.Patch, t.Patch}
	return project(s, x, []int{t.Dim, t.Channels, t.Tubelet, t.Patch, t.Patch}, tubelet, tubelet, t.Mean, t.Std)
}
