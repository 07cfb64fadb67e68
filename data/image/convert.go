package image

import (
	stdimage "image"
	"image/color"
	"slices"
)

// set converts a decoded image to RGB; toRGB serves the luma-chroma kinds.
func (p *Picture) set(img stdimage.Image, toRGB rowToRGB) {
	b := img.Bounds()
	p.Resize(b.Dx(), b.Dy())
	switch m := img.(type) {
	case *stdimage.YCbCr:
		p.setYCbCr(m, toRGB)
		return
	case *stdimage.NYCbCrA:
		p.setYCbCr(&m.YCbCr, toRGB)
		return
	}
	for y := range p.H {
		row := p.Pix[3*y*p.W:][:3*p.W]
		switch m := img.(type) {
		case *stdimage.Gray:
			rowGray(row, m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
		case *stdimage.RGBA: // opaque: the decoders use NRGBA for alpha
			rowRGBA(row, m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
		case *stdimage.NRGBA:
			rowRGBA(row, m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
		case *stdimage.NRGBA64:
			rowNRGBA64(row, m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
		default:
			rowAny(row, img, b.Min.X, b.Min.Y+y)
		}
	}
}

// grey sets all three colours to the luma of ITU-R 601, rounded as in Pillow:
// (19595 R + 38470 G + 7471 B + 2^15) / 2^16.
func (p *Picture) grey() {
	for rgb := range slices.Chunk(p.Pix, 3) {
		y := uint8((19595*int(rgb[0]) + 38470*int(rgb[1]) + 7471*int(rgb[2]) + 1<<15) >> 16)
		rgb[0], rgb[1], rgb[2] = y, y, y
	}
}

func rowGray(dst, src []uint8) {
	for x, v := range src[:len(dst)/3] {
		dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
	}
}

func rowRGBA(dst, src []uint8) {
	for x := range len(dst) / 3 {
		copy(dst[3*x:3*x+3], src[4*x:])
	}
}

// rowNRGBA64 takes the high bytes: alpha stays straight, so that transparent
// pixels keep their colour.
func rowNRGBA64(dst, src []uint8) {
	for x := range len(dst) / 3 {
		p := src[8*x:][:8]
		dst[3*x], dst[3*x+1], dst[3*x+2] = p[0], p[2], p[4]
	}
}

// rowAny serves the rare kinds (palettes, opaque 16 bits, CMYK) through the
// color interface; a palette's colours are straight already.
func rowAny(dst []uint8, img stdimage.Image, x0, y int) {
	for x := range len(dst) / 3 {
		c := color.NRGBAModel.Convert(img.At(x0+x, y)).(color.NRGBA)
		dst[3*x], dst[3*x+1], dst[3*x+2] = c.R, c.G, c.B
	}
}
