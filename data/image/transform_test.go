package image

import (
	stdimage "image"
	"math"
	"slices"
	"testing"

	"m2pt/data"
)

func TestEvalGeometry(t *testing.T) {
	for _, c := range []struct {
		name       string
		transform  Eval
		w, h       int
		nw, nh     int
		left, upto int // window's x0 and y0
	}{
		{"landscape", Eval{256, 224, Bicubic}, 500, 375, 341, 256, 58, 16}, // (341-224)/2 = 58.5 -> 58
		{"portrait", Eval{256, 224, Bicubic}, 375, 500, 256, 341, 16, 58},
		{"half to even, up", Eval{256, 224, Bicubic}, 343, 256, 343, 256, 60, 16}, // 59.5 -> 60
		{"square", Eval{32, 32, Bicubic}, 32, 32, 32, 32, 0, 0},
		{"crop larger than the picture", Eval{28, 32, Bicubic}, 28, 28, 28, 28, -2, -2},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := c.transform.Geometry(data.Key{}, c.w, c.h)
			want := Geometry{
				Box: stdimage.Rect(0, 0, c.w, c.h), W: c.nw, H: c.nh,
				Window: stdimage.Rect(c.left, c.upto, c.left+c.transform.Crop, c.upto+c.transform.Crop),
			}
			if g != want {
				t.Errorf("got %+v, want %+v", g, want)
			}
		})
	}
}

func TestCropPct(t *testing.T) {
	for _, c := range []struct {
		size  int
		pct   float64
		short int
	}{{224, 0, 256}, {32, 0, 36}, {384, 0, 384}, {224, 0.9, 248}, {224, 1, 224}} {
		if got := CropPct(c.size, c.pct, Bilinear); got != (Eval{c.short, c.size, Bilinear}) {
			t.Errorf("size %d, pct %g: %+v, want short side %d", c.size, c.pct, got, c.short)
		}
	}
}

// draws returns the geometries of n samples.
func draws(tr Transform, n, w, h int) []Geometry {
	all := make([]Geometry, n)
	for i := range all {
		all[i] = tr.Geometry(data.Key{Seed: 1, Epoch: 2, Sample: i}, w, h)
	}
	return all
}

// mean averages f over geometries.
func mean(all []Geometry, f func(Geometry) float64) float64 {
	s := 0.0
	for _, g := range all {
		s += f(g)
	}
	return s / float64(len(all))
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %g, want %g within %g", what, got, want, tolerance)
	}
}

func flipped(g Geometry) float64 {
	if g.Flip {
		return 1
	}
	return 0
}

func TestRandomResizedCropDistribution(t *testing.T) {
	const w, h, n = 1000, 1000, 20000
	tr := RandomResizedCrop{Side: 224, Scale: [2]float64{0.08, 0.5}, Ratio: [2]float64{3.0 / 4, 4.0 / 3}, Flip: 0.3}
	all := draws(tr, n, w, h)
	for _, g := range all {
		area := float64(g.Box.Dx()*g.Box.Dy()) / (w * h)
		ratio := float64(g.Box.Dx()) / float64(g.Box.Dy())
		if area < 0.0795 || area > 0.501 || ratio < 0.745 || ratio > 1.341 || !g.Box.In(stdimage.Rect(0, 0, w, h)) {
			t.Fatalf("box %v: area %g, ratio %g", g.Box, area, ratio)
		}
		if g.W != 224 || g.H != 224 || g.Window != stdimage.Rect(0, 0, 224, 224) {
			t.Fatalf("geometry %+v", g)
		}
	}
	near(t, "area", mean(all, func(g Geometry) float64 { return float64(g.Box.Dx()*g.Box.Dy()) / (w * h) }), 0.29, 0.003)
	near(t, "log ratio", mean(all, func(g Geometry) float64 { return math.Log(float64(g.Box.Dx()) / float64(g.Box.Dy())) }), 0, 0.005)
	near(t, "log ratio's size", mean(all, func(g Geometry) float64 {
		return math.Abs(math.Log(float64(g.Box.Dx()) / float64(g.Box.Dy())))
	}), math.Log(4.0/3)/2, 0.003)
	near(t, "place", mean(all, func(g Geometry) float64 { return float64(g.Box.Min.X) / float64(w-g.Box.Dx()) }), 0.5, 0.01)
	near(t, "flips", mean(all, flipped), 0.3, 0.01)
}

// TestRandomResizedCropFallback: where no draw fits, the largest central box of
// an allowed shape.
func TestRandomResizedCropFallback(t *testing.T) {
	tr := RandomResizedCrop{Side: 8, Scale: [2]float64{1, 1}, Ratio: [2]float64{3.0 / 4, 4.0 / 3}}
	for _, c := range []struct {
		w, h int
		want stdimage.Rectangle
	}{
		{1000, 100, stdimage.Rect(433, 0, 566, 100)},
		{90, 1000, stdimage.Rect(0, 440, 90, 560)},
		{1, 1, stdimage.Rect(0, 0, 1, 1)},
	} {
		for _, g := range draws(tr, 20, c.w, c.h) {
			if g.Box != c.want {
				t.Errorf("%dx%d: box %v, want %v", c.w, c.h, g.Box, c.want)
			}
		}
	}
}

// TestOnce: a single box, its sides cut to the picture's.
func TestOnce(t *testing.T) {
	tr := RandomResizedCrop{Side: 8, Scale: [2]float64{0.08, 1}, Ratio: [2]float64{3.0 / 4, 4.0 / 3}, Once: true}
	const w, h, n = 1000, 250, 20000
	all := draws(tr, n, w, h)
	whole := func(g Geometry) float64 {
		if g.Box.Dy() == h {
			return 1
		}
		return 0
	}
	for _, g := range all {
		if !g.Box.In(stdimage.Rect(0, 0, w, h)) || g.Box.Empty() || g.Box.Dx() > 577 { // sqrt(1000*250*4/3)
			t.Fatalf("box %v", g.Box)
		}
	}
	// area/ratio >= 250^2: the share of u in (0.08, 1) with 4u >= ratio, 0.8115 on average
	near(t, "boxes of full height", mean(all, whole), 0.8115, 0.01)
	near(t, "place", mean(all, func(g Geometry) float64 { return float64(g.Box.Min.X) / float64(w-g.Box.Dx()) }), 0.5, 0.01)
	for _, g := range draws(tr, 50, 1, 1) {
		if g.Box != stdimage.Rect(0, 0, 1, 1) {
			t.Errorf("box %v of a single pixel", g.Box)
		}
	}
}

func TestShiftDistribution(t *testing.T) {
	all := draws(Shift{Side: 32, Pad: 4, Flip: 0.5}, 20000, 32, 32)
	for d := -4; d <= 4; d++ {
		at := func(x int) float64 {
			if x == d {
				return 1
			}
			return 0
		}
		near(t, "x shift", mean(all, func(g Geometry) float64 { return at(g.Window.Min.X) }), 1.0/9, 0.01)
		near(t, "y shift", mean(all, func(g Geometry) float64 { return at(g.Window.Min.Y) }), 1.0/9, 0.01)
	}
	near(t, "flips", mean(all, flipped), 0.5, 0.015)
	still := draws(Shift{Side: 32}, 1, 32, 32)[0]
	if still.Window != stdimage.Rect(0, 0, 32, 32) || still.Flip {
		t.Errorf("no padding and no flip still give %+v", still)
	}
}

// TestShiftPixels: the picture moves against the window, zeros follow.
func TestShiftPixels(t *testing.T) {
	src := &Picture{W: 2, H: 2, Pix: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
	box := stdimage.Rect(0, 0, 2, 2)
	for _, c := range []struct {
		name string
		g    Geometry
		want []uint8
	}{
		{"in place", Geometry{Box: box, W: 2, H: 2, Window: box}, src.Pix},
		{"mirrored", Geometry{Box: box, W: 2, H: 2, Window: box, Flip: true}, []uint8{4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9}},
		{"right and down", Geometry{Box: box, W: 2, H: 2, Window: box.Add(stdimage.Pt(-1, -1))}, []uint8{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3}},
		{"left", Geometry{Box: box, W: 2, H: 2, Window: box.Add(stdimage.Pt(1, 0))}, []uint8{4, 5, 6, 0, 0, 0, 10, 11, 12, 0, 0, 0}},
		{"away", Geometry{Box: box, W: 2, H: 2, Window: box.Add(stdimage.Pt(5, 0))}, make([]uint8, 12)},
		{"a part", Geometry{Box: stdimage.Rect(1, 1, 2, 2), W: 1, H: 1, Window: stdimage.Rect(0, 0, 1, 1)}, []uint8{10, 11, 12}},
	} {
		if got := render(t, src, c.g); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestWindowOfResize: a window is what cutting the whole resized picture gives.
func TestWindowOfResize(t *testing.T) {
	src := noise(37, 29)
	whole := stdimage.Rect(0, 0, 20, 50)
	g := Geometry{Box: stdimage.Rect(3, 2, 35, 29), W: 20, H: 50, Window: whole}
	all := &Picture{W: 20, H: 50, Pix: render(t, src, g)}
	for _, window := range []stdimage.Rectangle{stdimage.Rect(5, 7, 12, 30), stdimage.Rect(-3, 40, 9, 60), stdimage.Rect(19, 0, 20, 1)} {
		g.Window = window
		want := render(t, all, Geometry{Box: whole, W: 20, H: 50, Window: window})
		if !slices.Equal(render(t, src, g), want) {
			t.Errorf("window %v differs from a cut", window)
		}
	}
}

// noise is a picture of random bytes.
func noise(w, h int) *Picture {
	p := &Picture{}
	p.Resize(w, h)
	r := data.Key{}.Rand("noise")
	for i := range p.Pix {
		p.Pix[i] = uint8(r.Uint32())
	}
	return p
}

func TestRenderRefuses(t *testing.T) {
	src, whole := noise(4, 4), stdimage.Rect(0, 0, 4, 4)
	for name, g := range map[string]Geometry{
		"box outside": {Box: stdimage.Rect(0, 0, 5, 4), W: 4, H: 4, Window: whole},
		"box empty":   {W: 4, H: 4, Window: whole},
		"no size":     {Box: whole, Window: whole},
		"wrong room":  {Box: whole, W: 4, H: 4, Window: stdimage.Rect(0, 0, 3, 3)},
	} {
		if err := new(Resampler).Render(make([]uint8, 48), src, g); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
