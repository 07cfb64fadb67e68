package train

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/nn"
)

// Plan is what an experiment will take, known without its data and weights.
type Plan struct {
	Classes    int         `json:"classes"`
	Parameters Parameters  `json:"parameters"`
	FLOPs      FLOPs       `json:"flops"`
	Memory     PlanMemory  `json:"memory"`
	Groups     []PlanGroup `json:"groups"`
	Pathways   []PlanLayer `json:"pathways,omitempty"`
	Rates      []PlanRate  `json:"learning_rate"`
	Steps      PlanSteps   `json:"steps"`
	// Assumed says what had to be guessed.
	Assumed []string `json:"assumed,omitempty"`
}

// Parameters counts elements of the model's parameters, as PyTorch does: without
// running statistics and tables that are in no checkpoint.
type Parameters struct {
	Training int `json:"training"` // all, W′ and λ included
	Trained  int `json:"trained"`  // by the optimizer
	Merged   int `json:"merged"`   // of the exported model
}

// FLOPs are floating-point operations; 1 multiply-add is 2. What is computed again
// with train.grad_checkpointing does not count.
type FLOPs struct {
	Forward   int64 `json:"forward_per_sample"`
	PerSample int64 `json:"training_per_sample"`
	PerStep   int64 `json:"training_per_step"`
}

// PlanMemory is device memory in bytes, where values are stored as float32.
type PlanMemory struct {
	State int `json:"state"` // parameters, optimizer, averages
	Arena int `json:"arena"` // values of a training step
	Feeds int `json:"feeds"` // of a training step
	Eval  int `json:"eval"`  // arena and feeds of evaluation, beside training's
}

// PlanGroup is a parameter group of the optimizer; see [Groups].
type PlanGroup struct {
	LRScale     float64 `json:"lr_scale"`
	WeightDecay float64 `json:"weight_decay"`
	Tensors     int     `json:"tensors"`
	Parameters  int     `json:"parameters"`
}

// PlanLayer is a term λ·W′ of a layer.
type PlanLayer struct {
	Layer  string `json:"layer"`
	Aux    int    `json:"aux"`    // which auxiliary model, from 0
	Source string `json:"source"` // the tensor of it that is W′
}

// PlanRate is the learning rate, before layer scales, at an epoch.
type PlanRate struct {
	Epoch float64 `json:"epoch"`
	LR    float64 `json:"lr"`
}

// PlanSteps counts updates; 0 where the size of the dataset is not known.
type PlanSteps struct {
	PerEpoch int64 `json:"per_epoch"`
	Total    int64 `json:"total"`
}

// NewPlan plans cfg for a dataset of so many answers and training samples; 0
// samples are an unknown number. It builds the graphs and programs of [Run], on
// a device that holds no memory.
func NewPlan(cfg *experiment.Config, a Answers, samples int) (*Plan, error) {
	p := &Plan{Classes: a.Classes}
	depths, err := p.auxDepths(cfg)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	net, err := newNetwork(cfg, a, depths)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	t := &trainer{cfg: cfg, model: net, state: engine.NewState(engine.Planner{}),
		perEpoch: int64(samples / cfg.Train.Batch)}
	defer t.close()
	if err := p.programs(t); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	p.count(t.names.params)
	p.Steps = PlanSteps{t.perEpoch, t.total()}
	p.Rates = rates(cfg, t.perEpoch)
	return p, nil
}

// auxDepths are the block counts of the auxiliary models, the model's own where
// nothing tells.
func (p *Plan) auxDepths(cfg *experiment.Config) ([]int, error) {
	depths := make([]int, len(cfg.Pathway))
	for i, w := range cfg.Pathway {
		if aux := cfg.Aux(i); aux != nil {
			depths[i] = aux.Model.Depth
			continue
		}
		switch a, err := LoadAuxiliary(w.Aux, w.AuxSource); {
		case err == nil:
			depths[i] = a.Depth
		case errors.Is(err, fs.ErrNotExist):
			depths[i] = cfg.Model.Depth
			p.Assumed = append(p.Assumed, fmt.Sprintf("auxiliary model %d has %d blocks, as the model has: %s is not there", i, depths[i], w.Aux))
		default:
			return nil, err
		}
	}
	return depths, nil
}

// programs compiles training and, for one sample, evaluation.
func (p *Plan) programs(t *trainer) error {
	cfg := t.cfg
	if err := t.declare(); err != nil {
		return err
	}
	use := t.prog.Memory()
	p.Memory = PlanMemory{State: use.State, Arena: use.Arena, Feeds: use.Feeds}
	p.FLOPs.PerStep = t.prog.FLOPs()
	p.FLOPs.PerSample = p.FLOPs.PerStep / int64(cfg.Train.Batch)
	for _, g := range newDecay(cfg).Groups(t.names.params, cfg.Model.Depth) {
		p.Groups = append(p.Groups, PlanGroup{g.LRScale, g.WeightDecay, len(g.Params), elements(g.Params)})
	}
	return p.evaluation(t)
}

func (p *Plan) evaluation(t *trainer) error {
	for _, batch := range []int{1, t.cfg.Eval.Batch} {
		e, err := newEvaluator(t.cfg, t.model, t.state, nil, nil, batch)
		if err != nil {
			return err
		}
		if batch == 1 {
			p.FLOPs.Forward = e.prog.FLOPs()
		}
		use := e.prog.Memory()
		p.Memory.Eval = use.Arena + use.Feeds
		if err := e.Close(); err != nil {
			return err
		}
	}
	return nil
}

// count sums the parameters and lists the pathway's layers.
func (p *Plan) count(params []nn.Param) {
	for _, q := range params {
		if q.Running || q.Derived {
			continue
		}
		p.Parameters.Training += q.Len()
		if !q.Fixed {
			p.Parameters.Trained += q.Len()
		}
		layer, name, k, ok := model.SplitTerm(q.Name)
		switch {
		case !ok:
			p.Parameters.Merged += q.Len()
		case name == model.AuxName:
			p.Pathways = append(p.Pathways, PlanLayer{layer, k, q.Source})
		}
	}
	slices.SortStableFunc(p.Pathways, func(a, b PlanLayer) int { return a.Aux - b.Aux })
}

func elements(params []nn.Param) int {
	n := 0
	for _, p := range params {
		n += p.Len()
	}
	return n
}

// rates samples the learning rate at the schedule's ends, the end of warm-up and
// between.
func rates(cfg *experiment.Config, perEpoch int64) []PlanRate {
	s := newSchedule(cfg, perEpoch)
	var all []PlanRate
	at := func(from, to float64, parts int) {
		for i := range parts {
			epoch := from + (to-from)*float64(i)/float64(parts)
			all = append(all, PlanRate{epoch, s.At(epoch)})
		}
	}
	if s.Warmup > 0 {
		at(0, s.Warmup, 2)
	}
	if s.Warmup < s.Epochs {
		at(s.Warmup, s.Epochs, 6)
	}
	return append(all, PlanRate{s.Epochs, s.At(s.Epochs)})
}

// newSchedule is the learning rate's course over a run.
func newSchedule(cfg *experiment.Config, perEpoch int64) Schedule {
	return Schedule{Name: cfg.Schedule.Name, LR: cfg.Optimizer.LR, MinLR: cfg.Schedule.MinLR, WarmupLR: cfg.Schedule.WarmupLR,
		Warmup: cfg.Schedule.WarmupEpochs, Epochs: float64(cfg.Train.Epochs), PerEpoch: perEpoch}
}
