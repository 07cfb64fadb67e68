package parity

import (
	"fmt"
	"strings"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/train"
)

// optimMeta are the arguments of a PyTorch optimizer and its parameter groups.
type optimMeta struct {
	Base struct {
		LR          float64
		Betas       [2]float64
		Eps         float64
		WeightDecay float64 `json:"weight_decay"`
		Momentum    float64
		Nesterov    bool
		Trust       float64 `json:"trust_coefficient"`
	}
	Groups []struct {
		LRScale     *float64 `json:"lr_scale"`
		WeightDecay *float64 `json:"weight_decay"`
		Params      []string
	}
	Steps int
}

// optimAdamW: PyTorch's AdamW. Its count of steps is recorded beside the moments.
func optimAdamW(r *replay) {
	m := r.optimMeta()
	r.optimize(m, train.AdamW{Beta1: m.Base.Betas[0], Beta2: m.Base.Betas[1], Eps: m.Base.Eps})
	for _, name := range r.below("param/") {
		r.check(equal(), checkpoint.New("state/"+name+"/step", []int{1}, []float32{float32(m.Steps)}))
	}
}

// optimSGD: PyTorch's SGD.
func optimSGD(r *replay) {
	m := r.optimMeta()
	r.optimize(m, train.SGD{Momentum: m.Base.Momentum, Nesterov: m.Base.Nesterov})
}

// optimLARS: the LARS of MAE's linear probe, whose trust coefficient is fixed.
func optimLARS(r *replay) {
	m := r.optimMeta()
	o := train.LARS{Momentum: m.Base.Momentum}
	r.number("trust_coefficient", o.Kind(train.Group{}).(ops.LARS).Trust, m.Base.Trust)
	r.optimize(m, o)
}

// optimMeta reads the arguments; AdamW's that are not there are PyTorch's defaults.
func (r *replay) optimMeta() optimMeta {
	var m optimMeta
	m.Base.LR, m.Base.Betas, m.Base.Eps, m.Base.WeightDecay = 1e-3, [2]float64{0.9, 0.999}, 1e-8, 1e-2
	r.meta(&m)
	return m
}

// optimize compares the update stage of training on given gradients: parameters
// after every step and what the optimizer keeps beside them at the end.
func (r *replay) optimize(m optimMeta, o train.Optimizer) {
	u := &train.Update{Optimizer: o, Groups: r.groups(m)}
	s := nn.NewScope(ops.Float32, nn.Train, 1, 0)
	grads := map[string]*ops.Node{}
	for _, name := range r.below("param/") {
		spec := ops.F32(r.tensor("param/" + name).Shape...)
		grads[name] = s.Graph.Declare("grad/"+name, spec, ops.PerUpdate)
	}
	u.Step(train.Net{Scope: s}, grads)
	r.must(s.Err())
	state := r.state(s.Graph)
	defer state.Close()
	p, err := engine.Compile(engine.Job{Graph: s.Graph, Assigns: u.Assigns}, state)
	r.must(err)
	defer p.Close()
	for step := range m.Steps {
		r.must(p.Micro())
		for name := range grads {
			r.must(engine.Feed(p, "grad/"+name, r.floats(fmt.Sprintf("in/step%d/grad/%s", step, name))))
		}
		lr := m.Base.LR * (1 - 0.1*float64(step)) // the recording's rule
		r.must(engine.Feed(p, train.HyperFeed, o.Hyper(lr, int64(step+1))))
		r.must(p.Update())
		for name := range grads {
			r.check(exact32(), r.value(state, name, fmt.Sprintf("out/step%d/%s", step, name)))
		}
	}
	for name := range grads {
		for _, slot := range o.Slots() {
			r.check(exact32(), r.value(state, name+slot, "state/"+name+"/"+strings.TrimPrefix(slot, ".")))
		}
	}
}

func (r *replay) groups(m optimMeta) []train.Group {
	var groups []train.Group
	for _, g := range m.Groups {
		group := train.Group{LRScale: 1, WeightDecay: m.Base.WeightDecay}
		if g.LRScale != nil {
			group.LRScale = *g.LRScale
		}
		if g.WeightDecay != nil {
			group.WeightDecay = *g.WeightDecay
		}
		for _, name := range g.Params {
			group.Params = append(group.Params, nn.Param{Name: name, Shape: r.tensor("param/" + name).Shape})
		}
		groups = append(groups, group)
	}
	return groups
}

// clipGradNorm: the global norm and the gradients it clips.
func clipGradNorm(r *replay) {
	var m struct {
		MaxNorm float64 `json:"max_norm"`
	}
	r.meta(&m)
	g := ops.NewGraph(ops.Float32)
	var grads []*ops.Node
	names := r.below("in/grad")
	for _, name := range names {
		grads = append(grads, r.feed(g, "grad"+name))
	}
	norm := g.GradNorm(grads...)
	factor := g.ClipFactor(norm, m.MaxNorm)
	fetches := []engine.Fetch{{Name: "out/total_norm", Node: norm}}
	for i, name := range names {
		fetches = append(fetches, engine.Fetch{Name: "out/clipped" + name, Node: g.Scale(grads[i], factor)})
	}
	r.checkAll(exact32(), r.run(g, nil, fetches...))
}
