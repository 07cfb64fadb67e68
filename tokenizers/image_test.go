package tokenizers

import (
	"math"
	"slices"
	"strings"
	"testing"

	"m2pt/nn"
	"m2pt/ops"
)

func TestGrid(t *testing.T) {
	for _, c := range []struct {
		name string
		t    Image
		want [3]int
	}{
		{"ViT-B/16", Image{Size: [2]int{224, 224}, Patch: 16}, [3]int{1, 14, 14}},
		{"not square", Image{Size: [2]int{8, 12}, Patch: 4}, [3]int{1, 2, 3}},
		{"overlapping", Image{Size: [2]int{224, 224}, Patch: 16, Stride: 10}, [3]int{1, 21, 21}},
		{"apart", Image{Size: [2]int{9, 9}, Patch: 3, Stride: 6}, [3]int{1, 2, 2}},
		{"one patch", Image{Size: [2]int{16, 16}, Patch: 16}, [3]int{1, 1, 1}},
	} {
		if got := c.t.Grid(); got != c.want {
			t.Errorf("%s: grid %v, want %v", c.name, got, c.want)
		}
	}
}

// TestTokens: shapes, names and start of the projection.
func TestTokens(t *testing.T) {
	tok := Image{Size: [2]int{8, 12}, Channels: 3, Patch: 4, Dim: 64, Mean: []float64{.5, .5, .5}, Std: []float64{1, 1, 1}}
	for _, dtype := range []ops.Dtype{ops.Uint8, ops.Float32} {
		s := nn.NewScope(ops.Float32, nn.Eval, 2, 0)
		x := tok.Tokens(s, s.Graph.Declare("x", ops.Spec{Shape: []int{2, 3, 8, 12}, Dtype: dtype}, ops.PerBatch))
		if s.Err() != nil || !slices.Equal(ops.SpecOf(x).Shape, []int{2, 6, 64}) {
			t.Fatalf("%v: tokens %v, %v", dtype, x, s.Err())
		}
		limit := float32(1 / math.Sqrt(3*4*4))
		for i, want := range []nn.Param{{Name: "patch_embed.proj.weight", Shape: []int{64, 3, 4, 4}}, {Name: "patch_embed.proj.bias", Shape: []int{64}}} {
			p := s.Registry().Params()[i]
			v := p.Values(1)
			if p.Name != want.Name || !slices.Equal(p.Shape, want.Shape) || slices.Max(v) > limit || slices.Max(v) < 0.8*limit || slices.Min(v) < -limit {
				t.Errorf("parameter %d: %s%v in [%g, %g], want %s%v within %g", i, p.Name, p.Shape, slices.Min(v), slices.Max(v), want.Name, want.Shape, limit)
			}
		}
	}
}

func TestTokensRefuses(t *testing.T) {
	good := Image{Size: [2]int{8, 8}, Channels: 3, Patch: 4, Dim: 2}
	for _, c := range []struct {
		want   string
		change func(*Image)
	}{
		{"0x0 patches", func(t *Image) { t.Patch = 0 }},
		{"9x9 patches of 8x8 pixels", func(t *Image) { t.Patch = 9 }},
		{"6x6 patches of 8x4 pixels", func(t *Image) { t.Size[1], t.Patch = 4, 6 }},
		{"0 channels", func(t *Image) { t.Channels = 0 }},
		{"width -1", func(t *Image) { t.Dim = -1 }},
	} {
		bad := good
		c.change(&bad)
		s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
		bad.Tokens(s, s.Feed("x", 1, 3, 8, 8))
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", bad, err, c.want)
		}
	}
}
