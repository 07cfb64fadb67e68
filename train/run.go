package train

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/engine"
	"m2pt/experiment"
)

// Run trains an experiment to its end, its auxiliary experiments first where
// their results are missing, and resumes where a run folder holds a checkpoint.
func Run(ctx context.Context, cfg *experiment.Config, opt Options) (*Outcome, error) {
	cfg = settle(cfg, image.OpenTurbo)
	aux, err := auxiliaries(ctx, cfg, opt)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	t, err := prepare(cfg, opt, aux)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if cfg.ReadsJPEG() {
		opt.Log.Info("JPEG decoder", "run", t.store.name(), "jpeg", cfg.Data.JPEG)
	}
	if cfg.Model.Frozen && cfg.Model.Init == "" {
		opt.Log.Warn("model.frozen without model.init: the features are a random network's", "run", t.store.name())
	}
	from := t.at.Step
	if from > 0 {
		opt.Log.Info("resumed", "run", t.store.name(), "start_step", from, "epoch", t.at.Epoch, "sample", t.at.Sample)
	}
	err = t.run(ctx)
	out := t.outcome(from, time.Since(start))
	for _, a := range aux {
		out.Skipped = append(a.Skipped, out.Skipped...)
	}
	if err != nil {
		return out, fmt.Errorf("train %s: %w", t.store.name(), err)
	}
	out.Lambda, err = t.lambdas()
	return out, err
}

// auxiliaries loads the auxiliary models, training those that another
// experiment makes. A finished run is used as it is.
func auxiliaries(ctx context.Context, cfg *experiment.Config, opt Options) ([]*Auxiliary, error) {
	var all []*Auxiliary
	for i, p := range cfg.Pathway {
		path := p.Aux
		var skipped []string
		if a := cfg.Aux(i); a != nil {
			path = a.Output
			var err error
			if skipped, err = ensure(ctx, a, opt); err != nil {
				return nil, fmt.Errorf("auxiliary experiment: %w", err)
			}
			if own, other := cfg.Model.NumHeads, a.Model.NumHeads; own != other {
				opt.Log.Warn("head counts differ: heads of W and W′ do not match", "auxiliary", path, "auxiliary_heads", other, "heads", own)
			}
		}
		a, err := LoadAuxiliary(path, p.AuxSource)
		if err != nil {
			return nil, err
		}
		opt.Log.Info("auxiliary model", "checkpoint", path, "names", a.Source, "depth", a.Depth)
		logAverages(opt.Log, path, a.Averages)
		if d := cfg.Model.Depth; a.Depth != d {
			opt.Log.Info("pathway pairs blocks in order", "auxiliary", path, "auxiliary_depth", a.Depth, "depth", d, "paired", min(a.Depth, d))
		}
		a.Skipped = skipped
		all = append(all, a)
	}
	return all, nil
}

// ensure trains an experiment unless its run folder holds the finished result
// of the very same one, and returns the samples it had to skip.
func ensure(ctx context.Context, cfg *experiment.Config, opt Options) (skipped []string, err error) {
	opt.Resume = "auto"
	s := newStore(cfg)
	cp, err := s.find(opt.Resume, "-set aux.output=DIR", opt.Log)
	if err != nil {
		return nil, err
	}
	if cp != nil {
		x, err := readExtra(cp)
		if err != nil {
			return nil, err
		}
		if x.Done {
			opt.Log.Info("auxiliary experiment is finished already", "run", s.name(), "best", x.Best.String())
			return x.Skipped, nil
		}
	}
	opt.Log.Info("training the auxiliary experiment first", "run", s.name())
	out, err := Run(ctx, cfg, opt)
	if err != nil {
		return nil, err
	}
	return out.Skipped, nil
}

// prepare opens data, model, state and run folder, and restores a checkpoint.
func prepare(cfg *experiment.Config, opt Options, aux []*Auxiliary) (*trainer, error) {
	t := &trainer{cfg: cfg, opt: opt}
	err := t.openData()
	if err != nil {
		return nil, err
	}
	if t.store, err = openStore(cfg); err != nil {
		return nil, err
	}
	if err := t.assemble(aux); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// assemble builds the model and restores the checkpoint of the run folder,
// whose config is not written over before it is known to be the same.
func (t *trainer) assemble(aux []*Auxiliary) error {
	cp, err := t.store.find(t.opt.Resume, "-out", t.opt.Log)
	if err != nil {
		return err
	}
	if err := t.store.writeConfig(t.cfg); err != nil {
		return err
	}
	t.resuming = cp != nil
	if err := t.build(aux); err != nil {
		return err
	}
	if cp == nil {
		return t.store.journal.rewind(0) // a run that was killed early leaves records
	}
	return t.store.restore(t, cp)
}

// openData opens both splits and derives what depends on their sizes.
func (t *trainer) openData() error {
	cfg := t.cfg
	trainSet, err := OpenData(cfg, TrainSplit)
	if err != nil {
		return err
	}
	valSet, err := OpenData(cfg, ValSplit)
	if err != nil {
		return err
	}
	t.classes, t.answers, t.samples = trainSet.Classes(), AnswersOf(trainSet), trainSet.Len()
	if got := valSet.Classes(); !slices.Equal(got, t.classes) {
		return misused("the training data has the classes %v, the validation data %v: they must be the same", t.classes, got)
	}
	weights, err := soundWeights(cfg)
	if err != nil {
		return err
	}
	epoch := trainSet.Len()
	if weights != nil {
		epoch = cmp.Or(cfg.Audio.EpochLen, epoch)
	}
	t.perEpoch = int64(epoch / cfg.Train.Batch)
	if t.perEpoch == 0 {
		return misused("train.batch %d is larger than the %d training samples of an epoch", cfg.Train.Batch, epoch)
	}
	t.train, err = data.NewLoader(trainSet, data.Options{Batch: cfg.Train.MicroBatch(), Workers: Workers(cfg.Data), Seed: cfg.Seed,
		Shuffle: true, Repeat: cfg.Augment.Repeated, Weights: weights, EpochLen: cfg.Audio.EpochLen, MaxSkipped: cfg.Data.MaxSkipped, OnSkip: t.skipped(TrainSplit)})
	if err != nil {
		return err
	}
	t.evalData, err = data.NewLoader(valSet, data.Options{Batch: cfg.Eval.Batch, Workers: Workers(cfg.Data), Seed: cfg.Seed,
		Eval: true, MaxSkipped: cfg.Data.MaxSkipped, OnSkip: t.skipped(ValSplit)})
	return err
}

// skipped notes samples of a split that cannot be read, each once.
func (t *trainer) skipped(split Split) func(data.Skip) {
	return func(s data.Skip) {
		line := fmt.Sprintf("%s %s: %v", split, s.Name, s.Err)
		if !slices.Contains(t.at.Skipped, line) {
			t.at.Skipped = append(t.at.Skipped, line)
			t.opt.Log.Warn("sample skipped", "split", split, "file", s.Name, "reason", s.Err)
		}
	}
}

// build makes the model's state and programs.
func (t *trainer) build(aux []*Auxiliary) error {
	cfg := t.cfg
	depths := make([]int, len(aux))
	for i, a := range aux {
		depths[i] = a.Depth
	}
	var err error
	if t.model, err = newNetwork(cfg, t.answers, depths); err != nil {
		return err
	}
	t.state = engine.NewState(t.opt.Device)
	return firstOf(t.declare, func() error { return t.fill(aux) }, func() error { return t.store.saveAux(t) }, t.compileEval)
}

func firstOf(steps ...func() error) error {
	for _, f := range steps {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (t *trainer) compileEval() (err error) {
	var bind map[string]string
	if t.cfg.Eval.EMA {
		bind = t.names.bind()
	}
	if t.eval, err = newFullEvaluator(t.cfg, t.model, t.state, bind, t.evalData); err != nil {
		return err
	}
	if p, ok := t.model.(Pretrainer); ok {
		t.drawer, err = newDrawer(t.cfg, p, t.state, bind)
	}
	return err
}

func (t *trainer) outcome(from int64, d time.Duration) *Outcome {
	return &Outcome{Run: t.store.run.Dir, Steps: t.at.Step, StartStep: from, Epochs: t.at.Epoch, Eval: t.at.Eval, EvalStep: t.at.EvalStep,
		Best: t.at.Best, BestStep: t.at.BestStep, Skipped: t.at.Skipped, BadSteps: t.at.BadSteps, Seconds: d.Seconds()}
}

func (t *trainer) close() {
	if t.store != nil {
		t.store.close()
	}
	if t.prog != nil {
		t.prog.Close()
	}
	if t.eval != nil {
		t.eval.Close()
	}
	if t.drawer != nil {
		t.drawer.Close()
	}
	if t.state != nil {
		t.state.Close()
	}
}
