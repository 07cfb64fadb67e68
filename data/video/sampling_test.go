package video

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/philox"
)

// TestDenseCentred has what NumPy makes of VideoMAE's formulas.
func TestDenseCentred(t *testing.T) {
	for _, c := range []struct {
		n, rate int
		want    []int
	}{
		{300, 4, []int{118, 122, 126, 130, 135, 139, 143, 147, 152, 156, 160, 164, 169, 173, 177, 181}},
		{250, 2, []int{109, 111, 113, 115, 117, 119, 121, 123, 126, 128, 130, 132, 134, 136, 138, 140}},
		{65, 4, []int{0, 4, 8, 12, 17, 21, 25, 29, 34, 38, 42, 46, 51, 55, 59, 63}}, // one more than the span
		{64, 4, []int{0, 4, 8, 12, 17, 21, 25, 29, 34, 38, 42, 46, 51, 55, 59, 63}}, // the span: a short clip
		{63, 4, []int{0, 4, 9, 13, 18, 22, 27, 31, 36, 40, 45, 49, 54, 58, 62, 62}},
		{40, 4, []int{0, 4, 8, 13, 17, 22, 26, 31, 35, 39, 39, 39, 39, 39, 39, 39}},
		{7, 4, []int{0, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6}},
		{3, 4, slices.Repeat([]int{2}, 16)}, // less than one frame of the rate
		{1, 4, slices.Repeat([]int{0}, 16)},
		{16, 2, []int{0, 2, 4, 6, 9, 11, 13, 15}},
		{17, 2, []int{0, 2, 4, 6, 9, 11, 13, 15}},
		{9, 4, []int{2}},
	} {
		at := make([]int, len(c.want))
		denseCentred(at, c.n, c.rate)
		if !slices.Equal(at, c.want) {
			t.Errorf("%d frames, rate %d: %v, want %v", c.n, c.rate, at, c.want)
		}
	}
}

// TestDenseEqualsNumPy compares the frames of all short and long clips up to 400
// frames, as one checksum of NumPy's answers.
func TestDenseEqualsNumPy(t *testing.T) {
	sum := crc32.NewIEEE()
	for _, frames := range []int{1, 8, 16, 32} {
		at := make([]int, frames)
		for _, rate := range []int{1, 2, 3, 4, 8} {
			for n := 1; n < 400; n++ {
				denseCentred(at, n, rate)
				fmt.Fprintln(sum, strings.Trim(fmt.Sprint(at), "[]"))
			}
		}
	}
	if got := sum.Sum32(); got != 0x2347f7c1 {
		t.Errorf("checksum %#x, NumPy's is 0x2347f7c1", got)
	}
}

// TestDenseRandom: the span ends anywhere from its own length to the frame before
// the last one, and nowhere else.
func TestDenseRandom(t *testing.T) {
	r := philox.New(1, "test", 0, 0)
	const n, rate, frames = 70, 4, 16
	at, seen := make([]int, frames), map[int]int{}
	for range 1000 {
		denseRandom(at, n, rate, &r)
		seen[at[frames-1]+1]++
		want := make([]int, frames)
		linspace(want, at[frames-1]+1-rate*frames, at[frames-1]+1)
		if !slices.Equal(at, want) {
			t.Fatalf("%v is not spread over a span that ends in %d", at, at[frames-1]+1)
		}
	}
	for end := 64; end < n; end++ {
		if seen[end] < 100 {
			t.Errorf("%d of 1000 spans end at %d, want about %d", seen[end], end, 1000/6)
		}
	}
	if len(seen) != n-64 {
		t.Errorf("the spans end at %v, want 64 to 69", seen)
	}
	at = at[:3]
	denseRandom(at, 300, 4, &r)
	if want := at[0] + 11; at[2] != want || at[1] != at[0]+6 {
		t.Errorf("three frames %v: want the ends and the middle of 12", at)
	}
}

func TestDenseSegment(t *testing.T) {
	steps := func(from, step, n int) (s []int) {
		for i := range n {
			s = append(s, from+i*step)
		}
		return s
	}
	for _, c := range []struct {
		n, rate, k, segments int
		want                 []int
	}{
		{300, 4, 0, 5, steps(0, 4, 16)},
		{300, 4, 1, 5, steps(56, 4, 16)}, // 59/4 = 14.75 -> 14
		{300, 4, 4, 5, steps(236, 4, 16)},
		{280, 4, 3, 10, steps(72, 4, 16)},
		{300, 4, 0, 1, steps(116, 4, 16)}, // alone: the middle
		{64, 4, 2, 5, steps(0, 4, 16)},
		{30, 4, 1, 5, append(steps(0, 4, 8), slices.Repeat([]int{28}, 8)...)}, // every 4th: 8 frames
		{1, 4, 0, 1, []int{0, 0, 0, 0}},
		{1, 4, 1, 2, []int{0, 0, 0, 0}},
	} {
		at := make([]int, len(c.want))
		denseSegment(at, c.n, c.rate, c.k, c.segments)
		if !slices.Equal(at, c.want) {
			t.Errorf("%d frames, rate %d, look %d of %d: %v, want %v", c.n, c.rate, c.k, c.segments, at, c.want)
		}
	}
}

func TestSparse(t *testing.T) {
	for _, c := range []struct {
		n           int
		k, segments int // none: the middles
		want        []int
	}{
		{100, 0, 0, []int{6, 18, 30, 42, 54, 66, 78, 90}},
		{37, 0, 0, []int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31}},
		{16, 0, 0, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
		{5, 0, 0, []int{0, 0, 0, 0, 1, 2, 3, 4}},
		{1, 0, 0, []int{0, 0}},
		{100, 0, 2, []int{0, 12, 25, 37, 50, 62, 75, 87}},
		{100, 1, 2, []int{6, 18, 31, 43, 56, 68, 81, 93}},
		{37, 1, 2, []int{1, 3, 5, 8, 10, 12, 15, 17, 19, 21, 24, 26, 28, 31, 33, 35}},
		{300, 2, 3, []int{12, 31, 50, 68, 87, 106, 125, 143, 162, 181, 200, 218, 237, 256, 275, 293}},
		{5, 1, 2, []int{0, 0, 1, 2, 2, 3, 4, 4}},
		{100, 0, 1, []int{0, 12, 25, 37, 50, 62, 75, 87}},
	} {
		at := make([]int, len(c.want))
		if c.segments == 0 {
			sparseCentred(at, c.n)
		} else {
			sparseSegment(at, c.n, c.k, c.segments)
		}
		if !slices.Equal(at, c.want) {
			t.Errorf("%d frames, look %d of %d: %v, want %v", c.n, c.k, c.segments, at, c.want)
		}
	}
}

// TestSparseRandom: each part gives one frame, any of its own.
func TestSparseRandom(t *testing.T) {
	r := philox.New(1, "test", 0, 0)
	at, seen := make([]int, 4), map[int]bool{}
	for range 300 {
		sparseRandom(at, 14, &r) // parts of 3; the last two frames are in none
		for i, f := range at {
			if f/3 != i {
				t.Fatalf("frames %v: want one of 0..2, 3..5, 6..8, 9..11 each", at)
			}
			seen[f] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d frames ever taken, want 12", len(seen))
	}
	sparseRandom(at, 3, &r)
	if !slices.Equal(at, []int{0, 0, 1, 2}) {
		t.Errorf("three frames: %v", at)
	}
}

// TestFramesInRange: all samplings of all lengths ascend and stay in the clip.
func TestFramesInRange(t *testing.T) {
	r := philox.New(2, "test", 0, 0)
	for n := 1; n < 150; n++ {
		for _, frames := range []int{1, 3, 8, 32} {
			at := make([]int, frames)
			for name, choose := range map[string]func(){
				"dense random":   func() { denseRandom(at, n, 3, &r) },
				"dense centred":  func() { denseCentred(at, n, 3) },
				"dense segment":  func() { denseSegment(at, n, 3, 6, 7) },
				"sparse random":  func() { sparseRandom(at, n, &r) },
				"sparse centred": func() { sparseCentred(at, n) },
				"sparse segment": func() { sparseSegment(at, n, 6, 7) },
			} {
				choose()
				if !slices.IsSorted(at) || at[0] < 0 || at[frames-1] >= n {
					t.Fatalf("%s: %d of %d frames: %v", name, frames, n, at)
				}
			}
		}
	}
}
