package video

import (
	"errors"
	"fmt"
	"math"

	"m2pt/data"
	"m2pt/data/image"
)

// Options say how a clip becomes a sample.
type Options struct {
	Frames int          // T
	Size   int          // S, side of the square frames in pixels
	Rate   int          // dense sampling: frames from one that is taken to the next
	Sparse bool         // one frame from each of T equal parts of the clip, instead of T frames Rate apart
	Filter image.Filter // of the resize; the reference's is image.Linear

	// Train takes frames, box and mirroring at random; without it they are those of
	// the middle, not mirrored.
	Train      bool
	Scale      [2]float64      // range of the box's share of the frame, (0.08, 1) in fine-tuning
	Ratio      [2]float64      // range of its width/height, drawn log-uniformly, (3/4, 4/3)
	MultiScale bool            // the box of image.MultiScaleCrop, as in pretraining, instead of one by Scale and Ratio
	Flip       float64         // probability of mirroring
	Augments   []image.Augment // of whole frames, ahead of the crop

	// Short is the short side that evaluation resizes to ahead of its crop; 0 is S.
	Short int
	// Segments and Crops, both above 0, make a test of several views of each clip:
	// view v looks at segment v/Crops of its time, crop v%Crops along the long side
	// of its frames.
	Segments, Crops int
}

// maxViews bounds Segments and Crops, maxSample the bytes of a sample.
const (
	maxViews  = 1000
	maxSample = 1 << 30
)

func (o *Options) validate() error {
	switch {
	case o.Frames < 1 || o.Size < 1 || o.Frames > maxSample/o.Size/o.Size/3:
		return fmt.Errorf("%d frames of %dx%d: want at least 1 of each and at most %d bytes", o.Frames, o.Size, o.Size, maxSample)
	case !o.Sparse && (o.Rate < 1 || o.Rate > math.MaxInt32/o.Frames):
		return fmt.Errorf("rate %d: want 1 or more frames from one to the next", o.Rate)
	case o.Train:
		return o.validateTraining()
	case o.Short != 0 && o.Short < o.Size:
		return fmt.Errorf("short side %d: want at least the size, %d", o.Short, o.Size)
	case (o.Segments == 0) != (o.Crops == 0) || min(o.Segments, o.Crops) < 0 || max(o.Segments, o.Crops) > maxViews:
		return fmt.Errorf("%d segments, %d crops: want both, 1 to %d, or neither", o.Segments, o.Crops, maxViews)
	}
	return nil
}

func (o *Options) validateTraining() error {
	within := func(r [2]float64, hi float64) bool { return 0 < r[0] && r[0] <= r[1] && r[1] <= hi }
	switch {
	case !o.MultiScale && !(within(o.Scale, 1) && within(o.Ratio, math.MaxFloat64)) || !(o.Flip >= 0 && o.Flip <= 1):
		return fmt.Errorf("scale %v, ratio %v, flip %g: want ranges above 0, a scale up to 1, a probability", o.Scale, o.Ratio, o.Flip)
	case o.Segments != 0 || o.Crops != 0:
		return errors.New("segments and crops are for a test, not for training")
	}
	return nil
}

// transform returns what each frame is put through.
func (o *Options) transform() image.Transform {
	switch {
	case o.Train && o.MultiScale:
		return image.MultiScaleCrop{Side: o.Size, Flip: o.Flip, Filter: o.Filter}
	case o.Train:
		return image.RandomResizedCrop{Side: o.Size, Scale: o.Scale, Ratio: o.Ratio, Flip: o.Flip, Filter: o.Filter}
	}
	short := o.Short
	if short == 0 {
		short = o.Size
	}
	return image.Eval{Short: short, Crop: o.Size, Filter: o.Filter}
}

// NewDataset returns the clips of a source as samples [3,T,S,S]. It is a
// [data.Viewed] with Segments*Crops views, or one.
func NewDataset(src Source, opt Options) (data.Dataset, error) {
	if err := opt.validate(); err != nil {
		return nil, fmt.Errorf("video dataset: %w", err)
	}
	return &dataset{src, opt, opt.transform()}, nil
}

type dataset struct {
	Source
	opt       Options
	transform image.Transform
}

func (d *dataset) Views() int { return max(d.opt.Segments*d.opt.Crops, 1) }

func (d *dataset) Len() int { return d.Source.Len() * d.Views() }

func (d *dataset) Name(i int) string { return d.Source.Name(i / d.Views()) }

func (d *dataset) Layout() data.Layout {
	return data.Layout{Pixels: []int{3, d.opt.Frames, d.opt.Size, d.opt.Size}}
}

func (d *dataset) NewReader() data.Reader {
	return &reader{
		dataset: d,
		at:      make([]int, d.opt.Frames),
		wanted:  make([]int, 0, d.opt.Frames),
		planes:  make([]uint8, 3*d.opt.Size*d.opt.Size),
	}
}
