package image

import (
	stdimage "image"
	"maps"
	"math"
	"slices"
	"testing"

	"m2pt/data"
)

// TestMultiScaleCrop: exactly the boxes of a list are drawn, each as often as the
// others.
func TestMultiScaleCrop(t *testing.T) {
	// Widths and heights go together as a, b of these shares of the short side.
	pairs := [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {1, 2}, {2, 1}, {2, 2}, {2, 3}, {3, 2}, {3, 3}}
	places := [][2]int{{0, 0}, {2, 0}, {4, 0}, {0, 2}, {2, 2}, {4, 2}, {0, 4}, {2, 4}, {4, 4}, {1, 1}, {3, 1}, {1, 3}, {3, 3}}
	for _, c := range []struct {
		name       string
		w, h, side int
		sides      [4]int
	}{
		{"landscape", 340, 256, 224, [4]int{256, 224, 192, 168}},
		{"portrait", 240, 426, 224, [4]int{240, 210, 180, 158}},
		{"nearly the side", 320, 257, 224, [4]int{257, 224, 192, 169}}, // 224.875
		{"two pixels from it", 400, 302, 224, [4]int{302, 264, 224, 199}},
		{"three pixels from it", 400, 303, 224, [4]int{303, 265, 227, 199}},
		{"nearly as high as the picture", 300, 223, 224, [4]int{223, 195, 167, 147}}, // not larger than it
		{"square", 64, 64, 64, [4]int{64, 56, 48, 42}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := map[stdimage.Rectangle]int{}
			for _, p := range pairs {
				bw, bh := c.sides[p[0]], c.sides[p[1]]
				for _, at := range places {
					x, y := at[0]*((c.w-bw)/4), at[1]*((c.h-bh)/4)
					want[stdimage.Rect(x, y, x+bw, y+bh)]++ // places fall together where nothing remains
				}
			}
			const n = 20000
			got := map[stdimage.Rectangle]int{}
			for _, g := range draws(MultiScaleCrop{Side: c.side, Filter: Bilinear}, n, c.w, c.h) {
				got[g.Box]++
				if all := (Geometry{Box: g.Box, W: c.side, H: c.side, Window: stdimage.Rect(0, 0, c.side, c.side), Filter: Bilinear}); g != all {
					t.Fatalf("%+v, want %+v", g, all)
				}
			}
			for box, times := range want {
				p := float64(times) / 130
				near(t, box.String(), float64(got[box])/n, p, 5*math.Sqrt(p*(1-p)/n))
			}
			for box := range maps.Keys(got) {
				if want[box] == 0 {
					t.Errorf("%v is not one of the boxes", box)
				}
			}
		})
	}
}

// TestMultiScaleCropFlip: mirrored with its probability; a function of the key.
func TestMultiScaleCropFlip(t *testing.T) {
	tr := MultiScaleCrop{Side: 32, Flip: 0.25, Filter: Bilinear}
	all := draws(tr, 4000, 50, 40)
	near(t, "mirrored", mean(all, flipped), 0.25, 0.03)
	if !slices.Equal(all, draws(tr, 4000, 50, 40)) {
		t.Error("the same keys give other boxes")
	}
	if g := tr.Geometry(data.Key{}, 1, 1); g.Box != stdimage.Rect(0, 0, 1, 1) {
		t.Errorf("box %v of a picture of one pixel", g.Box)
	}
	if tr.Size() != 32 {
		t.Errorf("size %d, want 32", tr.Size())
	}
}
