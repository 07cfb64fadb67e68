package image

import (
	stdimage "image"
	"image/color"
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
		default:
			rowAny(row, img, b.Min.X, b.Min.Y+y)
		}
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

// rowAny serves the rare kinds (palettes, 16 bits, CMYK) through the color
// interface, straight alpha so that transparent pixels keep their colour.
func rowAny(dst []uint8, img stdimage.Image, x0, y int) {
	for x := range len(dst) / 3 {
		c := color.NRGBAModel.Convert(img.At(x0+x, y)).(color.NRGBA)
		dst[3*x], dst[3*x+1], dst[3*x+2] = c.R, c.G, c.B
	}
}
