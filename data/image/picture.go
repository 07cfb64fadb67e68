// Package image reads pictures for classification: from class folders, from
// CIFAR-10 files, from anything that is a [Source].
//
// Vocabulary: a [Source] loads decoded pictures; a [Picture] is 8-bit RGB; a
// [Transform] chooses a [Geometry] (which box, resized to what, which window of
// that, mirrored or not) from the picture's size and a key; a [Resampler]
// carries a geometry out, bit for bit as Pillow resizes; an [Augment] then changes
// the pixels of the sample on its [Canvas]. [NewDataset] joins source, transform
// and augments into a data.Dataset with samples [3,S,S], uint8, planes in the
// order R, G, B; [NewGreyDataset] has [1,S,S].
//
// The package does not normalise, mix or erase: those are operations of the
// graph. JPEG is decoded by the standard library, which allocates; with chroma
// interpolated as libjpeg does, its pixels are within 3 levels of Pillow's (on
// average 0.04). A [Turbo], where the system has libturbojpeg, is faster and gives
// Pillow's pixels.
package image

import (
	"fmt"

	"m2pt/data"
)

// Picture is a decoded picture: Pix holds H rows of W pixels of three bytes R,
// G, B. Its memory is reused by the next picture loaded into it.
type Picture struct {
	W, H int
	Pix  []uint8
	File []byte // memory for the encoded picture, where a source needs some

	stored []uint8 // the pixels before they were turned upright
}

// Resize sets the size of p and makes room for its pixels, whose values are
// undefined until written.
func (p *Picture) Resize(w, h int) {
	p.W, p.H, p.Pix = w, h, grow(p.Pix, 3*w*h)
}

// Source is a list of labelled pictures. It is safe for concurrent use.
type Source interface {
	Len() int
	Classes() []string
	Name(i int) string
	// Load decodes picture i into dst and returns its label. An error names the
	// picture.
	Load(i int, dst *Picture) (label int32, err error)
}

// NewDataset returns the pictures of a source seen through a transform, then
// changed by each of the augments in turn.
func NewDataset(src Source, t Transform, augments ...Augment) data.Dataset {
	return &dataset{src, t, augments, false}
}

// NewGreyDataset is NewDataset with the pictures turned grey first, as Pillow's
// mode L: samples are [1,S,S].
func NewGreyDataset(src Source, t Transform, augments ...Augment) data.Dataset {
	return &dataset{src, t, augments, true}
}

type dataset struct {
	Source
	transform Transform
	augments  []Augment
	grey      bool
}

func (d *dataset) Layout() data.Layout {
	channels := 3
	if d.grey {
		channels = 1
	}
	return data.Layout{Pixels: []int{channels, d.transform.Size(), d.transform.Size()}}
}

func (d *dataset) NewReader() data.Reader { return &reader{dataset: d} }

type reader struct {
	*dataset
	picture   Picture
	resampler Resampler
	canvas    Canvas
	planes    []uint8 // three equal ones, of a grey sample
}

func (r *reader) Read(key data.Key, dst *data.Sample) error {
	label, err := r.Load(key.Sample, &r.picture)
	if err != nil {
		return err
	}
	dst.Label = label
	if !r.grey {
		return r.draw(key, dst.Pixels)
	}
	r.picture.grey()
	r.planes = grow(r.planes, 3*len(dst.Pixels))
	err = r.draw(key, r.planes)
	copy(dst.Pixels, r.planes) // the first plane: all are the same
	return err
}

// draw writes the planes [3,S,S] of the loaded picture's sample.
func (r *reader) draw(key data.Key, planes []uint8) error {
	g := r.transform.Geometry(key, r.picture.W, r.picture.H)
	if err := r.resampler.Render(planes, &r.picture, g); err != nil {
		return fmt.Errorf("transform %s: %w", r.Name(key.Sample), err)
	}
	r.canvas.use(planes, r.transform.Size(), r.transform.Size())
	for _, a := range r.augments {
		a.Apply(key, &r.canvas)
	}
	return nil
}
