package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"m2pt/checkpoint"
	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/model"
)

// Run trains an experiment to its end, its auxiliary experiments first where
// their results are missing, and resumes where a run folder holds a checkpoint.
func Run(ctx context.Context, cfg *experiment.Config, opt Options) (*Outcome, error) {
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
	from := t.at.Step
	if from > 0 {
		opt.Log.Info("resumed", "run", t.store.name(), "start_step", from, "epoch", t.at.Epoch, "sample", t.at.Sample)
	}
	err = t.run(ctx)
	out := t.outcome(from, time.Since(start))
	if err != nil {
		return out, fmt.Errorf("train %s: %w", t.store.name(), err)
	}
	out.Lambda, err = Lambdas(t.names.params, t.state)
	return out, err
}

// auxiliaries loads the auxiliary models, training those that another
// experiment makes. A finished run is used as it is.
func auxiliaries(ctx context.Context, cfg *experiment.Config, opt Options) ([]*Auxiliary, error) {
	var all []*Auxiliary
	for i, p := range cfg.Pathway {
		path := p.Aux
		if a := cfg.Aux(i); a != nil {
			path = a.Output
			if err := ensure(ctx, a, opt); err != nil {
				return nil, fmt.Errorf("auxiliary experiment: %w", err)
			}
			if own, other := cfg.Model.NumHeads, a.Model.NumHeads; own != other {
				opt.Log.Warn("head counts differ: heads of W and W′ do not match", "auxiliary", path, "auxiliary_heads", other, "heads", own)
			}
		}
		a, err := LoadAuxiliary(path)
		if err != nil {
			return nil, err
		}
		if d := cfg.Model.Depth; a.Depth != d {
			opt.Log.Info("pathway pairs blocks in order", "auxiliary", path, "auxiliary_depth", a.Depth, "depth", d, "paired", min(a.Depth, d))
		}
		all = append(all, a)
	}
	return all, nil
}

// ensure trains an experiment unless its run folder holds the finished result
// of the very same one.
func ensure(ctx context.Context, cfg *experiment.Config, opt Options) error {
	opt.Resume = "auto"
	s := newStore(cfg, nil)
	cp, err := s.find(opt.Resume, opt.Log)
	if err != nil {
		return err
	}
	if cp != nil {
		x, err := readExtra(cp)
		if err != nil {
			return err
		}
		if x.Done {
			opt.Log.Info("auxiliary experiment is finished already", "run", s.name(), "top1", x.Best.Top1)
			return nil
		}
	}
	opt.Log.Info("training the auxiliary experiment first", "run", s.name())
	_, err = Run(ctx, cfg, opt)
	return err
}

// prepare opens data, model, state and run folder, and restores a checkpoint.
func prepare(cfg *experiment.Config, opt Options, aux []*Auxiliary) (*trainer, error) {
	t := &trainer{cfg: cfg, opt: opt}
	classes, err := t.openData()
	if err != nil {
		return nil, err
	}
	if t.store, err = openStore(cfg, classes); err != nil {
		return nil, err
	}
	if err := t.assemble(len(classes), aux); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// assemble builds the model and restores the checkpoint of the run folder,
// whose config is not written over before it is known to be the same.
func (t *trainer) assemble(classes int, aux []*Auxiliary) error {
	cp, err := t.store.find(t.opt.Resume, t.opt.Log)
	if err != nil {
		return err
	}
	if err := t.store.writeConfig(t.cfg); err != nil {
		return err
	}
	if err := t.build(classes, aux); err != nil {
		return err
	}
	if cp == nil {
		return t.store.journal.rewind(0) // a run that was killed early leaves records
	}
	return t.store.restore(t, cp)
}

// openData opens both splits and derives what depends on their sizes.
func (t *trainer) openData() (classes []string, err error) {
	cfg := t.cfg
	trainSet, err := OpenData(cfg, TrainSplit)
	if err != nil {
		return nil, err
	}
	valSet, err := OpenData(cfg, ValSplit)
	if err != nil {
		return nil, err
	}
	t.perEpoch = int64(trainSet.Len() / cfg.Train.Batch)
	if t.perEpoch == 0 {
		return nil, fmt.Errorf("train.batch %d is larger than the %d training samples", cfg.Train.Batch, trainSet.Len())
	}
	t.train, err = data.NewLoader(trainSet, data.Options{Batch: cfg.Train.MicroBatch(), Workers: Workers(cfg.Data), Seed: cfg.Seed,
		Shuffle: true, MaxSkipped: cfg.Data.MaxSkipped, OnSkip: t.skipped})
	if err != nil {
		return nil, err
	}
	t.evalData, err = data.NewLoader(valSet, data.Options{Batch: cfg.Eval.Batch, Workers: Workers(cfg.Data), Seed: cfg.Seed,
		Eval: true, MaxSkipped: cfg.Data.MaxSkipped, OnSkip: t.skipped})
	return trainSet.Classes(), err
}

func (t *trainer) skipped(s data.Skip) {
	t.opt.Log.Warn("sample skipped", "file", s.Name, "reason", s.Err)
}

// build makes the model's state and programs.
func (t *trainer) build(classes int, aux []*Auxiliary) error {
	cfg := t.cfg
	depths := make([]int, len(aux))
	for i, a := range aux {
		depths[i] = a.Depth
	}
	t.model = NewClassifier(cfg, classes, depths)
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

// initFrom starts the plain parameters from a checkpoint of the same model; a
// head that it lacks, or has for other classes, keeps its fresh weights.
func (t *trainer) initFrom(path string) error {
	ts, err := loadPlain(path)
	if err != nil {
		return err
	}
	head := []string{"head.weight", "head.bias"}
	fresh := slices.ContainsFunc(head, func(name string) bool {
		x, ok := ts.Lookup(name)
		return !ok || !slices.Equal(x.Shape, t.state.Spec(name).Shape)
	})
	if fresh {
		t.opt.Log.Info("head starts fresh: the checkpoint has none for these classes", "classes", t.model.Head.Classes)
	}
	keep := &checkpoint.Tensors{}
	for x := range ts.All() {
		if fresh && slices.Contains(head, x.Name) {
			continue
		}
		if err := keep.Add(x); err != nil {
			return err
		}
	}
	return load(t.state, "", keep, func(name string) bool {
		_, _, _, term := model.SplitTerm(name)
		return slices.Contains(t.names.model, name) && !term && !(fresh && slices.Contains(head, name))
	})
}

func (t *trainer) compileEval() (err error) {
	var bind map[string]string
	if t.cfg.Eval.EMA {
		bind = t.names.bind()
	}
	t.eval, err = NewEvaluator(t.model, t.state, bind, t.evalData, t.cfg.Eval.Batch)
	return err
}

func (t *trainer) outcome(from int64, d time.Duration) *Outcome {
	skipped := slices.Concat(t.train.Skipped(), t.evalData.Skipped())
	return &Outcome{Run: t.store.run.Dir, Steps: t.at.Step, StartStep: from, Epochs: t.at.Epoch, Eval: t.at.Eval, Best: t.at.Best, BestStep: t.at.BestStep,
		Skipped: skipped, NumSkip: len(skipped), BadSteps: t.at.BadSteps, Seconds: d.Seconds()}
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
	if t.state != nil {
		t.state.Close()
	}
}
