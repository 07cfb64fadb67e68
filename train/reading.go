package train

import (
	"context"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/nn"
	"m2pt/ops"
)

// reading is a program that makes numbers of samples, nothing about which is random:
// features, or targets.
type reading struct {
	prog *engine.Program
	out  []float32 // [B, ...]
	rows int       // B
}

// newReading compiles what derive makes of the stored samples of a network, against
// state; bind is as for evaluators.
func newReading(p Pretrainer, derive func(s nn.Scope, x *ops.Node) *ops.Node, state *engine.State, bind map[string]string, batch int) (*reading, error) {
	s, x := p.input(nn.Eval, batch, 0)
	y := derive(s, x)
	if err := s.Err(); err != nil {
		return nil, err
	}
	prog, err := engine.Compile(engine.Job{Graph: s.Graph, Bind: bind, Fetches: []engine.Fetch{{Name: "out", Node: y}}}, state)
	return &reading{prog, make([]float32, ops.SpecOf(y).Len()), batch}, err
}

// each calls use with every readable sample, its index and label, and its numbers,
// which are borrowed.
func (r *reading) each(ctx context.Context, loader *data.Loader, use func(index, label int32, v []float32)) error {
	for b, err := range loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return err
		}
		if err := firstOf(func() error { return FeedSamples(r.prog, b) }, r.prog.Micro, func() error { return engine.Read(r.prog, "out", r.out) }); err != nil {
			return err
		}
		for i, index := range b.Index {
			if index >= 0 {
				use(int32(index), b.Labels[i], row(r.out, i, r.rows))
			}
		}
	}
	return nil
}

// Close frees the program.
func (r *reading) Close() error { return r.prog.Close() }
