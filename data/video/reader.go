package video

import (
	"fmt"
	stdimage "image"
	"slices"

	"m2pt/data"
	"m2pt/data/image"
)

// reader makes samples. One frame at a time is in memory, however many a sample
// has.
type reader struct {
	*dataset
	at     []int // [T] frames of the sample, ascending
	wanted []int // the same, each once

	picture   image.Picture
	canvas    image.Canvas
	resampler image.Resampler
	size      stdimage.Point // of the frames
	geometry  image.Geometry
	planes    []uint8 // [3,S,S] of a frame
}

func (r *reader) Read(key data.Key, dst *data.Sample) error {
	i, view := key.Sample/r.Views(), key.Sample%r.Views()
	clip, label, err := r.Open(i)
	if err != nil {
		return err
	}
	dst.Label = label
	r.choose(key, view, clip.Len())
	return clip.Read(r.wanted, &r.picture, func(k int) error {
		if k == 0 {
			r.look(key, view)
		}
		if err := r.frame(key); err != nil {
			return fmt.Errorf("frame %d of %s: %w", r.wanted[k], r.Source.Name(i), err)
		}
		r.place(dst.Pixels, r.wanted[k])
		return nil
	})
}

// choose sets the frames of a view of a clip of n.
func (r *reader) choose(key data.Key, view, n int) {
	key.Draw = 0 // a repeated sample shows the same frames
	draw := key.Rand("frames")
	o := &r.opt
	switch {
	case o.Train && o.Sparse:
		sparseRandom(r.at, n, &draw)
	case o.Train:
		denseRandom(r.at, n, o.Rate, &draw)
	case o.Segments > 0 && o.Sparse:
		sparseSegment(r.at, n, view/o.Crops, o.Segments)
	case o.Segments > 0:
		denseSegment(r.at, n, o.Rate, view/o.Crops, o.Segments)
	case o.Sparse:
		sparseCentred(r.at, n)
	default:
		denseCentred(r.at, n, o.Rate)
	}
	r.wanted = slices.Compact(append(r.wanted[:0], r.at...))
}

// look sets the geometry of all frames of a view by the first of them.
func (r *reader) look(key data.Key, view int) {
	r.size = stdimage.Pt(r.picture.W, r.picture.H)
	r.geometry = r.transform.Geometry(key, r.size.X, r.size.Y)
	if r.opt.Crops > 1 {
		r.geometry.Window = along(r.geometry, view%r.opt.Crops, r.opt.Crops)
	}
}

// along is the window of crop j of several: at floor(j*(long-S)/(crops-1)) along the
// long side, centred along the short one.
func along(g image.Geometry, j, crops int) stdimage.Rectangle {
	at, size := g.Window.Min, g.Window.Dx()
	long := &at.X
	if g.H >= g.W {
		long = &at.Y
	}
	*long = int(float64(j) * (float64(max(g.W, g.H)-size) / float64(crops-1)))
	return stdimage.Rectangle{Min: at, Max: at.Add(stdimage.Pt(size, size))}
}

// frame makes the planes of the decoded picture.
func (r *reader) frame(key data.Key) error {
	p := &r.picture
	if p.W != r.size.X || p.H != r.size.Y {
		return fmt.Errorf("%dx%d pixels, those of frames before it are %dx%d: frames of a clip are of one size", p.W, p.H, r.size.X, r.size.Y)
	}
	r.canvas.Augment(key, p, r.opt.Augments)
	return r.resampler.Render(r.planes, p, r.geometry)
}

// place copies the planes to wherever the sample [3,T,S,S] shows frame n.
func (r *reader) place(pixels []uint8, n int) {
	size := r.opt.Size * r.opt.Size
	for t, at := range r.at {
		if at != n {
			continue
		}
		for c := range 3 {
			copy(pixels[(c*len(r.at)+t)*size:], r.planes[c*size:][:size])
		}
	}
}
