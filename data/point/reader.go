package point

import (
	"fmt"

	"m2pt/data"
	"m2pt/internal/philox"
	"m2pt/tokenizers/grouping"
)

// reader makes samples.
type reader struct {
	*dataset
	cloud   Cloud
	grouper grouping.Grouper
	draw    philox.Rand // here, not on the heap for each sample
}

func (r *reader) Read(key data.Key, dst *data.Sample) error {
	i, view := key.Sample, 0
	if r.opt.Views > 1 {
		i, view = i/r.opt.Views, i%r.opt.Views
	}
	label, err := r.Load(i, &r.cloud)
	if err != nil {
		return err
	}
	if err := r.sample(key, i, view); err != nil {
		return fmt.Errorf("points of %s: %w", r.Name(i), err)
	}
	dst.Label = label
	copy(dst.Values, r.cloud.XYZ)
	copy(dst.Labels, r.cloud.Parts)
	if r.opt.Groups == 0 {
		return nil
	}
	return r.grouper.Group(dst.Values, r.opt.GroupSize, dst.Indices)
}

// sample turns the cloud into N points.
func (r *reader) sample(key data.Key, i, view int) error {
	if err := r.cloud.check(); err != nil {
		return err
	}
	if n := len(r.cloud.Parts); r.opt.Parts && n != r.cloud.Len() {
		return fmt.Errorf("%d parts for %d points", n, r.cloud.Len())
	}
	late := r.opt.Sampling == "random"
	if r.opt.UnitSphere && !late {
		UnitSphere(r.cloud.XYZ)
	}
	var augment Augment
	var err error
	switch {
	case r.opt.Train:
		augment, r.draw = r.opt.Augment, key.Rand("points")
		err = r.choose(r.opt.Sampling)
	case r.opt.Views > 1:
		augment.ScaleTranslate, r.draw = true, philox.New(0, "vote", uint64(view), uint64(i))
		err = r.choose("fps")
	default:
		err = r.choose("")
	}
	if err != nil {
		return err
	}
	if r.opt.UnitSphere && late {
		UnitSphere(r.cloud.XYZ)
	}
	augment.apply(r.cloud.XYZ, &r.draw)
	return nil
}

// choose leaves N points of the cloud: by a sampling, or without one the first picks
// of FPS.
func (r *reader) choose(sampling string) error {
	want := r.opt.Points
	switch sampling {
	case "":
		return r.cloud.spread(&r.grouper, 0, want)
	case "replace":
		picks := r.cloud.number(want)
		for k := range picks {
			picks[k] = int32(r.draw.IntN(r.cloud.Len()))
		}
	case "fps":
		start := 0
		if r.opt.Train { // otherwise each epoch would have the same picks
			start = r.draw.IntN(r.cloud.Len())
		}
		if err := r.cloud.spread(&r.grouper, start, min(coarse(want), r.cloud.Len())); err != nil {
			return err
		}
		r.subset(want)
	case "random":
		r.subset(want)
	}
	r.cloud.keep(want)
	return nil
}

// coarse is how many points farthest-point sampling leaves, of which training takes
// n at random: 1200 for 1024 and in proportion, as many as there are of a cloud of
// 8192.
func coarse(n int) int {
	if n == 8192 {
		return n
	}
	return n * 1200 / 1024
}

// subset picks n different points in random order. Where there are fewer, all come
// in, and any of them again.
func (r *reader) subset(n int) {
	have := r.cloud.Len()
	picks := r.cloud.number(max(n, have))
	for k := range min(n, have) {
		other := k + r.draw.IntN(have-k)
		picks[k], picks[other] = picks[other], picks[k]
	}
	for k := have; k < n; k++ {
		picks[k] = int32(r.draw.IntN(have))
	}
}
