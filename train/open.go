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
	"m2pt/data"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
)

// Model is a trained model read back: config, classifier and weights.
type Model struct {
	Config     *experiment.Config
	Classifier Classifier
	Classes    []string // names, empty where the checkpoint does not tell
	Weights    *checkpoint.Tensors
	Path       string // of the checkpoint
	Step       int64  // 0 for a bare weights file
}

// OpenModel reads the checkpoint at path (run folder, checkpoint folder or
// weights file) with the config of its own run, or with the one at configPath
// where that is not empty. Weights without pathway tensors (an exported model)
// get a classifier without pathways.
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
	if m.Config.Task == "pretrain" {
		return nil, misused("%s is a masked autoencoder: fine-tune it with model.init, or use it as pathway.aux", path)
	}
	if m.Weights, err = Weights(cp); err != nil {
		return nil, err
	}
	if cp.State != nil {
		x, err := readExtra(cp)
		if err != nil {
			return nil, err
		}
		m.Classes, m.Step = x.Classes, x.Step
	}
	return m, m.classify()
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

// classify describes the network that the weights belong to. A pathway covers
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
	n := m.Classifier.Build(nn.Eval, 1, 0)
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
		return nil, nil, fmt.Errorf("checkpoint %s: %w", m.Path, err)
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
	got, want := set.Classes(), cmp.Or(m.Classifier.Categories, m.Classifier.Head.Outputs())
	if len(got) != want || m.Classes != nil && !slices.Equal(got, m.Classes) {
		return nil, nil, misused("the data has the %d classes %v, the model was trained on %d: %v", len(got), got, want, m.Classes)
	}
	loader, err := data.NewLoader(set, data.Options{Batch: cfg.Eval.Batch, Workers: Workers(cfg.Data), Seed: cfg.Seed,
		Eval: true, MaxSkipped: cfg.Data.MaxSkipped, OnSkip: onSkip})
	if err != nil {
		return nil, nil, err
	}
	e, err := newEvaluator(cfg, m.Classifier, state, nil, loader, cfg.Eval.Batch)
	return e, loader, err
}
