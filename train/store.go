package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/internal/atomicfile"
	"m2pt/nn"
)

// store is the run folder: checkpoints, journal, resolved config.
type store struct {
	run     checkpoint.Run
	journal journal
	hash    string
	jpeg    string // data.jpeg
	aux     []checkpoint.File
	locked  *os.File
}

// extra is what state.json holds for the trainer.
type extra struct {
	Position
	Classes []string `json:"classes"`
	Samples int      `json:"samples"`       // of the training set
	Raw     bool     `json:"raw,omitempty"` // evaluation leaves the averaged weights aside
}

func newStore(cfg *experiment.Config) *store {
	return &store{run: checkpoint.Run{Dir: cfg.Output, Keep: cfg.Train.Keep}, journal: journal{cfg.Output}, hash: cfg.Hash(), jpeg: cfg.Data.JPEG}
}

// openStore makes and locks the run folder.
func openStore(cfg *experiment.Config) (*store, error) {
	if err := os.MkdirAll(cfg.Output, 0o755); err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	s := newStore(cfg)
	var err error
	if s.locked, err = lock(cfg.Output); err != nil {
		return nil, err
	}
	if err := s.run.Clean(); err != nil {
		return nil, errors.Join(fmt.Errorf("run folder: %w", err), s.close())
	}
	return s, nil
}

// close gives the run folder free.
func (s *store) close() error {
	if s.locked == nil {
		return nil
	}
	return s.locked.Close()
}

// writeConfig writes the resolved config.
func (s *store) writeConfig(cfg *experiment.Config) error {
	text, err := cfg.Resolved()
	if err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	write := func(w io.Writer) error { _, err := w.Write(text); return err }
	return atomicfile.Write(filepath.Join(cfg.Output, ConfigFile), 0o644, write)
}

// ConfigFile is the resolved config's name in a run folder.
const ConfigFile = "config.toml"

func (s *store) name() string { return filepath.Base(s.run.Dir) }

// note adds a record to the journal; a full disk does not stop training.
func (s *store) note(log *slog.Logger, r Record) {
	if err := s.journal.add(r); err != nil {
		log.Warn("metrics not recorded, training goes on", "error", err)
	}
}

// save writes a checkpoint of the trainer's position.
func (s *store) save(t *trainer, best bool) error {
	x, err := json.Marshal(extra{t.at, t.classes, t.samples, !t.cfg.Eval.EMA})
	if err != nil {
		return err
	}
	snap := checkpoint.Snapshot{State: checkpoint.State{Step: t.at.Step, Epoch: t.at.Epoch, Position: int64(t.at.Sample), ConfigHash: s.hash,
		Metrics: t.at.Eval.metrics(), Aux: s.aux, Extra: x}}
	if snap.Model, err = collect(t.state, "", t.names.model); err != nil {
		return err
	}
	if snap.Optimizer, err = collect(t.state, "", t.names.slots); err != nil {
		return err
	}
	if len(t.names.ema) > 0 {
		if snap.EMA, err = collect(t.state, emaPrefix, t.names.ema); err != nil {
			return err
		}
	}
	if err := s.run.Save(snap, best); err != nil {
		return err
	}
	if err := s.journal.summarise(); err != nil {
		t.opt.Log.Warn("summary not written, training goes on", "error", err)
	}
	return nil
}

// saveAux stores the frozen auxiliary weights once.
func (s *store) saveAux(t *trainer) error {
	if len(t.names.frozen) == 0 {
		return nil
	}
	ts, err := collect(t.state, "", t.names.frozen)
	if err != nil {
		return err
	}
	f, err := s.run.SaveAux(ts)
	s.aux = []checkpoint.File{f}
	return err
}

// find is the checkpoint to resume from, nil where there is none. output names
// the option that chooses another run folder, for messages.
func (s *store) find(resume, output string, log *slog.Logger) (*checkpoint.Checkpoint, error) {
	newest, rejected, err := s.run.Latest()
	for _, r := range rejected {
		log.Warn("checkpoint passed over", "path", r.Dir, "reason", r.Err)
	}
	if err != nil && !errors.Is(err, checkpoint.ErrNoCheckpoint) {
		return nil, err
	}
	cp := newest
	if resume != "auto" && resume != "never" {
		if cp, err = s.named(resume); err != nil {
			return nil, err
		}
	}
	switch {
	case cp == nil:
		return nil, nil
	case resume == "never":
		return nil, misused("run folder %s holds checkpoints: choose another with %s, remove it, or pass -resume auto", s.run.Dir, output)
	case cp.State == nil:
		return nil, misused("resume from %s: it holds weights only; to start from them set model.init", resume)
	case cp.State.ConfigHash != s.hash:
		return nil, misused("run folder %s belongs to another experiment (config hash %.8s, this one is %.8s%s): choose another with %s, or remove it", s.run.Dir, cp.State.ConfigHash, s.hash, s.otherJPEG(cp), output)
	case newest != nil && cp.Path != newest.Path:
		return nil, misused("resume from %s: run folder %s holds a later checkpoint, %s, which would be lost: choose another folder with %s", cp.Path, s.run.Dir, filepath.Base(newest.Path), output)
	}
	return cp, nil
}

// otherJPEG says, for a message, that the run of a checkpoint has another JPEG
// decoder; a run from before there was a choice has "go".
func (s *store) otherJPEG(cp *checkpoint.Checkpoint) string {
	path, err := runConfig(cp.Path)
	if err != nil {
		return ""
	}
	cfg, err := experiment.LoadRun(path, nil)
	if err != nil {
		return ""
	}
	switch jpeg := cfg.WithJPEG("go").Data.JPEG; jpeg {
	case s.jpeg:
		return ""
	case "turbo":
		return fmt.Sprintf("; it has data.jpeg %q, this one %q: is libturbojpeg installed?", jpeg, s.jpeg)
	default:
		return fmt.Sprintf("; it has data.jpeg %q, this one %q", jpeg, s.jpeg)
	}
}

// named is the checkpoint a path stands for when resuming: of a run folder the
// newest, not the best.
func (s *store) named(path string) (*checkpoint.Checkpoint, error) {
	cp, _, err := checkpoint.Run{Dir: path}.Latest()
	if err == nil {
		return cp, nil
	}
	return openExactly(path)
}

// openExactly opens the checkpoint a path stands for; where that one is corrupt
// another does not take its place.
func openExactly(path string) (*checkpoint.Checkpoint, error) {
	cp, rejected, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	for _, r := range rejected {
		return nil, fmt.Errorf("open checkpoint %s: %s: %w; the next good one is %s: name that to use it", path, r.Dir, r.Err, cp.Path)
	}
	return cp, nil
}

func misused(format string, args ...any) error {
	return &experiment.UsageError{Problems: []string{fmt.Sprintf(format, args...)}}
}

func readExtra(cp *checkpoint.Checkpoint) (x extra, err error) {
	if err := json.Unmarshal(cp.State.Extra, &x); err != nil {
		return x, fmt.Errorf("checkpoint %s: state.json: %w", cp.Path, err)
	}
	return x, nil
}

// restore puts a checkpoint's tensors and position back.
func (s *store) restore(t *trainer, cp *checkpoint.Checkpoint) error {
	if !slices.Equal(cp.State.Aux, s.aux) {
		return misused("resume from %s: its auxiliary weights are not those of now: restore those, or choose another run folder with -out", cp.Path)
	}
	x, err := readExtra(cp)
	if err != nil {
		return err
	}
	if !slices.Equal(x.Classes, t.classes) || x.Samples != t.samples {
		return misused("resume from %s: it was trained on %d samples of the classes %v, the data has %d of %v: restore the data, or choose another run folder with -out",
			cp.Path, x.Samples, x.Classes, t.samples, t.classes)
	}
	t.at = x.Position
	if !s.run.Has(t.at.BestStep) { // resumed from another folder
		t.at.Best, t.at.BestStep = Result{}, 0
	}
	for _, part := range []struct {
		prefix string
		names  []string
		read   func() (*checkpoint.Tensors, error)
	}{
		{"", t.names.model, cp.Model}, {"", t.names.slots, cp.Optimizer}, {emaPrefix, t.names.ema, cp.EMA},
	} {
		ts, err := part.read()
		if err == nil && ts != nil {
			err = load(t.state, part.prefix, ts, func(name string) bool { return slices.Contains(part.names, name) })
		}
		if err != nil {
			return fmt.Errorf("resume from %s: %w", cp.Path, err)
		}
	}
	if err := s.run.Rewind(cp.State.Step); err != nil {
		return err
	}
	return s.journal.rewind(cp.State.Step)
}

// foldTrained are the values averages start from: parameters as they are, but
// Ŵ for W and 0 for λ in layers whose W′ trains.
func foldTrained(ts *checkpoint.Tensors, params []nn.Param) (*checkpoint.Tensors, error) {
	folded, zero := map[string]bool{}, map[string]bool{}
	for _, l := range pathwayLayers(params) {
		folded[l.weight] = l.auxTrained
		for _, term := range l.terms {
			zero[term.scale] = l.auxTrained
		}
	}
	out := &checkpoint.Tensors{}
	for t := range ts.All() {
		var err error
		switch {
		case folded[t.Name]:
			t, err = mergeLayer(ts, t)
		case zero[t.Name]:
			t = checkpoint.New(t.Name, t.Shape, make([]float32, t.Len()))
		}
		if err = errors.Join(err, out.Add(t)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
