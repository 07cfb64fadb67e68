package train

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"m2pt/checkpoint"
	naming "m2pt/checkpoint/names"
	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
)

// Model is a trained model read back: config, network and weights.
type Model struct {
	Config     *experiment.Config
	Classifier Classifier
	Pretrainer *Pretrainer // instead of the Classifier, where the task is to pretrain
	Classes    []string    // names, empty where the checkpoint does not tell
	Weights    *checkpoint.Tensors
	Averaged   bool   // Weights holds averages in place of the parameters they average
	Path       string // of the checkpoint
	Step       int64  // 0 for a bare weights file
}

// OpenModel reads the checkpoint at path (run folder, checkpoint folder or
// weights file) with the config of its own run, or with the one at configPath
// where that is not empty, which says by eval.ema whether averages stand in place of
// the parameters they average. Weights without pathway tensors (an exported model, or
// another project's) get a classifier without pathways.
func OpenModel(path, configPath string, sets []string) (*Model, error) {
	cp, err := openExactly(path)
	if err != nil {
		return nil, err
	}
	if configPath == "" {
		if configPath, err = runConfig(cp.Path); err != nil {
			return nil, err
		}
	}
	m := &Model{Path: cp.Path}
	if m.Config, err = experiment.LoadRun(configPath, sets); err != nil {
		return nil, err
	}
	if cp.State == nil {
		err = m.readFile(cp)
	} else {
		err = m.readRun(cp)
	}
	if err != nil {
		return nil, err
	}
	if err := m.describe(); err != nil {
		return nil, err
	}
	return m, m.check()
}

// check refuses weights that are not those of the network that the config describes.
func (m *Model) check() error {
	n := m.network().Build(nn.Eval, 1, 0)
	if err := n.Err(); err != nil {
		return err
	}
	stored := 0
	for _, p := range n.Registry().Params() {
		if p.Derived {
			continue
		}
		t, err := m.Weights.Get(p.Name)
		if err == nil && !slices.Equal(t.Shape, p.Shape) {
			err = fmt.Errorf("tensor %q: shape %v, want %v", p.Name, t.Shape, p.Shape)
		}
		if err != nil {
			return m.misfit(err)
		}
		stored++
	}
	for t := range m.Weights.All() {
		if p, ok := n.Registry().Lookup(t.Name); !ok || p.Derived {
			return m.misfit(fmt.Errorf("tensor %q: the model has no such parameter (%d of %d tensors fit)", t.Name, stored, m.Weights.Len()))
		}
	}
	return nil
}

// misfit says what to do about weights of another network.
func (m *Model) misfit(err error) error {
	if _, whole := m.Weights.Lookup("mask_token"); m.Pretrainer != nil && !whole {
		return fmt.Errorf("checkpoint %s: %w: it is an encoder alone, for model.init or pathway.aux", m.Path, err)
	}
	return fmt.Errorf("checkpoint %s: %w: is its config the one with -config and -set?", m.Path, err)
}

// readRun takes weights and classes from a checkpoint of a run.
func (m *Model) readRun(cp *checkpoint.Checkpoint) error {
	x, err := readExtra(cp)
	if err != nil {
		return err
	}
	m.Classes, m.Step = x.Classes, x.Step
	var ema *checkpoint.Tensors
	if m.Config.Eval.EMA {
		if ema, err = cp.EMA(); err != nil {
			return err
		}
	}
	m.Averaged = ema != nil
	m.Weights, err = replaced(cp, ema)
	return err
}

// readFile takes weights from a file of ours, pathways included, or under another
// project's names.
func (m *Model) readFile(cp *checkpoint.Checkpoint) (err error) {
	if m.Weights, err = cp.Model(); err != nil || len(foldable(m.Weights)) > 0 {
		return err
	}
	source, err := naming.Detect(m.Weights)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", m.Path, err)
	}
	ours, unknown, err := naming.Read(m.Weights, source)
	if err == nil && len(unknown) > 0 {
		err = fmt.Errorf("names of %s: no part of a model: %q", source, unknown)
	}
	if err == nil && m.Config.Task == "pretrain" && m.Config.Model.QKVBias == "split" {
		ours, err = naming.SplitBiases(ours)
	}
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", m.Path, err)
	}
	m.Weights = ours
	return nil
}

// foldable are the tensors of pathways.
func foldable(ts *checkpoint.Tensors) (names []string) {
	for t := range ts.All() {
		if _, _, _, ok := model.SplitTerm(t.Name); ok {
			names = append(names, t.Name)
		}
	}
	return names
}

// describe says which network the weights belong to.
func (m *Model) describe() error {
	if m.Config.Task != "pretrain" {
		return m.classify()
	}
	p, err := newPretrainer(m.Config)
	m.Pretrainer = &p
	return err
}

// network is the model's.
func (m *Model) network() network {
	if m.Pretrainer != nil {
		return *m.Pretrainer
	}
	return m.Classifier
}

// runConfig finds the config of the run that a checkpoint belongs to.
func runConfig(path string) (string, error) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		p := filepath.Join(dir, ConfigFile)
		if _, err := os.Stat(p); err == nil {
			return p, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", misused("%s is not in a run folder: name its experiment with -config", path)
		}
	}
}

// classify describes the classifier that the weights belong to. A pathway covers
// the blocks 0..depth-1 of its auxiliary model in either order.
func (m *Model) classify() error {
	a, err := m.answers()
	if err != nil {
		return err
	}
	depths := make([]int, len(m.Config.Pathway))
	any := false
	for t := range m.Weights.All() {
		layer, name, k, ok := model.SplitTerm(t.Name)
		var i int
		if !ok || name != model.AuxName || k >= len(depths) || !scan(layer, "blocks.%d.", &i) {
			continue
		}
		any = true
		depths[k] = max(depths[k], i+1)
	}
	m.Classifier = NewClassifier(m.Config, a, depths)
	if !any {
		m.Classifier.ViT.Pathways = nil
	}
	if _, whole := m.Weights.Lookup("blocks.0.attn.qkv.bias"); whole && m.Config.Model.QKVBias == "split" {
		m.Classifier.ViT.QKVBias = "full" // as an exported model has it
	}
	return nil
}

// answers are counted by the head's weights.
func (m *Model) answers() (a Answers, err error) {
	rows := func(name string, axis int) int {
		t, missing := m.Weights.Get(name)
		if missing != nil || axis >= len(t.Shape) {
			err = errors.Join(err, fmt.Errorf("head of kind %q: %w", m.Config.Head.Kind, cmp.Or(missing, fmt.Errorf("tensor %q has shape %v", name, t.Shape))))
			return 0
		}
		return t.Shape[axis]
	}
	switch m.Config.Head.Kind {
	case "probe":
		a.Classes = rows("head.1.weight", 0)
	case "point":
		a.Classes = rows("cls_head_finetune.8.weight", 0)
	case "parts":
		a.Classes, a.Parts = rows("label_conv.0.weight", 1), rows("convs3.weight", 0)
	default:
		a.Classes = rows("head.weight", 0)
	}
	return a, err
}

// State puts the weights on a device. Parameters the weights lack are an error,
// as are weights the model lacks.
func (m *Model) State(dev engine.Device) (*engine.State, []nn.Param, error) {
	n := m.network().Build(nn.Eval, 1, 0)
	if err := n.Err(); err != nil {
		return nil, nil, err
	}
	s := engine.NewState(dev)
	params := n.Registry().Params()
	for _, p := range params {
		err := s.Add(p.Name, ops.F32(p.Shape...))
		if err == nil && p.Derived {
			err = engine.Set(s, p.Name, p.Values(0))
		}
		if err != nil {
			s.Close()
			return nil, nil, err
		}
	}
	stored := func(name string) bool { p, ok := n.Registry().Lookup(name); return ok && !p.Derived }
	if err := load(s, "", m.Weights, stored); err != nil {
		s.Close()
		return nil, nil, m.misfit(err)
	}
	return s, params, nil
}

// Evaluator prepares an evaluation of the model on its validation data.
func (m *Model) Evaluator(state *engine.State, onSkip func(data.Skip)) (*Evaluator, *data.Loader, error) {
	cfg := m.Config
	set, err := OpenData(cfg, ValSplit)
	if err != nil {
		return nil, nil, err
	}
	if err := m.answersFor(set.Classes()); err != nil {
		return nil, nil, err
	}
	loader, err := data.NewLoader(set, data.Options{Batch: cfg.Eval.Batch, Workers: Workers(cfg.Data), Seed: cfg.Seed,
		Eval: true, MaxSkipped: cfg.Data.MaxSkipped, OnSkip: onSkip})
	if err != nil {
		return nil, nil, err
	}
	e, err := newFullEvaluator(cfg, m.network(), state, nil, loader)
	if _, missing := errors.AsType[*experiment.UsageError](err); missing && cfg.Eval.Probe == "none" { // training data, which only yardsticks need
		e, err = newEvaluator(cfg, m.network(), state, nil, loader, cfg.Eval.Batch)
	}
	return e, loader, err
}

// answersFor refuses data of other classes than the model answers with.
func (m *Model) answersFor(classes []string) error {
	if m.Pretrainer != nil {
		return nil
	}
	want := cmp.Or(m.Classifier.Categories, m.Classifier.Head.Outputs())
	if len(classes) != want || m.Classes != nil && !slices.Equal(classes, m.Classes) {
		return misused("the data has the %d classes %v, the model was trained on %d: %v", len(classes), classes, want, m.Classes)
	}
	return nil
}
