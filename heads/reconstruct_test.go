package heads

import (
	"math"
	"slices"
	"strings"
	"testing"

	"m2pt/nn"
	"m2pt/ops"
)

func near(got, want []float32) bool {
	return slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) <= 1e-5*max(1, math.Abs(float64(b))) })
}

// divided is v/d.
func divided(d float64, v ...float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x / d)
	}
	return out
}

// indexFeed declares the index [1, M] of what is masked.
func indexFeed(s nn.Scope, M int) *ops.Node {
	return s.Graph.Declare("index", ops.Spec{Shape: []int{1, M}, Dtype: ops.Int32}, ops.PerBatch)
}

// TestPixels: targets of patches 1 and 0 of a picture of two channels and 2x4
// pixels, numbered from 0 channel by channel and row by row; and the loss of
// predicting 0 for both, which weigh 1/2 and 1/4.
func TestPixels(t *testing.T) {
	// Patch 1 is 2 10 3 11 6 14 7 15: mean 8.5, variance 162/7; its channels 2 3 6 7
	// and 10 11 14 15: means 4.5 and 12.5, variance 17/3. Patch 0 is 2 less everywhere.
	patch := divided(math.Sqrt(162./7), -6.5, 1.5, -5.5, 2.5, -2.5, 5.5, -1.5, 6.5)
	channel := divided(math.Sqrt(17./3), -2.5, -2.5, -1.5, -1.5, 1.5, 1.5, 2.5, 2.5)
	for _, c := range []struct {
		name string
		p    Pixels
		want []float32
		loss float32
	}{
		{"as it is", Pixels{}, []float32{2, 10, 3, 11, 6, 14, 7, 15, 0, 8, 1, 9, 4, 12, 5, 13}, 740./8/2 + 500./8/4},
		{"patch", Pixels{Norm: "patch"}, slices.Concat(patch, patch), 7. / 8 * 3 / 4},
		{"channel", Pixels{Norm: "channel"}, slices.Concat(channel, channel), 3. / 4 * 3 / 4},
		{"normalised input", Pixels{Input: Normalised{[]float64{-.5, -.5}, []float64{.5, .25}}},
			[]float32{5, 42, 7, 46, 13, 58, 15, 62, 1, 34, 3, 38, 9, 50, 11, 54}, 11556./8/2 + 8228./8/4},
		{"overlapping", Pixels{Stride: [3]int{1, 1, 1}}, []float32{1, 9, 2, 10, 5, 13, 6, 14, 0, 8, 1, 9, 4, 12, 5, 13}, 612./8/2 + 500./8/4},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.p.Kernel, c.p.Channels = [3]int{1, 2, 2}, 2
			if c.p.Out() != 8 {
				t.Errorf("%d numbers, want 8", c.p.Out())
			}
			feeds := map[string]any{"x": make([]float32, 16), "index": []int32{1, 0}, "pred": make([]float32, 16), "weight": []float32{.5, .25}}
			for i := range 16 {
				feeds["x"].([]float32)[i] = float32(i)
			}
			s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
			x, index := s.Feed("x", 1, 2, 2, 4), indexFeed(s, 2)
			targets, loss := c.p.Targets(s, x, index), c.p.Loss(s, x, s.Feed("pred", 1, 2, 8), index, s.Feed("weight", 1, 2))
			if got := evaluate(t, s, targets, map[string]any{"x": feeds["x"], "index": feeds["index"]}); !near(got, c.want) {
				t.Errorf("targets %v, want %v", got, c.want)
			}
			if got := evaluate(t, s, loss, feeds); !near(got, []float32{c.loss}) {
				t.Errorf("loss %v, want %v", got, c.loss)
			}
		})
	}
}

// TestPoints: the neighbours of group 1 of two, and how far predictions are that
// hit the first of two neighbours and miss the other by 2.
func TestPoints(t *testing.T) {
	for name, c := range map[string]struct {
		p    Points
		loss float32
	}{
		"squares":   {Points{Size: 2}, 4./2 + 4./2},
		"distances": {Points{Size: 2, L1: true}, (2./2 + 2./2) / 2},
	} {
		t.Run(name, func(t *testing.T) {
			local := map[string]any{"local": []float32{0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, "index": []int32{1}}
			s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
			x, index := s.Feed("local", 1, 2, 2, 3), indexFeed(s, 1)
			targets, loss := c.p.Targets(s, x, index), c.p.Loss(s, x, s.Feed("pred", 1, 1, c.p.Out()), index)
			if got := evaluate(t, s, targets, local); !near(got, []float32{0, 2, 0, 0, 0, 3}) {
				t.Errorf("targets %v", got)
			}
			local["pred"] = []float32{0, 0, 1, 0, 2, 0}
			if got := evaluate(t, s, loss, local); !near(got, []float32{c.loss}) {
				t.Errorf("loss %v, want %v", got, c.loss)
			}
		})
	}
}

func TestReconstructionRefuses(t *testing.T) {
	good := Pixels{Kernel: [3]int{1, 2, 2}, Channels: 2}
	for _, c := range []struct {
		want   string
		change func(*Pixels)
	}{
		{`norm "pixel": want patch, channel or none`, func(p *Pixels) { p.Norm = "pixel" }},
		{"1 means and 2 deviations", func(p *Pixels) { p.Input = Normalised{[]float64{0}, []float64{1, 1}} }},
		{"does not fit input", func(p *Pixels) { p.Kernel[1] = 3 }},
	} {
		bad := good
		c.change(&bad)
		s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
		bad.Loss(s, s.Feed("x", 1, 2, 2, 4), s.Feed("pred", 1, 2, 8), indexFeed(s, 2), s.Feed("weight", 1, 2))
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	s := nn.NewScope(ops.Float32, nn.Eval, 1, 0)
	Points{Size: 3}.Loss(s, s.Feed("local", 1, 2, 2, 3), s.Feed("pred", 1, 1, 6), indexFeed(s, 1))
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "reshape") {
		t.Errorf("groups of 3 from 6 numbers: error %v", err)
	}
}
