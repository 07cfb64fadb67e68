package parity

import (
	"fmt"
	"regexp"
	"strconv"

	"m2pt/train"
)

// lrSchedule: the learning rate at every iteration of several runs, one column
// per parameter group.
func lrSchedule(r *replay) {
	var m struct {
		Cases   []runMeta
		Columns []string
	}
	r.meta(&m)
	for i, c := range m.Cases {
		var lrs []float64
		for it := range c.Epochs * c.ItersPerEpoch {
			epoch, step := it/c.ItersPerEpoch, it%c.ItersPerEpoch
			step -= step % max(c.AccumIter, 1) // set once per update
			lr := c.schedule().At(float64(epoch) + float64(step)/float64(c.ItersPerEpoch))
			for _, column := range m.Columns {
				lrs = append(lrs, lr*scaleOf(column))
			}
		}
		checkValues(r, exact64(), fmt.Sprintf("out/case%d_lr", i), lrs)
	}
}

// lrSchedulePoint: the learning rate in force in each epoch.
func lrSchedulePoint(r *replay) {
	var m struct {
		Cases []struct {
			LR     float64
			MinLR  float64 `json:"lr_min"`
			Start  float64 `json:"warmup_lr_init"`
			Warmup float64 `json:"warmup_epochs"`
			Epochs int
		}
	}
	r.meta(&m)
	for i, c := range m.Cases {
		s := train.Schedule{Name: train.ScheduleEpochs, LR: c.LR, MinLR: c.MinLR, WarmupLR: c.Start, Warmup: c.Warmup, Epochs: float64(c.Epochs)}
		var lrs []float64
		for epoch := range c.Epochs + 1 { // Point-MAE trains one more
			lrs = append(lrs, s.At(float64(epoch)))
		}
		checkValues(r, exact64(), fmt.Sprintf("out/case%d", i), lrs)
	}
}

// lrScheduleVideo: the learning rate at every iteration. A warm-up counted in
// iterations goes before one in epochs.
func lrScheduleVideo(r *replay) {
	var m struct {
		Cases []struct {
			Base, Final   float64
			Start         float64 `json:"start_warmup"`
			Warmup        float64 `json:"warmup_epochs"`
			WarmupSteps   float64 `json:"warmup_steps"`
			ItersPerEpoch int64   `json:"iters_per_epoch"`
			Epochs        int64
		}
	}
	r.meta(&m)
	for i, c := range m.Cases {
		n := float64(c.ItersPerEpoch)
		s := train.Schedule{Name: train.ScheduleSteps, LR: c.Base, MinLR: c.Final, WarmupLR: c.Start, Warmup: c.Warmup,
			Epochs: float64(c.Epochs), PerEpoch: c.ItersPerEpoch}
		if c.WarmupSteps > 0 {
			s.Warmup = c.WarmupSteps / n
		}
		var lrs []float64
		for it := range c.Epochs * c.ItersPerEpoch {
			lrs = append(lrs, s.At(float64(it)/n))
		}
		checkValues(r, exact64(), fmt.Sprintf("out/case%d", i), lrs)
	}
}

// scaleOf reads "group with lr_scale 0.25"; a group without has scale 1.
func scaleOf(column string) float64 {
	m := regexp.MustCompile(`with lr_scale ([0-9.e+-]+)`).FindStringSubmatch(column)
	if m == nil {
		return 1
	}
	scale, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0 // matches nothing that was recorded
	}
	return scale
}
