package train

import (
	"m2pt/engine"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
)

// emaPrefix begins the name of a parameter's average.
const emaPrefix = "ema/"

// Update adds to a net everything from per-sample loss to new state: gradients,
// their sum over micro-batches, global norm and clipping, optimizer, running
// statistics, averages.
type Update struct {
	Groups    []Group
	Optimizer Optimizer
	ClipGrad  float64 // 0 is off
	EMADecay  float64 // 0 is off
	GradNorm  *ops.Node
	Assigns   []engine.Assign
	updated   map[string]*ops.Node // parameters after the step
	clip      *ops.Node
	gradients map[string]*ops.Node // sums over an update, by parameter
}

// Add derives the update of n's loss. The host weighs each sample's loss
// through SeedFeed: 1/(B·accumulate) for the mean.
func (u *Update) Add(n Net) {
	var names []string
	var nodes []*ops.Node
	for _, g := range u.Groups {
		for _, p := range g.Params {
			names = append(names, p.Name)
			nodes = append(nodes, n.Declare(p))
		}
	}
	grads := n.Grad([]*ops.Node{n.Loss}, []*ops.Node{n.Feed(SeedFeed, n.Batch)}, nodes)
	sums := map[string]*ops.Node{}
	for i, g := range grads {
		sums[names[i]] = n.Accumulated(g)
	}
	u.Step(n, sums, n.Accumulated(n.Apply(ops.SumBatch{}, n.Loss)))
}

// Step derives the update from the gradients of all parameters of Groups, by
// name, summed over the micro-batches. Where a guard (the loss, shape [1]) is not
// finite, no state changes.
func (u *Update) Step(n Net, gradients map[string]*ops.Node, guards ...*ops.Node) {
	if n.Err() != nil {
		return
	}
	u.gradients, u.updated = gradients, map[string]*ops.Node{}
	defer n.Enter("update")()
	var grads []*ops.Node
	for _, g := range u.Groups {
		for _, p := range g.Params {
			grads = append(grads, gradients[p.Name])
		}
	}
	for _, r := range n.Registry().Updates() {
		u.Assigns = append(u.Assigns, engine.Assign{State: r.Name, Node: r.Node})
	}
	u.GradNorm = n.Graph.GradNorm(grads...)
	u.clip = n.ClipFactor(u.GradNorm, u.ClipGrad, guards...)
	u.optimize(n)
	if u.EMADecay > 0 {
		u.average(n)
	}
}

func (u *Update) optimize(n Net) {
	size := len(u.Optimizer.Hyper(0, 1))
	hyper := n.Graph.Declare(HyperFeed, ops.Spec{Shape: []int{size}, Dtype: n.Dtype}, ops.PerUpdate)
	for _, g := range u.Groups {
		k := u.Optimizer.Kind(g)
		for _, p := range g.Params {
			leave := n.Enter("update " + p.Name)
			names, in := []string{p.Name}, []*ops.Node{n.Declare(p), u.gradients[p.Name]}
			for _, slot := range u.Optimizer.Slots() {
				names, in = append(names, p.Name+slot), append(in, n.Graph.Param(p.Name+slot, p.Shape...))
			}
			step := n.Apply(k, append(in, hyper, u.clip)...)
			u.updated[p.Name] = step
			for i, name := range names {
				u.Assigns = append(u.Assigns, engine.Assign{State: name, Node: n.Out(step, i)})
			}
			leave()
		}
	}
}

// average keeps the exponential moving average of every trained parameter and
// running statistic. With a trained W′ the average of a product is not the product of averages, so
// there Ŵ itself is averaged in W's place, and λ's average stays 0.
func (u *Update) average(n Net) {
	folded := u.foldedLayers(n)
	for _, g := range u.Groups {
		for _, p := range g.Params {
			now := u.updated[p.Name]
			if layer, _, _, ok := model.SplitTerm(p.Name); ok && folded[layer+".weight"] != nil {
				continue
			}
			if w := folded[p.Name]; w != nil {
				now = w
			}
			u.ema(n, p, now)
		}
	}
	for _, p := range n.Registry().Params() {
		if p.Running {
			u.ema(n, p, n.Declare(p)) // as the micro-batches have left it
		}
	}
}

// ema moves the average of p towards its new value.
func (u *Update) ema(n Net, p nn.Param, now *ops.Node) {
	old := n.Graph.Param(emaPrefix+p.Name, p.Shape...)
	u.Assigns = append(u.Assigns, engine.Assign{State: emaPrefix + p.Name, Node: n.Apply(ops.EMA{Decay: u.EMADecay}, old, now, u.clip)})
}

// foldedLayers are the Ŵ after the update of layers whose W′ trains, by the
// name of W.
func (u *Update) foldedLayers(n Net) map[string]*ops.Node {
	folded := map[string]*ops.Node{}
	for _, l := range pathwayLayers(n.Registry().Params()) {
		if !l.auxTrained {
			continue
		}
		var scale, aux []*ops.Node
		for _, t := range l.terms {
			scale, aux = append(scale, u.current(n, t.scale)), append(aux, u.current(n, t.aux))
		}
		folded[l.weight] = n.Graph.Pathway(u.current(n, l.weight), scale, aux, false)
	}
	return folded
}

// current is a parameter's node after the update, or its state if it is fixed.
func (u *Update) current(n Net, name string) *ops.Node {
	if x := u.updated[name]; x != nil {
		return x
	}
	p, _ := n.Registry().Lookup(name)
	return n.Declare(p)
}
