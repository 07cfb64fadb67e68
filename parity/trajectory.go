package parity

import (
	"slices"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/train"
)

// runMeta are the hyper-parameters of a recorded training run.
type runMeta struct {
	vitMeta
	AccumIter     int        `json:"accum_iter"`
	AdamEps       float64    `json:"adam_eps"`
	Betas         [2]float64 `json:"betas"`
	ClipGrad      float64    `json:"clip_grad"` // null is off
	Epochs        int        `json:"epochs"`
	ItersPerEpoch int        `json:"iters_per_epoch"`
	LayerDecay    float64    `json:"layer_decay"`
	LR            float64    `json:"lr"`
	MinLR         float64    `json:"min_lr"`
	WarmupEpochs  float64    `json:"warmup_epochs"`
	WeightDecay   float64    `json:"weight_decay"`
}

func (m runMeta) schedule() train.Schedule {
	return train.Schedule{LR: m.LR, MinLR: m.MinLR, Warmup: m.WarmupEpochs, Epochs: float64(m.Epochs)}
}

// trajectoryRun is a recorded training run being repeated.
type trajectoryRun struct {
	runMeta
	*replay
	update train.Update
	prog   *engine.Program
	norm   engine.Fetch
	loss   engine.Fetch
	// what is recorded per iteration and per update
	losses, lrs, norms []float64
}

// trainTrajectory: a whole short run through the training step: loss at every
// iteration, learning rate, gradient norm at every update, weights at the end.
func trainTrajectory(r *replay) {
	t := &trajectoryRun{replay: r}
	r.meta(&t.runMeta)
	// A parameter that trains changes: at the least, it decays.
	s := r.recordedShapes(func(name string) bool {
		return !slices.Equal(r.floats("param/"+name), r.floats("final/"+name))
	})
	x := r.tensor("in/x").Shape // [iterations, B, C, H, W]
	c := s.classifier(t.vitMeta, x[2:])
	n := r.network(c, nn.Train, x[1:], s)
	state := t.compile(n, c)
	defer state.Close()
	defer t.prog.Close()
	for epoch := range t.Epochs {
		t.epoch(epoch, x)
	}
	checkValues(r, trajectory(), "loss/per_iteration", t.losses)
	checkValues(r, exact64(), "out/max_lr", t.lrs)
	checkValues(r, gradient(), "out/grad_norm", t.norms)
	for _, name := range r.below("final/") {
		r.checkFinal(r.value(state, name, "final/"+name))
	}
}

func (t *trajectoryRun) compile(n network, c train.Classifier) *engine.State {
	labels := n.Graph.Declare("in/y", ops.Spec{Shape: []int{n.Batch}, Dtype: ops.Int32}, ops.PerBatch)
	n.Loss = n.CrossEntropy(n.Logits, n.OneHot(labels, c.Head.Outputs(), c.Smoothing))
	t.update = train.Update{
		Groups:    train.Decay{Layer: t.LayerDecay, Weight: t.WeightDecay}.Groups(n.Registry().Params(), c.ViT.Depth),
		Optimizer: train.AdamW{Beta1: t.Betas[0], Beta2: t.Betas[1], Eps: t.AdamEps},
		ClipGrad:  t.ClipGrad,
	}
	t.update.Add(n.Net)
	t.must(n.Err())
	t.loss, t.norm = engine.Fetch{Name: "loss", Node: n.Loss}, engine.Fetch{Name: "norm", Node: t.update.GradNorm}
	state := t.state(n.Graph)
	var err error
	t.prog, err = engine.Compile(engine.Job{Graph: n.Graph, Fetches: []engine.Fetch{t.loss, t.norm},
		Assigns: t.update.Assigns, Accumulate: t.AccumIter}, state)
	t.must(err)
	return state
}

// epoch runs over the recorded batches. Iterations that do not fill the last
// update of the epoch leave no trace.
func (t *trajectoryRun) epoch(epoch int, x []int) {
	size, batch := ops.F32(x[1:]...).Len(), x[1]
	pixels, labels := t.floats("in/x"), t.ints("in/y")
	var lr float64
	for i := range t.ItersPerEpoch {
		if i%t.AccumIter == 0 {
			lr = t.schedule().At(float64(epoch) + float64(i)/float64(t.ItersPerEpoch))
		}
		t.lrs = append(t.lrs, lr*t.largestScale())
		t.must(engine.Feed(t.prog, "in/x", pixels[i*size:][:size]))
		t.must(engine.Feed(t.prog, "in/y", labels[i*batch:][:batch]))
		t.must(engine.Feed(t.prog, train.SeedFeed, repeat(1/float32(batch*t.AccumIter), batch)))
		t.must(t.prog.Micro())
		t.losses = append(t.losses, t.numbers(t.mean(t.read(t.prog, t.loss)))...)
		if (i+1)%t.AccumIter == 0 {
			t.step(lr)
		}
	}
	t.prog.Reset()
}

func (t *trajectoryRun) step(lr float64) {
	t.must(engine.Feed(t.prog, train.HyperFeed, t.update.Optimizer.Hyper(lr, int64(len(t.norms)+1))))
	t.must(t.prog.Update())
	t.norms = append(t.norms, t.numbers(t.read(t.prog, t.norm))...)
}

func (t *trajectoryRun) largestScale() float64 {
	top := 0.0
	for _, g := range t.update.Groups {
		top = max(top, g.LRScale)
	}
	return top
}

// checkFinal compares a weight after a run, without the keys of a qkv bias:
// Adam blows their rounding errors up to whole steps.
func (r *replay) checkFinal(got checkpoint.Tensor) {
	if !isQKVBias(got.Name) {
		r.check(weight(), got)
		return
	}
	r.compared[got.Name] = true
	_, rest := splitKeys(r.numbers(got))
	_, want := splitKeys(r.numbers(r.tensor(got.Name)))
	r.note(got.Name, absolute(rest, want), weight().limit)
}
