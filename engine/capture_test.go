package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"m2pt/ops"
)

// tracks are what a recording has seen and what it did.
type tracks struct {
	open              bool
	kernels           []Kernel // recorded while open
	captures, replays int
	eager             int // kernels called otherwise
}

// capturing is the reference that can record. What is recorded is not carried out, and
// only kernels can be.
type capturing struct {
	Reference
	*tracks
}

func (d capturing) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	kernel, err := d.Reference.Kernel(k, in, out)
	return func() error {
		if d.open {
			d.kernels = append(d.kernels, kernel)
			return nil
		}
		d.eager++
		return kernel()
	}, err
}

var errOpen = errors.New("not in a recording")

func (d capturing) Sync() error {
	if d.open {
		return errOpen
	}
	return d.Reference.Sync()
}

func (d capturing) Upload(dst Tensor, src []byte) error {
	if d.open {
		return errOpen
	}
	return d.Reference.Upload(dst, src)
}

func (d capturing) Capture(run func() error) (Kernel, error) {
	d.captures++
	d.open, d.kernels = true, nil
	err := run()
	kernels := slices.Clone(d.kernels)
	d.open = false
	return func() error {
		d.replays++
		for _, k := range kernels {
			if err := k(); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// TestCapture: every stage is recorded once, after one run kernel by kernel, and the
// micro stage that adds to sums apart; results are the same to the bit.
func TestCapture(t *testing.T) {
	for _, c := range []struct {
		name              string
		accumulate        int
		captures, replays int // of four updates
	}{
		{"one micro-step", 1, 3, 3 * 3},
		{"three micro-steps", 3, 4, 3 + 3 + 7 + 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := small()
			v.accumulate = c.accumulate
			m := v.training()
			d := capturing{tracks: &tracks{}}
			state, want := newState(t, d, m.Graph), newState(t, Reference{}, m.Graph)
			p, ref := compile(t, m.job, state), compile(t, m.job, want)
			for step := 1; step <= 4; step++ {
				update(t, p, v, step)
				update(t, ref, v, step)
				for _, f := range m.job.Fetches {
					sameBits(t, step, "fetch "+f.Name, fetch(t, p, f.Name), fetch(t, ref, f.Name))
				}
				for _, name := range state.Names() {
					sameBits(t, step, "state "+name, get(t, state, name), get(t, want, name))
				}
			}
			eager := 0
			for _, s := range p.steps {
				if s.kernel != nil {
					eager++
				}
				if s.stage == Micro && c.accumulate > 1 {
					eager++ // for the micro-steps that add to sums
				}
			}
			if d.captures != c.captures || d.replays != c.replays || d.eager != eager {
				t.Errorf("%d captures, %d replays, %d kernels called alone, want %d, %d, %d", d.captures, d.replays, d.eager, c.captures, c.replays, eager)
			}
		})
	}
}

// TestProfileIsNotReplayed: nor is the search for what is not finite.
func TestProfileIsNotReplayed(t *testing.T) {
	v := small()
	m := v.training()
	d := capturing{tracks: &tracks{}}
	p := compile(t, m.job, newState(t, d, m.Graph))
	for step := 1; step <= 3; step++ {
		update(t, p, v, step)
	}
	replays, eager := d.replays, d.eager
	times, err := p.Profile(func() error { update(t, p, v, 4); return nil })
	if err != nil || len(times) != len(p.steps) || d.replays != replays || d.eager == eager {
		t.Errorf("profile: %v, %d times of %d steps, %d replays", err, len(times), len(p.steps), d.replays-replays)
	}
	eager = d.eager
	if _, err := p.FirstNonFinite(); err != nil || d.replays != replays || d.eager == eager {
		t.Errorf("search: %v, %d replays", err, d.replays-replays)
	}
	update(t, p, v, 5)
	if d.replays != replays+3 || d.captures != 3 {
		t.Errorf("afterwards %d replays and %d captures, want 3 and 3 in all", d.replays-replays, d.captures)
	}
	must(t, p.Close())
	for i, r := range p.records {
		if r.replay != nil {
			t.Errorf("record %d outlives the program", i)
		}
	}
	if err := p.Micro(); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a micro-step of a closed program: error %v", err)
	}
}

// TestEmptyStageIsNotCaptured: there may be nothing to do in a stage.
func TestEmptyStageIsNotCaptured(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	y := g.GELU(g.Feed("x", 2))
	d := capturing{tracks: &tracks{}}
	p := compile(t, Job{Graph: g, Fetches: []Fetch{{"y", y}}}, newState(t, d, g))
	for range 3 {
		must(t, Feed(p, "x", []float32{1, 2}))
		must(t, p.Micro())
		must(t, p.Update())
	}
	if d.captures != 1 || d.replays != 2 {
		t.Errorf("%d captures and %d replays, want 1 and 2", d.captures, d.replays)
	}
}

// stuck is capturing with something wrong.
type stuck struct {
	capturing
	how string
}

func (d stuck) Capture(run func() error) (Kernel, error) {
	switch d.how {
	case "capture fails":
		return nil, errDevice
	case "replay fails":
		return func() error { return errDevice }, nil
	case "replay panics":
		return func() error { panic(errDevice.Error()) }, nil
	}
	return d.capturing.Capture(run)
}

// TestCaptureTroubleIsNamed with the stage, and with the step where one is to blame.
func TestCaptureTroubleIsNamed(t *testing.T) {
	for _, c := range []struct{ how, want string }{
		{"capture fails", "capture the micro stage: device on fire"},
		{"replay fails", "replay the micro stage: device on fire"},
		{"replay panics", "replay the micro stage: device on fire"},
	} {
		t.Run(c.how, func(t *testing.T) {
			g := ops.NewGraph(ops.Float32)
			y := g.GELU(g.Feed("x", 2))
			p := compile(t, Job{Graph: g, Fetches: []Fetch{{"y", y}}}, newState(t, stuck{capturing{tracks: &tracks{}}, c.how}, g))
			must(t, p.Micro())
			for range 2 {
				if err := p.Micro(); err == nil || err.Error() != c.want {
					t.Errorf("error %v, want %q", err, c.want)
				}
			}
		})
	}
}

// TestKernelThatCannotBeRecorded is named as it is when it runs.
func TestKernelThatCannotBeRecorded(t *testing.T) {
	g := ops.NewGraph(ops.Float32)
	leave := g.Enter("blocks.3")
	y := g.GELU(g.Feed("x", 2))
	leave()
	p := compile(t, Job{Graph: g, Fetches: []Fetch{{"y", y}}}, newState(t, unrecordable{capturing{tracks: &tracks{}}}, g))
	must(t, p.Micro())
	if err := p.Micro(); err == nil || err.Error() != "capture the micro stage: micro blocks.3 gelu(0): not in a recording" {
		t.Errorf("error %v", err)
	}
}

// unrecordable has kernels that wait for the device.
type unrecordable struct{ capturing }

func (d unrecordable) Kernel(k ops.Kind, in, out []Tensor) (Kernel, error) {
	return func() error { return d.Sync() }, nil
}
