package engine

import (
	"fmt"
	"slices"
)

// Capturer is a Device that can record kernels.
type Capturer interface {
	// Capture calls run, whose kernels are recorded and not carried out, and returns what
	// replays them all in one call, any number of times. Nothing but kernels may be called
	// in run. What is recorded lives as long as the device, or as the kernel is reachable.
	Capture(run func() error) (Kernel, error)
}

// record is what a Program knows of the kernels that a stage runs.
type record struct {
	ran    bool   // kernel by kernel, after which no kernel has anything left to set up
	replay Kernel // nil until captured
}

// run executes one stage. On a Capturer the first run goes kernel by kernel, the second
// is recorded, and that one and all further ones are replayed.
func (p *Program) run(stage Stage) error {
	dev, ok := p.dev.(Capturer)
	if !ok || p.times != nil || !p.busy(stage) {
		return p.each(stage, nil)
	}
	r := p.record(stage)
	if !r.ran {
		err := p.each(stage, nil)
		r.ran = err == nil
		return err
	}
	if r.replay == nil {
		replay, err := dev.Capture(func() error { return p.each(stage, nil) })
		if err != nil {
			return fmt.Errorf("capture the %v stage: %w", stage, err)
		}
		r.replay = replay
	}
	return r.again(stage)
}

// again replays the stage.
func (r *record) again(stage Stage) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("replay the %v stage: %v", stage, r)
		}
	}()
	if err := r.replay(); err != nil {
		return fmt.Errorf("replay the %v stage: %w", stage, err)
	}
	return nil
}

// busy reports whether the stage has kernels.
func (p *Program) busy(stage Stage) bool {
	return slices.ContainsFunc(p.steps[p.from[stage]:p.from[stage+1]], func(s *step) bool { return s.kernel != nil })
}

// record is that of the kernels which the stage is to run now. Micro-steps after the first
// run others where there are sums.
func (p *Program) record(stage Stage) *record {
	adds := func(s *step) bool { return s.again != nil }
	if stage == Micro && p.done > 0 && slices.ContainsFunc(p.steps, adds) {
		return &p.records[Update+1]
	}
	return &p.records[stage]
}
