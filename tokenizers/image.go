// Package tokenizers turns batches of one modality into tokens [B, N, D] inside
// the graph. Their host halves, which need no parameters (filterbanks, point
// grouping, token masks), are leaf packages below it.
//
// Shape letters: B batch, C channels, H and W height and width, P patch size, N
// tokens, D width.
package tokenizers

import (
	"fmt"

	"m2pt/nn"
	"m2pt/ops"
)

// Image cuts pictures into square patches and projects each to a token: a
// convolution with kernel P and stride S (P where patches do not overlap),
// flattened row by row. Its parameters are patch_embed.proj.{weight [D,C,P,P],
// bias [D]}.
type Image struct {
	Size      [2]int // height, width in pixels
	Channels  int
	Patch     int
	Stride    int       // 0 means Patch
	Dim       int       // D
	Mean, Std []float64 // normalise stored uint8 pixels, per channel, of values in [0, 1]
}

// Input is one picture [C, H, W] of uint8.
func (t Image) Input() ops.Spec {
	return ops.Spec{Shape: []int{t.Channels, t.Size[0], t.Size[1]}, Dtype: ops.Uint8}
}

// Numbers are normalised pixels.
func (t Image) Numbers(s nn.Scope, x *ops.Node) *ops.Node { return s.Normalize(x, t.Mean, t.Std) }

// Grid is the number of patches along time (1), down and across.
func (t Image) Grid() [3]int {
	return [3]int{1, (t.Size[0]-t.Patch)/t.stride() + 1, (t.Size[1]-t.Patch)/t.stride() + 1}
}

func (t Image) stride() int {
	if t.Stride == 0 {
		return t.Patch
	}
	return t.Stride
}

// Check reports what is wrong with the geometry.
func (t Image) Check() error {
	if t.Patch <= 0 || t.Patch > min(t.Size[0], t.Size[1]) || t.Channels <= 0 || t.Dim <= 0 {
		return fmt.Errorf("image tokenizer: %dx%d patches of %dx%d pixels, %d channels, width %d",
			t.Patch, t.Patch, t.Size[0], t.Size[1], t.Channels, t.Dim)
	}
	return nil
}

// Tokens are the tokens [B, N, D] of pixels x [B, C, H, W]. Stored uint8 pixels
// are normalised on the way; floating-point ones are taken as they are.
func (t Image) Tokens(s nn.Scope, x *ops.Node) *ops.Node {
	if err := t.Check(); err != nil {
		s.Fail("%w", err)
	}
	if s.Err() != nil {
		return nil
	}
	kernel, stride := [3]int{1, t.Patch, t.Patch}, [3]int{1, t.stride(), t.stride()}
	return project(s, x, []int{t.Dim, t.Channels, t.Patch, t.Patch}, kernel, stride, t.Mean, t.Std)
}

// project is a convolution whose weight has the given shape, flattened to tokens,
// with the parameters patch_embed.proj.{weight, bias}. Stored uint8 pixels are
// normalised on the way.
func project(s nn.Scope, x *ops.Node, weight []int, kernel, stride [3]int, mean, std []float64) *ops.Node {
	if ops.SpecOf(x).Dtype != ops.Uint8 {
		mean, std = nil, nil
	}
	return s.In("patch_embed.proj", func(s nn.Scope) *ops.Node {
		fanIn := ops.F32(weight[1:]...).Len()
		w, b := s.Param("weight", nn.FanIn(fanIn), weight...), s.Param("bias", nn.FanIn(fanIn), weight[0])
		return s.Graph.Linear(s.Patches(x, kernel, stride, mean, std), w, b)
	})
}
