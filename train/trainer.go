package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/nn"
	"m2pt/ops"
)

// trainer is one run in motion.
type trainer struct {
	cfg   *experiment.Config
	opt   Options
	model network
	state *engine.State
	names names

	prog     *engine.Program
	schedule Schedule
	optim    Optimizer
	feeds    feeder
	train    *data.Loader
	eval     *Evaluator
	evalData *data.Loader
	drawer   *drawer // of masked autoencoders

	store    *store
	at       Position
	resuming bool // a checkpoint will give all state its values
	clock    clock
	loss     []float32
	classes  []string
	answers  Answers
	samples  int   // of the training set
	perEpoch int64 // steps
}

// Position is where a run stands. It is saved with every checkpoint.
type Position struct {
	Step     int64    `json:"step"`
	Epoch    int      `json:"epoch"`
	Sample   int      `json:"sample"` // samples of the epoch used
	Epochly  Tally    `json:"tally"`  // of the epoch so far
	BadSteps int64    `json:"non_finite_steps"`
	Eval     Result   `json:"eval"` // the last evaluation
	EvalStep int64    `json:"eval_step"`
	Best     Result   `json:"best"`      // the one with the highest score
	BestStep int64    `json:"best_step"` // when it was, 0 before the first
	Skipped  []string `json:"skipped"`   // samples that could not be read, and why
	Done     bool     `json:"done"`      // the run is complete
}

// names groups the state's names by what becomes of them.
type names struct {
	params []nn.Param
	model  []string // in model.safetensors: all but frozen auxiliary weights and derived tables
	frozen []string // frozen auxiliary weights
	slot   []string // what the optimizer keeps beside a parameter, as suffixes
	slots  []string // optimizer
	ema    []string // averaged, by parameter name
}

func newNames(params []nn.Param, o Optimizer, averaged bool) names {
	n := names{params: params, slot: o.Slots()}
	folded := map[string]bool{}
	for _, l := range pathwayLayers(params) {
		for _, t := range l.terms {
			folded[t.scale] = l.auxTrained
		}
	}
	for _, p := range params {
		if p.Derived {
			continue
		}
		if p.Aux > 0 && p.Fixed {
			n.frozen = append(n.frozen, p.Name)
			continue
		}
		n.model = append(n.model, p.Name)
		n.slots = append(n.slots, n.beside(p)...)
		if averaged && p.Aux == 0 && (!p.Fixed || p.Running || folded[p.Name]) {
			n.ema = append(n.ema, p.Name)
		}
	}
	return n
}

// beside are the names of what the optimizer keeps beside p.
func (n names) beside(p nn.Param) []string {
	var all []string
	for _, slot := range n.slot {
		if !p.Fixed {
			all = append(all, p.Name+slot)
		}
	}
	return all
}

// bind maps parameters to their averages, for evaluation.
func (n names) bind() map[string]string {
	b := map[string]string{}
	for _, name := range n.ema {
		b[name] = emaPrefix + name
	}
	return b
}

// declare derives everything from config and model that needs no values: graph,
// room for all state, program, feeds.
func (t *trainer) declare() (err error) {
	cfg := t.cfg
	t.schedule, t.optim = newSchedule(cfg, t.perEpoch), newOptimizer(cfg.Optimizer)
	if t.feeds, err = t.model.feeder(cfg, nn.Train, cfg.Train.MicroBatch()); err != nil {
		return err
	}
	n := t.model.Build(nn.Train, cfg.Train.MicroBatch(), cfg.Seed)
	if err := n.Err(); err != nil {
		return fmt.Errorf("build model: %w", err)
	}
	params := n.Registry().Params()
	t.names = newNames(params, t.optim, cfg.Train.EMADecay > 0)
	u := Update{Groups: newDecay(cfg).Groups(params, cfg.Model.Depth),
		Optimizer: t.optim, ClipGrad: cfg.Train.ClipGrad, EMADecay: cfg.Train.EMADecay}
	u.Add(n)
	if err := t.names.reserve(t.state); err != nil {
		return err
	}
	job := engine.Job{Graph: n.Graph, Accumulate: cfg.Train.Accumulate, Assigns: u.Assigns,
		Fetches: []engine.Fetch{{Name: "loss", Node: n.Loss}, {Name: "grad_norm", Node: u.GradNorm}}}
	if cfg.Train.GradCheckpointing {
		job.Borders = n.Borders
	}
	t.prog, err = engine.Compile(job, t.state)
	t.loss = make([]float32, cfg.Train.MicroBatch())
	return err
}

// reserve makes room for all state of training.
func (n names) reserve(state *engine.State) error {
	for _, p := range n.params {
		all := append([]string{p.Name}, n.beside(p)...)
		if slices.Contains(n.ema, p.Name) {
			all = append(all, emaPrefix+p.Name)
		}
		for _, name := range all {
			if err := state.Add(name, ops.F32(p.Shape...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill gives all state its first values: parameters as initialised, from
// auxiliary models or from model.init; averages the parameters' values.
func (t *trainer) fill(aux []*Auxiliary) error {
	if err := initialise(t.state, t.names.params, aux, t.cfg.Seed); err != nil {
		return err
	}
	if t.cfg.Model.Init != "" && !t.resuming {
		if err := t.initFrom(); err != nil {
			return fmt.Errorf("model.init: %w", err)
		}
	}
	if len(t.names.ema) == 0 {
		return nil
	}
	all, err := collect(t.state, "", slices.Concat(t.names.model, t.names.frozen))
	if err != nil {
		return err
	}
	start, err := foldTrained(all, t.names.params)
	if err != nil {
		return err
	}
	for _, name := range t.names.ema {
		v, err := floats(start, name, t.state.Spec(name).Len())
		if err != nil {
			return err
		}
		if err := engine.Set(t.state, emaPrefix+name, v); err != nil {
			return err
		}
	}
	return nil
}

// run trains from the present position to the end.
func (t *trainer) run(ctx context.Context) error {
	defer t.train.Close()
	for !t.at.Done {
		if err := t.epoch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// capped reports whether train.max_steps is reached.
func (t *trainer) capped() bool {
	limit := int64(t.cfg.Train.MaxSteps)
	return limit > 0 && t.at.Step >= limit
}

// epoch trains from the present position to the end of its epoch, evaluates
// where it is time, and saves.
func (t *trainer) epoch(ctx context.Context) error {
	end := int(t.perEpoch) * t.cfg.Train.Batch
	if t.at.Sample < end && !t.capped() {
		if err := t.steps(ctx, end); err != nil {
			return err
		}
	}
	return t.endEpoch(ctx, end)
}

// steps trains until so many samples of the epoch are used.
func (t *trainer) steps(ctx context.Context, end int) error {
	t.clock.start()
	for b, err := range t.train.Epoch(ctx, t.at.Epoch, t.at.Sample) {
		if err != nil {
			return fmt.Errorf("training data: %w", err)
		}
		t.clock.gotData()
		if t.at.Sample+t.cfg.Train.MicroBatch() >= end && t.at.Epoch+1 < t.cfg.Train.Epochs {
			t.train.Ahead(ctx, t.at.Epoch+1)
		}
		done, err := t.microStep(b)
		if err != nil {
			return err
		}
		if t.at.Sample >= end || t.capped() {
			break
		}
		if done {
			if err := t.between(); err != nil {
				return err
			}
		}
	}
	return nil
}

// microStep trains on one micro-batch and reports whether it completed a step. The
// update follows before the loss is read, so that a device need not wait for the host in
// between.
func (t *trainer) microStep(b *data.Batch) (bool, error) {
	if err := t.feeds.feed(t.prog, b); err != nil {
		return false, err
	}
	if err := t.prog.Micro(); err != nil {
		return false, err
	}
	t.at.Sample += len(t.loss)
	last := t.at.Sample%t.cfg.Train.Batch == 0
	lr := t.schedule.At(float64(t.at.Step) / float64(t.perEpoch))
	if last {
		if err := engine.Feed(t.prog, HyperFeed, t.optim.Hyper(lr, t.at.Step-t.at.BadSteps+1)); err != nil {
			return false, err
		}
		if err := t.prog.Update(); err != nil {
			return false, err
		}
	}
	if err := engine.Read(t.prog, "loss", t.loss); err != nil {
		return false, err
	}
	for _, l := range t.loss {
		t.clock.addLoss(l)
	}
	if !last {
		return false, nil
	}
	return true, t.endStep(lr)
}

// endStep follows an update. Where a loss or gradient is not finite the program has
// left parameters, slots and averages as they were; running statistics have moved
// with every micro-batch whose own statistics were finite.
func (t *trainer) endStep(lr float64) error {
	var norm [1]float32
	if err := engine.Read(t.prog, "grad_norm", norm[:]); err != nil {
		return err
	}
	loss := t.clock.loss()
	if finite(loss) && finite(float64(norm[0])) {
		t.at.Epochly.AddMean(loss, t.cfg.Train.Batch)
	} else if err := t.nonFinite(loss, float64(norm[0])); err != nil {
		return err
	}
	t.at.Step++
	return t.report(lr, loss, float64(norm[0]))
}

func finite(v float64) bool { return v-v == 0 }

// nonFinite names the culprit and stops, or leaves the step out.
func (t *trainer) nonFinite(loss, norm float64) error {
	where, err := t.prog.FirstNonFinite()
	if err != nil {
		return err
	}
	if where == "" {
		where = "the gradient norm"
	}
	if t.cfg.Train.NonFinite == "skip" {
		t.opt.Log.Warn("step left out: not finite", "step", t.at.Step+1, "loss", loss, "grad_norm", norm, "first", where)
		t.at.BadSteps++
		return nil
	}
	return fmt.Errorf("step %d: loss %g, gradient norm %g, first in %s: %w; weights are as after step %d: lower the learning rate, set train.clip_grad, or train.non_finite = \"skip\"",
		t.at.Step+1, loss, norm, where, ErrNonFinite, t.at.Step)
}

// between is what happens after a step that does not end an epoch: a drawing, a stop
// request or a periodic checkpoint.
func (t *trainer) between() error {
	t.drawIfDue(context.Background())
	if t.stopRequested() {
		if err := t.store.save(t, false); err != nil {
			return fmt.Errorf("save before stopping: %w", err)
		}
		return fmt.Errorf("step %d: %w", t.at.Step, ErrStopped)
	}
	if n := int64(t.cfg.Train.CheckpointEvery); n > 0 && t.at.Step%n == 0 {
		_ = t.trySave() // a failure has been warned of
	}
	return nil
}

// drawIfDue draws reconstructions where mae.draw_every says so.
func (t *trainer) drawIfDue(ctx context.Context) {
	if n := int64(t.cfg.MAE.DrawEvery); n > 0 && t.at.Step%n == 0 {
		t.draw(ctx)
	}
}

// draw draws reconstructions, which training can do without.
func (t *trainer) draw(ctx context.Context) {
	if t.drawer == nil {
		return
	}
	if err := t.drawer.save(ctx, t.at.Step); err != nil {
		t.opt.Log.Warn("reconstructions not drawn, training goes on", "step", t.at.Step, "error", err)
	}
}

func (t *trainer) stopRequested() bool {
	select {
	case <-t.opt.Stop:
		return true
	default:
		return false
	}
}

// endEpoch evaluates where it is time, and saves; before a long evaluation too,
// so that nothing that happens in it costs the epoch. The position moves to the
// next epoch only when this one is complete (max_steps may cut it short).
func (t *trainer) endEpoch(ctx context.Context, end int) error {
	last := t.at.Epoch+1 == t.cfg.Train.Epochs || t.capped()
	before, best := t.at, false
	if last || (t.at.Epoch+1)%t.cfg.Eval.Every == 0 {
		unsaved := t.trySave()
		var err error
		if best, err = t.evaluate(ctx); errors.Is(err, ErrStopped) && unsaved != nil {
			return fmt.Errorf("save before stopping: %w", unsaved)
		}
		if err != nil {
			return err
		}
	} else {
		t.drawIfDue(ctx)
	}
	if t.at.Sample >= end {
		t.at.Epoch, t.at.Sample, t.at.Epochly = t.at.Epoch+1, 0, Tally{}
	}
	t.at.Done = last
	stop := !last && t.stopRequested()
	err := t.store.save(t, best)
	if err != nil {
		t.at.Best, t.at.BestStep = before.Best, before.BestStep // only what is on disk can be the best
	}
	switch {
	case err != nil && last:
		return fmt.Errorf("save the final checkpoint: %w", err)
	case err != nil && stop:
		return fmt.Errorf("save before stopping: %w", err)
	case err != nil:
		t.warnUnsaved(err)
	case stop:
		return fmt.Errorf("step %d: %w", t.at.Step, ErrStopped)
	}
	return nil
}

// trySave saves; training goes on where that fails, with a warning.
func (t *trainer) trySave() error {
	err := t.store.save(t, false)
	if err != nil {
		t.warnUnsaved(err)
	}
	return err
}

func (t *trainer) warnUnsaved(err error) {
	t.opt.Log.Warn("checkpoint not written, training goes on", "step", t.at.Step, "error", err)
}

// evaluate runs the evaluation set, records the figures and reports whether
// they are the best so far.
func (t *trainer) evaluate(ctx context.Context) (best bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if t.stopRequested() {
		cancel() // before it begins, not some time after
	}
	go func() {
		select {
		case <-t.opt.Stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	r, err := t.eval.Run(ctx, nil)
	switch {
	case errors.Is(err, context.Canceled) && t.stopRequested():
		return false, fmt.Errorf("step %d, before its evaluation: %w", t.at.Step, ErrStopped)
	case err != nil:
		return false, fmt.Errorf("after step %d: %w", t.at.Step, err)
	}
	t.at.Eval, t.at.EvalStep = r, t.at.Step
	best = t.at.Eval.Score() > t.at.Best.Score() || t.at.BestStep == 0
	if best {
		t.at.Best, t.at.BestStep = t.at.Eval, t.at.Step
	}
	t.draw(ctx)
	lambdas, err := t.lambdas()
	if err != nil {
		return false, err
	}
	epoch := float64(t.at.Step) / float64(t.perEpoch)
	t.opt.Log.Info("evaluated", "epoch", epoch, "result", t.at.Eval.String(), "train_loss", t.at.Epochly.Result().Loss)
	t.store.note(t.opt.Log, Record{Kind: "eval", Step: t.at.Step, Epoch: epoch, Loss: t.at.Eval.Loss, Top1: t.at.Eval.Top1,
		Top5: t.at.Eval.Top5, MultiLabel: t.at.Eval.MultiLabel, Parts: t.at.Eval.Parts, Constant: t.at.Eval.Constant, Probe: t.at.Eval.Probe, TrainLoss: t.at.Epochly.Result().Loss, Lambda: lambdas})
	return best, nil
}

// report records a step where it is due and tells the observer.
func (t *trainer) report(lr, loss, norm float64) error {
	waited, total := t.clock.lap()
	epoch := float64(t.at.Step) / float64(t.perEpoch)
	if t.opt.Progress != nil {
		t.opt.Progress(Progress{t.store.name(), t.at.Step, t.total(), epoch, loss, lr, t.cfg.Train.Batch, waited, total})
	}
	if t.at.Step%int64(t.cfg.Train.LogEvery) == 0 && finite(loss) && finite(norm) {
		rate := float64(t.cfg.Train.Batch) / total.Seconds()
		t.store.note(t.opt.Log, Record{Kind: "train", Step: t.at.Step, Epoch: epoch, Loss: loss, LR: lr, GradNorm: norm,
			Rate: rate, DataShare: waited.Seconds() / total.Seconds()})
	}
	return nil
}

// total is the number of steps of the whole run.
func (t *trainer) total() int64 {
	n := t.perEpoch * int64(t.cfg.Train.Epochs)
	if limit := int64(t.cfg.Train.MaxSteps); limit > 0 {
		n = min(n, limit)
	}
	return n
}

// clock measures a step and sums its losses.
type clock struct {
	last    time.Time
	waiting time.Time
	waited  time.Duration
	sum     float64
	n       int
}

func (c *clock) start() { c.last = time.Now(); c.waiting = c.last }

func (c *clock) gotData() { c.waited += time.Since(c.waiting) }

func (c *clock) addLoss(l float32) { c.sum += float64(l); c.n++; c.waiting = time.Now() }

// loss is the step's mean loss; it starts the next step's sum.
func (c *clock) loss() float64 {
	l := c.sum / float64(c.n)
	c.sum, c.n = 0, 0
	return l
}

// lap ends a step.
func (c *clock) lap() (waited, total time.Duration) {
	now := time.Now()
	waited, total = c.waited, now.Sub(c.last)
	c.last, c.waiting, c.waited = now, now, 0
	return waited, total
}
