package sketch

import (
	"image"
	"image/color"
	"image/draw"
)

// Widths in pixels: what is narrower than minWidth is enlarged; gaps are thin within a
// drawing and wide between drawings.
const (
	minWidth = 128
	thin     = 2
	wide     = 8
)

// Sheet lays drawings out in rows and aligned columns on white. Small ones are
// enlarged by a whole number to 128 pixels of width or more.
func Sheet(rows [][]image.Image) *image.RGBA {
	return tile(rows, wide)
}

// besides puts drawings side by side, or under one another into one where they are wide.
func besides(m ...image.Image) []image.Image {
	if size := m[0].Bounds().Size(); size.X < 3*size.Y {
		return m
	}
	var rows [][]image.Image
	for _, m := range m {
		rows = append(rows, []image.Image{m})
	}
	return []image.Image{tile(rows, thin)}
}

// tile lays out drawings, enlarged, with gaps between them.
func tile(rows [][]image.Image, gap int) *image.RGBA {
	var widths []int
	heights, cells := make([]int, len(rows)), make([][]image.Image, len(rows))
	for i, row := range rows {
		for k, m := range row {
			m = enlarge(m)
			if k == len(widths) {
				widths = append(widths, 0)
			}
			widths[k], heights[i] = max(widths[k], m.Bounds().Dx()), max(heights[i], m.Bounds().Dy())
			cells[i] = append(cells[i], m)
		}
	}
	x, width := starts(widths, gap)
	y, height := starts(heights, gap)
	sheet := raster(width, height, func(int, int) color.RGBA { return white() })
	for i, row := range cells {
		for k, m := range row {
			at := image.Rectangle{Max: m.Bounds().Size()}.Add(image.Pt(x[k], y[i]))
			draw.Draw(sheet, at, m, m.Bounds().Min, draw.Src)
		}
	}
	return sheet
}

// starts is where each of several lengths starts that follow one another with gaps
// between them, and where the last ends.
func starts(lengths []int, gap int) (start []int, end int) {
	for _, n := range lengths {
		start = append(start, end)
		end += n + gap
	}
	return start, max(end-gap, 0)
}

// enlarge makes squares of the pixels of small drawings.
func enlarge(m image.Image) image.Image {
	b := m.Bounds()
	if b.Empty() || b.Dx() >= minWidth {
		return m
	}
	k := (minWidth + b.Dx() - 1) / b.Dx()
	return raster(k*b.Dx(), k*b.Dy(), func(x, y int) color.RGBA {
		return color.RGBAModel.Convert(m.At(b.Min.X+x/k, b.Min.Y+y/k)).(color.RGBA)
	})
}

// raster is a drawing of which each pixel has the colour at(x, y).
func raster(width, height int, at func(x, y int) color.RGBA) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, at(x, y))
		}
	}
	return m
}

func white() color.RGBA { return color.RGBA{255, 255, 255, 255} }
