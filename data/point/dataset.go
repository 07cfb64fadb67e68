package point

import (
	"fmt"

	"m2pt/data"
)

// Options say how a cloud becomes a sample.
type Options struct {
	Points    int // N
	Groups    int // G; 0 leaves groups out
	GroupSize int // M, at most N

	// Sampling is how training chooses N points: "fps" takes the first picks of
	// farthest-point sampling from any point on, somewhat more than N (1200 for 1024),
	// of those any N;
	// "random" takes any N; "replace" draws N times, so that points may repeat.
	// Evaluation takes the first N picks of farthest-point sampling. It is that
	// without a rule for padding. Where a cloud has fewer points they repeat.
	Sampling string

	// UnitSphere moves the mean of a cloud to the origin and its farthest point to
	// distance 1: ahead of sampling, as the reference does, except after it where that
	// is "random". Clouds that stay as they are should be of about that size, since
	// groups have no centres within 0.03 of the origin.
	UnitSphere bool

	// Parts gives samples the part of each point, which the source must have.
	Parts bool

	// Train chooses points at random and augments them; otherwise a sample is a
	// function of the cloud, or of the cloud and the number of the view.
	Train   bool
	Augment Augment

	// Views above 1 lets evaluation see each cloud so many times, sampled as by
	// training with "fps" and moved by ScaleTranslate: the reference's voting.
	Views int
}

// NewDataset returns the clouds of a source as samples with Values [N,3], Indices
// [G,1+M] (see package grouping), Label, and Labels [N] where Parts are wanted. With
// views it is a data.Viewed, with parts a data.Segmented.
func NewDataset(src Source, opt Options) (data.Dataset, error) {
	if err := opt.check(src); err != nil {
		return nil, fmt.Errorf("point dataset: %w", err)
	}
	ds := &dataset{src, opt}
	switch {
	case opt.Views > 1:
		return &viewed{ds}, nil
	case opt.Parts:
		return &segmented{ds}, nil
	}
	return ds, nil
}

func (o *Options) check(src Source) error {
	switch {
	case o.Points < 1 || o.Points > maxPoints:
		return fmt.Errorf("%d points: want 1 to %d", o.Points, maxPoints)
	case o.Groups < 0 || o.Groups > 0 && (o.GroupSize < 1 || o.GroupSize > o.Points):
		return fmt.Errorf("%d groups of %d in %d points: want groups no larger than the cloud", o.Groups, o.GroupSize, o.Points)
	case o.Sampling != "fps" && o.Sampling != "random" && o.Sampling != "replace":
		return fmt.Errorf("sampling %q: want fps, random or replace", o.Sampling)
	case o.Views > 1 && o.Train:
		return fmt.Errorf("%d views: training has one of each cloud", o.Views)
	case o.Views > 1 && o.Parts:
		return fmt.Errorf("%d views: each has other points, so answers for points cannot be merged", o.Views)
	}
	if _, ok := src.(PartSource); o.Parts && !ok {
		return fmt.Errorf("parts are wanted: the points of the source have no labels")
	}
	return o.Augment.check()
}

type dataset struct {
	Source
	opt Options
}

func (d *dataset) Layout() data.Layout {
	l := data.Layout{Values: []int{d.opt.Points, 3}}
	if d.opt.Groups > 0 {
		l.Indices = []int{d.opt.Groups, 1 + d.opt.GroupSize}
	}
	if d.opt.Parts {
		l.Labels = []int{d.opt.Points}
	}
	return l
}

func (d *dataset) NewReader() data.Reader { return &reader{dataset: d} }

// viewed shows each cloud several times.
type viewed struct{ *dataset }

func (v *viewed) Len() int          { return v.dataset.Len() * v.opt.Views }
func (v *viewed) Views() int        { return v.opt.Views }
func (v *viewed) Name(i int) string { return v.dataset.Name(i / v.opt.Views) }

// segmented tells which parts the classes have.
type segmented struct{ *dataset }

func (s *segmented) Parts() [][]int32 { return s.Source.(PartSource).Parts() }
