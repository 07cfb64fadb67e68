//go:build m2ptemu

package emulated

import (
	"fmt"

	"m2pt/cuda/driver"
	"m2pt/cuda/kernels/emu"
)

// Launch binds a kernel call. The limits are those of compute capability 8.0, and beyond
// them it refuses pointers, other than 0, that do not point into the driver's memory.
func (d *emulated) Launch(l driver.Launch) (driver.Run, error) {
	if err := d.check(l); err != nil {
		return nil, fmt.Errorf("launch %q: %w", l.Kernel, err)
	}
	launch := d.kernels[l.Kernel].Bind(l.Grid, l.Block, l.Shared, d.seed, l.Args)
	return d.run(l.Kernel, launch), nil
}

// maxGrid are the sizes of a grid that a GPU takes.
func maxGrid() [3]int { return [3]int{1<<31 - 1, 1<<16 - 1, 1<<16 - 1} }

func (d *emulated) check(l driver.Launch) error {
	if err := d.ready(); err != nil {
		return err
	}
	k, ok := d.kernels[l.Kernel]
	if !ok {
		return fmt.Errorf("there is no such kernel among %d", len(d.kernels))
	}
	for i, n := range l.Grid {
		if n < 1 || n > maxGrid()[i] {
			return fmt.Errorf("grid %v: want 1 to %v", l.Grid, maxGrid())
		}
	}
	switch {
	case l.Block < 32 || l.Block%32 != 0 || l.Block > k.Threads:
		return fmt.Errorf("block of %d threads: want a multiple of 32, at most %d", l.Block, k.Threads)
	case l.Shared < 0 || l.Shared > emu.MaxShared:
		return fmt.Errorf("%d bytes of shared memory: want 0 to %d", l.Shared, emu.MaxShared)
	case len(l.Args) != len(k.Params):
		return fmt.Errorf("%d arguments, want %d", len(l.Args), len(k.Params))
	}
	return d.checkPointers(k, l.Args)
}

func (d *emulated) checkPointers(k emu.Kernel, args []uint64) error {
	for i, kind := range k.Params {
		if kind == 'p' && args[i] != 0 && d.find(driver.Pointer(args[i])) == nil {
			return fmt.Errorf("argument %d is %#x, which is no address in this driver's memory", i, args[i])
		}
	}
	return nil
}

// run is what carries out f and looks at the memory then, or is recorded where a capture
// is under way.
func (d *emulated) run(what string, f func() error) driver.Run {
	carryOut := func() error {
		if err := f(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		for _, a := range d.memory {
			if !emu.Intact(a.data) {
				return fmt.Errorf("%s: it wrote outside of the %d bytes at %#x", what, len(a.data), a.at)
			}
		}
		return nil
	}
	return func() error {
		if d.recording != nil {
			*d.recording = append(*d.recording, carryOut)
			return nil
		}
		if err := d.ready(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return carryOut()
	}
}

// Capture keeps the list of what record runs.
func (d *emulated) Capture(record func() error) (driver.Run, error) {
	if err := d.ready(); err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	var list []driver.Run
	d.recording = &list
	err := record()
	d.recording = nil
	if err != nil {
		return nil, err
	}
	return d.run("replay", func() error {
		for _, f := range list {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}), nil
}
