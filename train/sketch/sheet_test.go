package sketch

import (
	"image"
	"image/color"
	"testing"
)

func TestSheet(t *testing.T) {
	plain := func(w, h int, c color.RGBA) image.Image { return raster(w, h, func(int, int) color.RGBA { return c }) }
	black, red := color.RGBA{0, 0, 0, 255}, color.RGBA{255, 0, 0, 255}
	for _, c := range []struct {
		name string
		rows [][]image.Image
		size image.Point
		want map[image.Point]color.RGBA
	}{
		{"nothing", nil, image.Point{}, nil},
		{"32 pixels", [][]image.Image{{plain(32, 16, black)}}, image.Pt(128, 64), map[image.Point]color.RGBA{{127, 63}: black}},
		{"33 pixels", [][]image.Image{{plain(33, 33, black)}}, image.Pt(132, 132), nil},
		{"128 pixels", [][]image.Image{{plain(128, 3, black)}}, image.Pt(128, 3), nil},
		{"columns align", [][]image.Image{{plain(200, 10, black), plain(130, 20, red)}, {plain(150, 5, red)}, {plain(150, 5, black), plain(140, 6, black), plain(128, 1, red)}},
			image.Pt(200+8+140+8+128, 20+8+5+8+6), map[image.Point]color.RGBA{
				{199, 9}: black, {200, 9}: white(), {199, 10}: white(), {208, 19}: red, {0, 28}: red, {150, 28}: white(),
				{0, 41}: black, {208, 46}: black, {356, 41}: red, {356, 42}: white()}},
		{"a picture's part", [][]image.Image{{plain(200, 10, black).(*image.RGBA).SubImage(image.Rect(50, 5, 200, 10))}},
			image.Pt(150, 5), map[image.Point]color.RGBA{{0, 0}: black, {149, 4}: black}},
		{"an enlarged picture's part", [][]image.Image{{plain(200, 10, black).(*image.RGBA).SubImage(image.Rect(100, 5, 164, 10))}},
			image.Pt(128, 10), map[image.Point]color.RGBA{{0, 0}: black, {127, 9}: black}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Sheet(c.rows)
			if m.Rect.Size() != c.size {
				t.Errorf("size %v, want %v", m.Rect.Size(), c.size)
			}
			expect(t, "sheet", m, c.want)
		})
	}
}

// TestSheetKeepsPixels: squares have sharp edges.
func TestSheetKeepsPixels(t *testing.T) {
	m := Sheet([][]image.Image{{raster(2, 2, func(x, y int) color.RGBA { return color.RGBA{uint8(x), uint8(y), 0, 255} })}})
	expect(t, "sheet", m, map[image.Point]color.RGBA{{63, 63}: {0, 0, 0, 255}, {64, 63}: {1, 0, 0, 255}, {63, 64}: {0, 1, 0, 255}, {127, 127}: {1, 1, 0, 255}})
}
