package masking

import (
	"math"
	"slices"
	"testing"

	"m2pt/internal/philox"
)

// must is the mask of a constructor that does not refuse.
func must[M Mask](t testing.TB) func(M, error) M {
	return func(m M, err error) M {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

// masks are one of each kind, of masksTokens tokens.
func masks(t testing.TB) map[string]Mask {
	tube := must[*Tube](t)(NewTube(4, 16, 0.6))
	return map[string]Mask{
		"random":       must[*Random](t)(NewRandom(64, 0.75)),
		"grid":         must[*Grid](t)(NewGrid(16, 4, 0.25, 0.25)),
		"tube":         tube,
		"points":       must[*Tube](t)(NewTube(1, 64, 0.6)),
		"block":        must[*Block](t)(NewBlock(64, 0.6)),
		"running cell": must[*RunningCell](t)(NewRunningCell(tube, 4, 4, 4)),
	}
}

const masksTokens = 64

// cloud are as many random centres for each of so many samples.
func cloud(samples int) []float32 {
	r := philox.New(1, "centres", 0, 0)
	centers := make([]float32, samples*masksTokens*3)
	for i := range centers {
		centers[i] = philox.Uniform(r.Uint32())
	}
	return centers
}

func split(m Mask, noise, centers []float32) (visible, masked []int32) {
	visible, masked = make([]int32, m.Visible()), make([]int32, m.Masked())
	m.Split(visible, masked, noise, centers)
	return visible, masked
}

// TestCounts: the numbers of tokens in the reference's recipes.
func TestCounts(t *testing.T) {
	video := must[*Tube](t)(NewTube(8, 196, 0.9))
	for name, c := range map[string]struct {
		mask            Mask
		visible, masked int
	}{
		"image":         {must[*Random](t)(NewRandom(196, 0.75)), 49, 147},
		"audio":         {must[*Random](t)(NewRandom(512, 0.8)), 102, 410},
		"audio 2-D":     {must[*Grid](t)(NewGrid(64, 8, 0.7, 0.3)), 19 * 5, 512 - 95},
		"overlapping":   {must[*Random](t)(NewRandom(101*12, 0.8)), 242, 970},
		"overlap, 2-D":  {must[*Grid](t)(NewGrid(101, 12, 0.7, 0.3)), 30 * 8, 1212 - 240},
		"points":        {must[*Tube](t)(NewTube(1, 64, 0.6)), 26, 38},
		"block":         {must[*Block](t)(NewBlock(64, 0.6)), 26, 38},
		"video":         {video, 160, 1408},
		"video, decode": {must[*RunningCell](t)(NewRunningCell(video, 8, 14, 14)), 160, 784},
	} {
		if v, m := c.mask.Visible(), c.mask.Masked(); v != c.visible || m != c.masked {
			t.Errorf("%s: %d visible, %d masked, want %d and %d", name, v, m, c.visible, c.masked)
		}
	}
}

// TestSplit: what small masks do with given noise.
func TestSplit(t *testing.T) {
	tube := must[*Tube](t)(NewTube(2, 4, 0.5))
	line := []float32{0, 0, 0, 1, 0, 0, 5, 0, 0, 2, 0, 0, 7, 0, 0, 1, 0, 0}
	for name, c := range map[string]struct {
		mask            Mask
		noise           []float32
		visible, masked []int32
	}{
		"random":            {must[*Random](t)(NewRandom(5, 0.6)), []float32{.9, .1, .5, .3, .7}, []int32{1, 3}, []int32{2, 4, 0}},
		"random, equal":     {must[*Random](t)(NewRandom(4, 0.5)), make([]float32, 4), []int32{0, 1}, []int32{2, 3}},
		"grid":              {must[*Grid](t)(NewGrid(3, 3, 0.3, 0.3)), []float32{.9, .1, .2 /* rows 1, 2 */, .3, .2, .1 /* columns 2, 1 */}, []int32{4, 5, 7, 8}, []int32{0, 1, 2, 3, 6}},
		"tube":              {tube, []float32{.9, .1, .5, .3}, []int32{1, 3, 5, 7}, []int32{0, 2, 4, 6}},
		"block":             {must[*Block](t)(NewBlock(6, 0.5)), []float32{.4} /* group 2 */, []int32{0, 1, 5}, []int32{2, 3, 4}},
		"block, equal":      {must[*Block](t)(NewBlock(6, 0.5)), []float32{0}, []int32{2, 3, 4}, []int32{0, 1, 5}},
		"block, last group": {must[*Block](t)(NewBlock(6, 0.5)), []float32{1 - 1.0/(1<<24)}, []int32{2, 3, 4}, []int32{0, 1, 5}},
		"running cell, phase 0": {must[*RunningCell](t)(NewRunningCell(tube, 2, 2, 2)),
			[]float32{.9, .1, .5, .3, 0}, []int32{1, 3, 5, 7}, []int32{1, 2, 4, 5}},
		"running cell, phase 3": {must[*RunningCell](t)(NewRunningCell(tube, 2, 2, 2)),
			[]float32{.9, .1, .5, .3, .99}, []int32{1, 3, 5, 7}, []int32{2, 3, 5, 6}},
	} {
		visible, masked := split(c.mask, c.noise, line)
		if !slices.Equal(visible, c.visible) || !slices.Equal(masked, c.masked) {
			t.Errorf("%s: visible %v, masked %v, want %v and %v", name, visible, masked, c.visible, c.masked)
		}
	}
}

// TestSampler: a row of the batch depends on seed, key and centres alone, and a
// token is visible, masked or, in a running cell, perhaps both.
func TestSampler(t *testing.T) {
	centers := cloud(1)
	for name, m := range masks(t) {
		s := NewSampler(m)
		draw := func(seed uint64, keys ...int32) (visible, masked []int32) {
			B := len(keys) / 2
			visible, masked = make([]int32, B*m.Visible()), make([]int32, B*m.Masked())
			s.Draw(seed, keys, slices.Repeat(centers, B), visible, masked)
			return visible, masked
		}
		V, M := m.Visible(), m.Masked()
		visible, masked := draw(7, 0, 5, 0, 6, 1, 5)
		again, alone := draw(7, 0, 6)
		if !slices.Equal(visible[V:2*V], again) || !slices.Equal(masked[M:2*M], alone) {
			t.Errorf("%s: a key gives other tokens in another batch", name)
		}
		other, _ := draw(8, 0, 6)
		for what, v := range map[string][]int32{"position": visible[:V], "epoch": visible[2*V:], "seed": other} {
			if slices.Equal(visible[V:2*V], v) {
				t.Errorf("%s: the %s does not change what is visible", name, what)
			}
		}
		all := slices.Sorted(slices.Values(slices.Concat(visible[:V], masked[:M])))
		if distinct := slices.Compact(slices.Clone(all)); name != "running cell" && len(distinct) != masksTokens || all[0] < 0 || all[len(all)-1] >= masksTokens {
			t.Errorf("%s: tokens %v", name, all)
		}
	}
}

// TestSamplerIsUniform: every token is visible equally often, and in a running
// cell predicted so. (A block of a cloud is about its middle more often.)
func TestSamplerIsUniform(t *testing.T) {
	const samples = 4000
	keys := make([]int32, 2*samples)
	for b := range samples {
		keys[2*b+1] = int32(b)
	}
	near := func(name string, indices []int32) {
		counts, p := make([]float64, masksTokens), float64(len(indices))/samples/masksTokens
		for _, token := range indices {
			counts[token]++
		}
		sigma := math.Sqrt(samples * p * (1 - p))
		for token, n := range counts {
			if math.Abs(n-samples*p) > 4.5*sigma {
				t.Errorf("%s: token %d comes %g times, want about %g", name, token, n, samples*p)
			}
		}
	}
	for name, m := range masks(t) {
		if name == "block" {
			continue
		}
		visible, masked := make([]int32, samples*m.Visible()), make([]int32, samples*m.Masked())
		NewSampler(m).Draw(1, keys, nil, visible, masked)
		near(name+", visible", visible)
		near(name+", masked", masked)
	}
}

// TestBlockFollowsItsSample: each sample's own centres decide.
func TestBlockFollowsItsSample(t *testing.T) {
	const samples = 3
	m := masks(t)["block"].(*Block)
	centers, keys := cloud(samples), []int32{0, 1, 0, 2, 0, 3}
	visible, masked := make([]int32, samples*m.Visible()), make([]int32, samples*m.Masked())
	NewSampler(m).Draw(1, keys, centers, visible, masked)
	for b := range samples {
		xyz := centers[b*masksTokens*3:][:masksTokens*3]
		if !isBall(xyz, visible[b*m.Visible():][:m.Visible()], masked[b*m.Masked():][:m.Masked()]) {
			t.Errorf("sample %d: what is masked is no block", b)
		}
	}
}

// isBall reports whether, for some masked centre, every masked one is as near to
// it as any visible one or nearer.
func isBall(xyz []float32, visible, masked []int32) bool {
	furthest := func(middle int32, of []int32, better func(a, b float64) float64, from float64) float64 {
		for _, g := range of {
			d := 0.0
			for axis := range int32(3) {
				d += math.Pow(float64(xyz[3*g+axis]-xyz[3*middle+axis]), 2)
			}
			from = better(from, d)
		}
		return from
	}
	return slices.ContainsFunc(masked, func(middle int32) bool {
		return furthest(middle, masked, math.Max, 0) <= furthest(middle, visible, math.Min, math.Inf(1))
	})
}

// TestWeigh: what the encoder has seen counts for nothing, the rest alike.
func TestWeigh(t *testing.T) {
	m := masks(t)["running cell"].(*RunningCell)
	s, keys := NewSampler(m), []int32{0, 1, 0, 2}
	V, M := m.Visible(), m.Masked()
	visible, masked, weight := make([]int32, 2*V), make([]int32, 2*M), make([]float32, 2*M)
	s.Draw(3, keys, nil, visible, masked)
	s.Weigh(weight, visible, masked)
	for b := range 2 {
		sum, seen := 0.0, 0
		for i, w := range weight[b*M:][:M] {
			hidden := !slices.Contains(visible[b*V:][:V], masked[b*M+i])
			if hidden != (w > 0) {
				t.Errorf("sample %d: weight %g of token %d", b, w, masked[b*M+i])
			}
			if !hidden {
				seen++
			}
			sum += float64(w)
		}
		if seen != V/2 || math.Abs(sum-1) > 1e-6 { // four slices: every place is predicted in two of them
			t.Errorf("sample %d: %d of the tokens that are predicted were visible, want %d; weights sum to %g", b, seen, V/2, sum)
		}
	}
	plain := NewSampler(must[*Random](t)(NewRandom(8, 0.5)))
	plain.Weigh(weight[:4], []int32{0, 1, 2, 3}, []int32{4, 5, 6, 7})
	if want := []float32{.25, .25, .25, .25}; !slices.Equal(weight[:4], want) {
		t.Errorf("weights %v, want %v", weight[:4], want)
	}
}

// TestRunningCellCounts: of eight slices every sample is told as many tokens that it
// has not seen, whatever is visible and at every phase, so that a mean over samples
// of means over their tokens is the mean over the batch's tokens: 784 of VideoMAE
// V2's less half of 8 times 20.
func TestRunningCellCounts(t *testing.T) {
	const samples = 20
	m := must[*RunningCell](t)(NewRunningCell(must[*Tube](t)(NewTube(8, 196, 0.9)), 8, 14, 14))
	s, keys := NewSampler(m), make([]int32, 2*samples)
	for b := range samples {
		keys[2*b+1] = int32(b)
	}
	visible, masked, weight := make([]int32, samples*m.Visible()), make([]int32, samples*m.Masked()), make([]float32, samples*m.Masked())
	s.Draw(1, keys, nil, visible, masked)
	s.Weigh(weight, visible, masked)
	for b := range samples {
		counted := len(slices.DeleteFunc(slices.Clone(weight[b*m.Masked():][:m.Masked()]), func(w float32) bool { return w == 0 }))
		if counted != 784-80 {
			t.Errorf("sample %d: %d tokens count, want 704", b, counted)
		}
	}
}

// TestOverlappingGrid: on AudioMAE's grid of 1,212 overlapping patches what is
// visible are whole rows of whole columns, in order, and nothing masked is among it.
func TestOverlappingGrid(t *testing.T) {
	const rows, columns = 101, 12
	m := must[*Grid](t)(NewGrid(rows, columns, 0.7, 0.3))
	visible, masked := make([]int32, m.Visible()), make([]int32, m.Masked())
	NewSampler(m).Draw(5, []int32{0, 1}, nil, visible, masked)
	var perRow, perColumn [rows]int
	for _, token := range visible {
		perRow[token/columns]++
		perColumn[token%columns]++
	}
	kept := func(per []int, each int) (n int) {
		for i, v := range per {
			if v != 0 && v != each {
				t.Errorf("%d visible at %d, want none or %d", v, i, each)
			}
			n += min(v, 1)
		}
		return n
	}
	if r, c := kept(perRow[:], 8), kept(perColumn[:columns], 30); r != 30 || c != 8 {
		t.Errorf("%d rows and %d columns are visible, want 30 and 8", r, c)
	}
	all := slices.Concat(visible, masked)
	slices.Sort(all)
	if !slices.IsSorted(visible) || !slices.IsSorted(masked) || len(slices.Compact(all)) != rows*columns {
		t.Error("tokens are out of order, missing or both visible and masked")
	}
}

func TestMasksRefuse(t *testing.T) {
	tube := must[*Tube](t)(NewTube(2, 4, 0.5))
	errs := map[string]func() error{
		"nothing visible":         func() error { _, err := NewRandom(10, 0.9); return err }, // 10*(1-0.9) is below 1
		"nothing masked":          func() error { _, err := NewRandom(10, 0); return err },
		"more than all":           func() error { _, err := NewRandom(10, -1); return err },
		"not a number":            func() error { _, err := NewRandom(10, math.NaN()); return err },
		"no tokens":               func() error { _, err := NewRandom(0, 0.5); return err },
		"a grid without masked":   func() error { _, err := NewGrid(4, 4, 0, 0); return err },
		"a grid without visible":  func() error { _, err := NewGrid(4, 4, 0.9, 0); return err },
		"a tube without masked":   func() error { _, err := NewTube(2, 4, 0.2); return err },
		"a tube without slices":   func() error { _, err := NewTube(0, 4, 0.5); return err },
		"a tube inside out":       func() error { _, err := NewTube(-1, -4, 0.5); return err },
		"a tube of no number":     func() error { _, err := NewTube(2, 4, math.NaN()); return err },
		"a block of all":          func() error { _, err := NewBlock(4, 1); return err },
		"cells of another grid":   func() error { _, err := NewRunningCell(tube, 2, 2, 4); return err },
		"cells on odd rows":       func() error { _, err := NewRunningCell(tube, 8, 1, 1); return err },
		"cells on less than none": func() error { _, err := NewRunningCell(tube, 2, -2, -2); return err },
	}
	for name, build := range errs {
		if build() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSamplerAllocatesNothing(t *testing.T) {
	centers := cloud(4)
	for name, m := range masks(t) {
		s, keys := NewSampler(m), make([]int32, 8)
		visible, masked, weight := make([]int32, 4*m.Visible()), make([]int32, 4*m.Masked()), make([]float32, 4*m.Masked())
		if n := testing.AllocsPerRun(5, func() {
			s.Draw(1, keys, centers, visible, masked)
			s.Weigh(weight, visible, masked)
		}); n != 0 {
			t.Errorf("%s: %g allocations per batch", name, n)
		}
	}
}
