package image

import stdimage "image"

// setYCbCr converts a luma-chroma image. Where chroma has half the resolution it
// is interpolated as libjpeg and libwebp do ("fancy upsampling"), not repeated:
// repeating it shifts colours by up to twenty levels at edges.
func (p *Picture) setYCbCr(m *stdimage.YCbCr, toRGB rowToRGB) {
	chroma := make([]uint8, 2*p.W)
	cb, cr := chroma[:p.W], chroma[p.W:]
	for y := range p.H {
		chromaRow(cb, m.Cb, m, y)
		chromaRow(cr, m.Cr, m, y)
		luma := m.Y[m.YOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:p.W]
		toRGB(p.Pix[3*y*p.W:][:3*p.W], luma, cb, cr)
	}
}

// chromaRow writes row y of a chroma plane at full width.
func chromaRow(dst, plane []uint8, m *stdimage.YCbCr, y int) {
	row := func(y int) []uint8 {
		y = min(max(y, 0), m.Rect.Dy()-1)
		return plane[m.COffset(m.Rect.Min.X, m.Rect.Min.Y+y):]
	}
	switch m.SubsampleRatio {
	case stdimage.YCbCrSubsampleRatio444:
		copy(dst, row(y))
	case stdimage.YCbCrSubsampleRatio422:
		stretch(dst, row(y), row(y), 4, 8)
	case stdimage.YCbCrSubsampleRatio420:
		// The pixel row lies a quarter of a chroma row away from its own chroma
		// row, towards the one above (even y) or below (odd y).
		stretch(dst, row(y), row(y-1+y%2*2), 8, 7)
	default:
		at := row(y)
		first := m.COffset(m.Rect.Min.X, m.Rect.Min.Y+y)
		for x := range dst {
			dst[x] = at[m.COffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)-first]
		}
	}
}

// stretch doubles a row with the triangle filter: with s = 3*near + far, output
// 2i is (3 s[i] + s[i-1] + even) / 16 and output 2i+1 is (3 s[i] + s[i+1] + odd) / 16.
// even and odd alternate the direction of rounding.
func stretch(dst, near, far []uint8, even, odd int) {
	n := (len(dst) + 1) / 2
	near, far = near[:n], far[:n]
	here := 3*int(near[0]) + int(far[0])
	before := here
	for i := range near {
		after := here
		if i+1 < n {
			after = 3*int(near[i+1]) + int(far[i+1])
		}
		dst[2*i] = uint8((3*here + before + even) >> 4)
		if 2*i+1 < len(dst) {
			dst[2*i+1] = uint8((3*here + after + odd) >> 4)
		}
		before, here = here, after
	}
}

// rowToRGB converts a row of luma and chroma.
type rowToRGB func(dst, luma, cb, cr []uint8)

// fullRange is JFIF's conversion, 16 fractional bits as in libjpeg:
// R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb.
func fullRange(dst, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		y, u, v := int32(l), int32(cb[x])-128, int32(cr[x])-128
		p := dst[3*x : 3*x+3]
		p[0] = clamp(y + (91881*v+1<<15)>>16)
		p[1] = clamp(y + (-22554*u-46802*v+1<<15)>>16)
		p[2] = clamp(y + (116130*u+1<<15)>>16)
	}
}

// videoRange is BT.601 with luma 16..235, which WebP uses, 14 fractional bits:
// R = 1.164 Y + 1.596 Cr, G = 1.164 Y - 0.392 Cb - 0.813 Cr, B = 1.164 Y + 2.017 Cb.
func videoRange(dst, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		y, u, v := (int32(l)-16)*19077+1<<13, int32(cb[x])-128, int32(cr[x])-128
		p := dst[3*x : 3*x+3]
		p[0] = clamp((y + 26149*v) >> 14)
		p[1] = clamp((y - 6419*u - 13320*v) >> 14)
		p[2] = clamp((y + 33050*u) >> 14)
	}
}
