package sketch

import (
	"image"
	"image/color"
	"math"
	"testing"
)

// expect compares pixels of a drawing.
func expect(t *testing.T, name string, m image.Image, want map[image.Point]color.RGBA) {
	t.Helper()
	for p, c := range want {
		if got := m.At(p.X, p.Y); got != c {
			t.Errorf("%s: pixel %v is %v, want %v", name, p, got, c)
		}
	}
}

// TestPictureRow: a picture of 2x2 patches of 2x2 pixels that is blue but for one
// green pixel; the network saw patches 0 and 3, told 0 and 1 red, and of 2 nothing.
// Pixels become squares of 32.
func TestPictureRow(t *testing.T) {
	blue, green, red := color.RGBA{0, 0, 255, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{255, 0, 0, 255}
	p := Patches{Channels: 3, Size: [3]int{1, 4, 4}, Kernel: [3]int{1, 2, 2}, Mean: []float64{.5, .25, .5}, Std: []float64{.25, .5, .125}}
	pixels := make([]uint8, 3*16)
	for i := range 16 {
		pixels[32+i] = 255
	}
	pixels[16+3], pixels[32+3] = 255, 0 // (3, 0) in patch 1
	told := make([]float32, 2*12)
	for i := range told {
		c := i % 3
		told[i] = float32(([]float64{1.5, 0, -1}[c] - p.Mean[c]) / p.Std[c]) // out of range is clipped
	}
	row, err := p.Row(p.Numbers(pixels), Answer{[]int32{0, 3}, []int32{0, 1}, told})
	if err != nil || len(row) != 3 {
		t.Fatalf("%d drawings, %v", len(row), err)
	}
	for k, want := range []map[image.Point]color.RGBA{
		{{0, 0}: blue, {95, 31}: blue, {96, 0}: green, {127, 31}: green, {127, 32}: blue, {0, 127}: blue, {127, 127}: blue},
		{{0, 0}: blue, {63, 63}: blue, {64, 0}: unknown(), {96, 0}: unknown(), {0, 64}: unknown(), {64, 64}: blue},
		{{0, 0}: blue, {63, 63}: blue, {64, 0}: red, {96, 0}: red, {63, 64}: unknown(), {64, 64}: blue},
	} {
		expect(t, [...]string{"original", "masked", "reconstructed"}[k], row[k], want)
	}
}

// TestGrey: two channels are drawn as the first.
func TestGrey(t *testing.T) {
	p := Patches{Channels: 2, Size: [3]int{1, 1, 200}, Kernel: [3]int{1, 1, 1}}
	volume := make([]float32, 400)
	volume[7], volume[300] = 0.2, 1
	m, err := p.Draw(volume)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "grey", m, map[image.Point]color.RGBA{{7, 0}: {51, 51, 51, 255}, {100, 0}: {0, 0, 0, 255}})
}

// TestClip: of 16 frames, frame t of brightness 15t, every other one is drawn, in three
// strips under one another.
func TestClip(t *testing.T) {
	p := Patches{Channels: 1, Size: [3]int{16, 4, 4}, Kernel: [3]int{2, 4, 4}}
	pixels := make([]uint8, 16*16)
	for i := range pixels {
		pixels[i] = uint8(15 * (i / 16))
	}
	row, err := p.Row(p.Numbers(pixels), Answer{Visible: []int32{1}, Masked: []int32{2}, Pred: make([]float32, 32)})
	if err != nil || len(row) != 1 || row[0].Bounds() != image.Rect(0, 0, 8*128+7*thin, 3*128+2*thin) {
		t.Fatalf("%d drawings, %v", len(row), err)
	}
	expect(t, "gap", row[0], map[image.Point]color.RGBA{{128, 5}: white(), {129, 5}: white()})
	for k := range 8 {
		grey := uint8(30 * k)
		original, masked, told := color.RGBA{grey, grey, grey, 255}, unknown(), unknown()
		switch k {
		case 1:
			masked, told = original, original
		case 2:
			told = color.RGBA{0, 0, 0, 255}
		}
		expect(t, "clip", row[0], map[image.Point]color.RGBA{{k * 130, 0}: original, {k*130 + 127, 127 + 130}: masked, {k * 130, 260}: told,
			{k * 130, 128}: white()})
	}
}

// TestSpectrogram: time runs to the right, bands upwards; nearly all numbers give the
// range, padding does not.
func TestSpectrogram(t *testing.T) {
	const frames, bands = 160, 100
	p := Patches{Channels: 1, Size: [3]int{1, frames, bands}, Kernel: [3]int{1, 10, 10}, Spectrogram: true}
	volume := make([]float32, frames*bands)
	for i := range volume {
		volume[i] = 500 // padding
		if i/bands < 120 {
			volume[i] = float32(i % bands)
		}
	}
	volume[20*bands+3] = 1e6
	visible := count[int32](16*10 - 1) // but the last frames' high bands
	row, err := p.Row(volume, Answer{Visible: visible, Masked: []int32{159}, Pred: make([]float32, 100)})
	if err != nil || len(row) != 3 {
		t.Fatalf("%d drawings, %v", len(row), err)
	}
	low, high, middle := heat(0), heat(1), heat(48./98)
	expect(t, "original", row[0], map[image.Point]color.RGBA{{0, 99}: low, {119, 99}: low, {0, 0}: high, {20, 96}: high, {60, 50}: middle, {159, 50}: high})
	expect(t, "masked", row[1], map[image.Point]color.RGBA{{0, 99}: low, {159, 0}: unknown(), {150, 9}: unknown(), {149, 0}: high, {159, 10}: high})
	expect(t, "reconstructed", row[2], map[image.Point]color.RGBA{{0, 0}: high, {159, 0}: low, {159, 10}: high})
	for name, flat := range map[string]float32{"silence": 3, "nothing": 0} {
		for i := range volume {
			volume[i] = flat
		}
		m, err := p.Draw(volume)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, name, m, map[image.Point]color.RGBA{{0, 0}: low})
	}
}

// TestHeat: CIE's lightness, computed from the bytes drawn, rises evenly, and no colour
// is one that the screen lacks, or like that of the unknown.
func TestHeat(t *testing.T) {
	const steps = 16
	lightness := func(c color.RGBA) float64 {
		linear := func(v uint8) float64 {
			if x := float64(v) / 255; x > 0.04045 {
				return math.Pow((x+0.055)/1.055, 2.4)
			}
			return float64(v) / 255 / 12.92
		}
		if Y := 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B); Y > 216./24389 {
			return 116*math.Cbrt(Y) - 16
		} else {
			return 24389. / 27 * Y
		}
	}
	for i := range steps {
		a, b := heat(float64(i)/steps), heat(float64(i+1)/steps)
		if d := lightness(b) - lightness(a); d < 3.5 || d > 8 {
			t.Errorf("lightness from %v to %v rises by %.1f", a, b, d)
		}
		if spread := max(a.R, a.G, a.B) - min(a.R, a.G, a.B); i > 1 && i < steps-1 && spread < 40 {
			t.Errorf("%v is nearly grey", a)
		}
	}
	if heat(-1) != heat(0) || heat(2) != heat(1) || lightness(heat(0)) > 8 || lightness(heat(1)) < 90 {
		t.Errorf("ends %v %v", heat(0), heat(1))
	}
}
