package video

import (
	"bytes"
	stdimage "image"
	"image/jpeg"

	"m2pt/data/image"
)

// encoder makes JPEG files of frames, shrunk first where their short side is more
// than short and that is not 0.
type encoder struct {
	short, quality int

	picture   image.Picture // to be encoded
	resampler image.Resampler
	planes    []uint8
	rgba      stdimage.RGBA
}

// encode returns the file of the picture.
func (e *encoder) encode() ([]byte, error) {
	p := &e.picture
	if small := min(p.W, p.H); e.short > 0 && small > e.short {
		if err := e.shrink(max(p.W*e.short/small, 1), max(p.H*e.short/small, 1)); err != nil {
			return nil, err
		}
	} else {
		e.size(p.W, p.H)
		for i := range p.W * p.H {
			copy(e.rgba.Pix[4*i:][:3], p.Pix[3*i:])
		}
	}
	var file bytes.Buffer
	err := jpeg.Encode(&file, &e.rgba, &jpeg.Options{Quality: e.quality})
	return file.Bytes(), err
}

// size makes rgba of w x h; JPEG does not look at its alpha.
func (e *encoder) size(w, h int) {
	if e.rgba.Rect.Dx() != w || e.rgba.Rect.Dy() != h {
		e.rgba = *stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	}
}

// shrink resizes the picture into rgba.
func (e *encoder) shrink(w, h int) error {
	e.size(w, h)
	if len(e.planes) != 3*w*h {
		e.planes = make([]uint8, 3*w*h)
	}
	g := image.Geometry{
		Box: stdimage.Rect(0, 0, e.picture.W, e.picture.H), W: w, H: h,
		Window: stdimage.Rect(0, 0, w, h), Filter: image.Bicubic,
	}
	if err := e.resampler.Render(e.planes, &e.picture, g); err != nil {
		return err
	}
	for i, v := range e.planes {
		e.rgba.Pix[4*(i%(w*h))+i/(w*h)] = v
	}
	return nil
}
