package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"m2pt/checkpoint"
	"m2pt/experiment"
)

// Trained is a model read back to be passed on, with what its run tells of it. Of a
// bare weights file nothing is told.
type Trained struct {
	*Model
	Samples int               // of the training set
	Aux     []checkpoint.File // frozen auxiliary weights
	Eval    *Record           // the last evaluation up to the checkpoint, nil where there is none
	MeanOf  []string          // checkpoints whose mean the weights are, where of several
}

// OpenTrained reads the checkpoint at path as [OpenModel] does. Of a masked autoencoder
// it is the encoder alone, with all tokens visible and features for answers.
func OpenTrained(path, configPath string, sets []string) (*Trained, error) {
	m, err := OpenModel(path, configPath, sets)
	if err != nil {
		return nil, err
	}
	cp, err := openExactly(m.Path)
	if err != nil {
		return nil, err
	}
	t := &Trained{Model: m}
	if cp.State != nil {
		if err := t.recall(cp); err != nil {
			return nil, err
		}
	}
	if m.Pretrainer != nil {
		return t, m.dropDecoder()
	}
	return t, nil
}

// TrainsAuxiliary reports whether W′ of a pathway trained.
func (t *Trained) TrainsAuxiliary() bool {
	return slices.ContainsFunc(t.Config.Pathway, func(p experiment.Pathway) bool { return p.AuxTrainable })
}

// recall reads what the run of a checkpoint tells.
func (t *Trained) recall(cp *checkpoint.Checkpoint) error {
	x, err := readExtra(cp)
	if err != nil {
		return err
	}
	t.Samples, t.Aux = x.Samples, cp.State.Aux
	t.Eval, err = journal{filepath.Join(cp.Path, "..", "..")}.evaluation(x.Step)
	return err
}

// evaluation is the last one recorded up to a step, nil where there is none.
func (j journal) evaluation(step int64) (*Record, error) {
	text, err := os.ReadFile(j.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var last *Record
	for line := range bytes.Lines(text) {
		var r Record
		if json.Unmarshal(line, &r) == nil && r.Kind == "eval" && r.Step <= step {
			last = &r
		}
	}
	return last, nil
}
