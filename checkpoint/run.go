package checkpoint

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/internal/atomicfile"
)

// Names within a run folder and within a checkpoint folder.
const (
	checkpointsFolder = "checkpoints"
	bestPointer       = "best"
	lastPointer       = "last"

	modelFile     = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	emaFile       = "ema.safetensors"
	stateFile     = "state.json"
)

// Run is the folder of one training run, and how many checkpoints it keeps. One
// process writes to it; any number may read.
type Run struct {
	// Dir is the run folder. It must exist: a run that vanished is not made anew.
	Dir string
	// Keep is the number of newest checkpoints that Save leaves, beside the
	// best; 0 keeps all.
	Keep int
}

// Snapshot is what [Run.Save] writes. It borrows the tensors until Save returns.
type Snapshot struct {
	State State // Version and Files are set by Save
	Model *Tensors
	// Optimizer and EMA may be nil: then there is no such file.
	Optimizer, EMA *Tensors
}

func stepName(step int64) string { return fmt.Sprintf("step-%08d", step) }

// parseStep is the inverse of stepName.
func parseStep(name string) (step int64, ok bool) {
	_, err := fmt.Sscanf(name, "step-%d", &step)
	return step, err == nil && stepName(step) == name
}

// Has reports whether there is a checkpoint of that step. It does not verify it.
func (r Run) Has(step int64) bool {
	_, err := os.Stat(r.stepDir(step))
	return err == nil
}

func (r Run) stepDir(step int64) string {
	return filepath.Join(r.Dir, checkpointsFolder, stepName(step))
}

// Save writes the checkpoint of s.State.Step, points last and, where best is
// set, best at it, and removes those that Keep does not cover. A checkpoint of
// the same step is replaced. When writing fails, the earlier checkpoints and
// pointers are as they were; when a pointer or the removal fails, the new
// checkpoint is already valid.
func (r Run) Save(s Snapshot, best bool) error {
	if s.Model == nil {
		return fmt.Errorf("save checkpoint of step %d: no model tensors", s.State.Step)
	}
	dir := r.stepDir(s.State.Step)
	if err := os.Mkdir(filepath.Dir(dir), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if err := atomicfile.Folder(dir, s.write); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if err := r.point(lastPointer, s.State.Step); err != nil {
		return err
	}
	if best {
		if err := r.point(bestPointer, s.State.Step); err != nil {
			return err
		}
	}
	return r.prune()
}

// write fills the checkpoint folder dir.
func (s Snapshot) write(dir string) error {
	s.State.Version, s.State.Files = stateVersion, nil
	for _, part := range []struct {
		name    string
		tensors *Tensors
	}{{modelFile, s.Model}, {optimizerFile, s.Optimizer}, {emaFile, s.EMA}} {
		if part.tensors == nil {
			continue
		}
		file, err := saveHashed(dir, part.name, part.tensors)
		if err != nil {
			return err
		}
		s.State.Files = append(s.State.Files, file)
	}
	text, err := encodeState(s.State)
	if err != nil {
		return err
	}
	return writeText(filepath.Join(dir, stateFile), string(text))
}

// SaveAux stores the frozen weights of an auxiliary model in the run folder,
// under a name made of their hash, and returns the entry for State.Aux. What is
// already there and intact is not written again.
func (r Run) SaveAux(ts *Tensors) (File, error) {
	d := digest{hash: sha256.New()}
	if err := writeSafetensors(&d, ts); err != nil {
		return File{}, fmt.Errorf("save auxiliary: %w", err)
	}
	file := d.file("")
	file.Name = "aux-" + file.SHA256[:8] + ".safetensors"
	if verifyFile(r.Dir, file) == nil {
		return file, nil
	}
	return saveHashed(r.Dir, file.Name, ts)
}

// saveHashed writes ts to dir/name and hashes what it writes.
func saveHashed(dir, name string, ts *Tensors) (File, error) {
	d := digest{hash: sha256.New()}
	err := save(filepath.Join(dir, name), ts, func(w io.Writer, ts *Tensors) error {
		return writeSafetensors(io.MultiWriter(w, &d), ts)
	})
	return d.file(name), err
}

// digest is a writer that keeps the size and hash of what it is given.
type digest struct {
	hash hash.Hash
	size int64
}

func (d *digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	return d.hash.Write(p)
}

func (d *digest) file(name string) File {
	return File{Name: name, Size: d.size, SHA256: fmt.Sprintf("%x", d.hash.Sum(nil))}
}

func writeText(path, text string) error {
	return atomicfile.Write(path, filePerm, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// point makes the pointer name stand for the checkpoint of step.
func (r Run) point(name string, step int64) error {
	return writeText(filepath.Join(r.Dir, name), stepName(step)+"\n")
}

// pointee returns the step that a pointer stands for, if it is set.
func (r Run) pointee(name string) (step int64, ok bool) {
	text, err := os.ReadFile(filepath.Join(r.Dir, name))
	if err != nil {
		return 0, false
	}
	return parseStep(strings.TrimSpace(string(text)))
}

// steps lists the steps that have a checkpoint folder, newest first.
func (r Run) steps() ([]int64, error) {
	entries, err := os.ReadDir(filepath.Join(r.Dir, checkpointsFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var steps []int64
	for _, e := range entries {
		if step, ok := parseStep(e.Name()); ok {
			steps = append(steps, step)
		}
	}
	slices.SortFunc(steps, func(a, b int64) int { return cmp.Compare(b, a) })
	return steps, nil
}

// prune removes all checkpoints but the Keep newest and the best.
func (r Run) prune() error {
	steps, err := r.steps()
	if err != nil || r.Keep <= 0 || len(steps) <= r.Keep {
		return err
	}
	best, hasBest := r.pointee(bestPointer)
	return r.remove(steps[r.Keep:], func(step int64) bool { return !hasBest || step != best })
}

// Rewind removes the checkpoints after step, and pointers to them, for a run that goes on from an
// older one: otherwise [Run.Latest] would return to the future that was left.
func (r Run) Rewind(step int64) error {
	steps, err := r.steps()
	if err != nil {
		return err
	}
	for _, pointer := range []string{bestPointer, lastPointer} {
		if s, ok := r.pointee(pointer); !ok || s <= step {
			continue
		}
		if err := os.Remove(filepath.Join(r.Dir, pointer)); err != nil {
			return fmt.Errorf("rewind: %w", err)
		}
	}
	return r.remove(steps, func(s int64) bool { return s > step })
}

func (r Run) remove(steps []int64, doomed func(step int64) bool) error {
	for _, step := range steps {
		if !doomed(step) {
			continue
		}
		if err := atomicfile.Remove(r.stepDir(step)); err != nil {
			return fmt.Errorf("remove checkpoint: %w", err)
		}
	}
	return nil
}

// Clean removes what a killed process left half written. Only the process that
// writes the run may call it, before its first Save.
func (r Run) Clean() error {
	for _, dir := range []string{r.Dir, filepath.Join(r.Dir, checkpointsFolder)} {
		if err := atomicfile.RemoveStale(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean run: %w", err)
		}
	}
	return nil
}
