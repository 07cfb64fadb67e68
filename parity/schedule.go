package parity

import (
	"fmt"
	"regexp"
	"strconv"
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
