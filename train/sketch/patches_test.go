package sketch

import (
	"math"
	"slices"
	"strings"
	"testing"

	"m2pt/engine"
	"m2pt/heads"
	"m2pt/nn"
	"m2pt/ops"
)

// count is 0 ... n-1.
func count[T int32 | float32](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(i)
	}
	return x
}

// wave is a volume without pattern in [0, 1].
func wave(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(0.5 + 0.5*math.Sin(float64(i*i+1)))
	}
	return x
}

// TestCut: where side-by-side patches take every number of a volume follows from
// its place by division.
func TestCut(t *testing.T) {
	p := Patches{Channels: 2, Size: [3]int{4, 6, 10}, Kernel: [3]int{2, 3, 5}}
	volume := count[float32](2 * 4 * 6 * 10)
	all := count[int32](2 * 2 * 2)
	patches := p.cut(volume, all)
	for i := range volume {
		c, y, x, f := i/240, i/10%6, i%10, i/60%4
		n, e := f/2*4+y/3*2+x/5, ((f%2*3+y%3)*5+x%5)*2+c
		if got := patches[n*60+e]; got != float32(i) {
			t.Fatalf("patch %d has %v at %d, want %d", n, got, e, i)
		}
	}
	if back := p.join(patches, all); !slices.Equal(back, volume) {
		t.Errorf("joined again: %v", back)
	}
}

// TestJoinOverlap: five pixels, patches of three from 0 and 2, the sixth is in none.
func TestJoinOverlap(t *testing.T) {
	p := Patches{Channels: 1, Size: [3]int{1, 1, 6}, Kernel: [3]int{1, 1, 3}, Stride: [3]int{1, 1, 2}}
	if got := p.grid(); got != [3]int{1, 1, 2} {
		t.Fatalf("grid %v", got)
	}
	got := p.join([]float32{1, 2, 3, 5, 6, 7}, []int32{0, 1})
	if want := []float32{1, 2, 4, 6, 7}; !slices.Equal(got[:5], want) || got[5] == got[5] {
		t.Errorf("joined %v, want %v NaN", got, want)
	}
	volume := wave(6)
	if got := p.join(p.cut(volume, []int32{0, 1}), []int32{0, 1}); !slices.Equal(got[:5], volume[:5]) {
		t.Errorf("cut and joined %v, want %v", got, volume)
	}
}

// targets are what heads.Pixels wants to be told of all patches of a volume.
func targets(t *testing.T, p Patches, volume []float32) []float32 {
	t.Helper()
	s := nn.NewScope(ops.Float32, nn.Eval, 1, 1)
	grid := p.grid()
	N := grid[0] * grid[1] * grid[2]
	x := s.Feed("x", 1, p.Channels, p.Size[0], p.Size[1], p.Size[2])
	index := s.Graph.Declare("index", ops.Spec{Shape: []int{1, N}, Dtype: ops.Int32}, ops.PerBatch)
	node := heads.Pixels{Kernel: p.Kernel, Stride: p.Stride, Channels: p.Channels, Norm: p.Norm}.Targets(s, x, index)
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	state := engine.NewState(engine.Reference{})
	defer state.Close()
	program, err := engine.Compile(engine.Job{Graph: s.Graph, Fetches: []engine.Fetch{{Name: "y", Node: node}}}, state)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	y := make([]float32, N*p.entries())
	for _, err := range []error{engine.Feed(program, "x", volume), engine.Feed(program, "index", count[int32](N)),
		program.Micro(), engine.Read(program, "y", y)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return y
}

// TestRestoreTargets: who tells the targets themselves has the volume back, where
// patches are lively, nearly flat (what is added to the variance counts) and flat.
func TestRestoreTargets(t *testing.T) {
	for _, c := range []struct {
		name, norm string
		stride     [3]int
		patches    int
	}{
		{"as it is", "", [3]int{}, 3},
		{"patch", "patch", [3]int{}, 3},
		{"channel", "channel", [3]int{}, 3},
		{"overlapping", "patch", [3]int{2, 4, 2}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Patches{Channels: 3, Size: [3]int{2, 4, 12}, Kernel: [3]int{2, 4, 4}, Stride: c.stride, Norm: c.norm}
			volume := wave(3 * 2 * 4 * 12)
			for i := range volume {
				switch i % 12 / 4 {
				case 1:
					volume[i] = 0.5 + volume[i]/4096
				case 2:
					volume[i] = 0.25
				}
			}
			seen, told := p.restore(volume, Answer{Masked: count[int32](c.patches), Pred: targets(t, p, volume)})
			for i, want := range volume {
				if d := math.Abs(float64(told[i] - want)); !(d < 1e-6) {
					t.Fatalf("number %d is %v, want %v", i, told[i], want)
				}
				if seen[i] == seen[i] {
					t.Fatalf("number %d was seen", i)
				}
			}
		})
	}
}

// TestRestore: of four overlapping patches the network saw 0 and told 0, 1 and 2:
// what it saw stays, what it told is averaged, the rest is unknown.
func TestRestore(t *testing.T) {
	p := Patches{Channels: 1, Size: [3]int{1, 1, 5}, Kernel: [3]int{1, 1, 2}, Stride: [3]int{1, 1, 1}}
	seen, told := p.restore([]float32{1, 2, 3, 4, 5}, Answer{[]int32{0}, []int32{0, 1, 2}, []float32{9, 9, 9, 10, 20, 30}})
	if nan := float32(math.NaN()); !same(seen, []float32{1, 2, nan, nan, nan}) || !same(told, []float32{1, 2, 15, 30, nan}) {
		t.Errorf("seen %v, told %v", seen, told)
	}
}

func same(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return x == y || x != x && y != y })
}

// TestRefusals: errors say what does not fit.
func TestRefusals(t *testing.T) {
	good := Patches{Channels: 1, Size: [3]int{1, 2, 4}, Kernel: [3]int{1, 2, 2}}
	two := good
	two.Channels, two.Spectrogram = 2, true
	for _, c := range []struct {
		name   string
		change func(p *Patches)
		volume int
		a      Answer
		want   string
	}{
		{"no kernel", func(p *Patches) { p.Kernel[1] = 0 }, 8, Answer{}, "patches [1 0 2]"},
		{"kernel too large", func(p *Patches) { p.Kernel[1] = 3 }, 8, Answer{}, "do not fit"},
		{"half a stride", func(p *Patches) { p.Stride[1] = 2 }, 8, Answer{}, "stride [0 2 0]"},
		{"no channels", func(p *Patches) { p.Channels = 0 }, 0, Answer{}, "0 channels"},
		{"short volume", func(*Patches) {}, 7, Answer{}, "volume of 7 numbers, want 8"},
		{"means", func(p *Patches) { p.Mean, p.Std = []float64{0, 0}, []float64{1, 1} }, 8, Answer{}, "2 means and 2 deviations, want 1"},
		{"deviations", func(p *Patches) { p.Mean = []float64{0} }, 8, Answer{}, "1 means and 0 deviations, want 1"},
		{"norm", func(p *Patches) { p.Norm = "batch" }, 8, Answer{}, `norm "batch"`},
		{"spectrogram", func(p *Patches) { *p = two }, 16, Answer{}, "spectrogram of 2 channels"},
		{"visible", func(*Patches) {}, 8, Answer{Visible: []int32{2}}, "token 2 of 2"},
		{"masked", func(*Patches) {}, 8, Answer{Masked: []int32{-1}}, "token -1 of 2"},
		{"told", func(*Patches) {}, 8, Answer{Masked: []int32{0}, Pred: make([]float32, 3)}, "3 numbers told, want 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := good
			c.change(&p)
			_, err := p.Row(make([]float32, c.volume), c.a)
			if err == nil || !strings.Contains(err.Error(), "draw reconstruction: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := p.Draw(make([]float32, c.volume)); (err == nil) != (c.volume == 8 && p.check(make([]float32, 8)) == nil) {
				t.Errorf("drawn alone: %v", err)
			}
		})
	}
}
