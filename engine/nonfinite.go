package engine

import (
	"errors"
	"fmt"
	"slices"

	"m2pt/ops"
)

// FirstNonFinite runs the micro stage again on the present feeds and state and
// names the first feed, state or step with a value that is not finite, or
// returns "". State is left as it was. It is slow: it waits for and copies every value.
func (p *Program) FirstNonFinite() (found string, err error) {
	restore, err := p.keep()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, restore()) }()
	look := func(s *step) error {
		for _, v := range slices.Concat(s.in, s.out) {
			if v.def >= 0 && !slices.Contains(s.out, v) {
				continue // seen as an output, and perhaps overwritten since
			}
			bad, err := p.nonFinite(p.tensor(v))
			if err != nil {
				return err
			}
			if bad && found == "" {
				found = s.blame(v)
			}
		}
		return nil
	}
	for _, stage := range []Stage{Prepare, Micro} {
		if err := p.each(stage, look); err != nil || found != "" {
			return found, err
		}
	}
	return "", nil
}

// keep copies the states that the micro stage changes, such as running statistics, and
// returns what writes them back.
func (p *Program) keep() (restore func() error, err error) {
	var kept [][]byte
	for _, name := range p.moved {
		t := p.state.tensors[name]
		b := make([]byte, t.Bytes())
		if err := p.dev.Download(b, t); err != nil {
			return nil, fmt.Errorf("keep state %q: %w", name, err)
		}
		kept = append(kept, b)
	}
	return func() error {
		for i, name := range p.moved {
			if err := p.dev.Upload(p.state.tensors[name], kept[i]); err != nil {
				return fmt.Errorf("restore state %q: %w", name, err)
			}
		}
		return nil
	}, nil
}

func (s *step) blame(v *value) string {
	switch {
	case v.feed != "":
		return fmt.Sprintf("feed %q", v.feed)
	case v.state != "":
		return fmt.Sprintf("parameter %q", v.state)
	}
	return s.String()
}

func (p *Program) nonFinite(t Tensor) (bool, error) {
	if t.Dtype != ops.Float32 {
		return false, nil
	}
	v := make([]float32, t.Len())
	if err := p.download(bytesOf(v), t); err != nil {
		return false, err
	}
	return slices.ContainsFunc(v, func(x float32) bool { return x-x != 0 }), nil
}
