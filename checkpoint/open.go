package checkpoint

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Checkpoint is something to load weights from: a verified checkpoint folder or
// a bare weights file.
type Checkpoint struct {
	// Path is the checkpoint folder or the weights file.
	Path string
	// State is nil for a bare weights file.
	State *State
}

// Rejected is a checkpoint that was passed over, and why.
type Rejected struct {
	Dir string
	Err error
}

// Open resolves the PATH of -checkpoint:
//
//   - a run folder, or its pointer best: the best checkpoint, see [Run.Best];
//   - the pointer last of a run: the newest one, see [Run.Latest];
//   - a checkpoint folder: that one, which must verify;
//   - a folder with a model.safetensors and no state.json: that file;
//   - anything else: a weights file, read by [Checkpoint.Model].
//
// The list tells which newer or better checkpoints were passed over.
func Open(path string) (*Checkpoint, []Rejected, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("open checkpoint: %w: %w", ErrNoCheckpoint, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open checkpoint: %w", err)
	}
	name := filepath.Base(path)
	_, isStep := parseStep(name)
	run := Run{Dir: filepath.Dir(path)}
	switch {
	case !info.IsDir() && name == bestPointer:
		return run.Best()
	case !info.IsDir() && name == lastPointer:
		return run.Latest()
	case !info.IsDir():
		return &Checkpoint{Path: path}, nil, nil
	case isStep || exists(path, stateFile):
		c, err := openFolder(path)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: name another checkpoint or the run folder", err)
		}
		return c, nil, nil
	case exists(path, checkpointsFolder):
		return Run{Dir: path}.Best()
	case exists(path, modelFile):
		return &Checkpoint{Path: filepath.Join(path, modelFile)}, nil, nil
	}
	return nil, nil, fmt.Errorf("open checkpoint %q: %w: want a run folder (with %s), a checkpoint folder (with %s) or a weights file",
		path, ErrNoCheckpoint, checkpointsFolder, stateFile)
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// Latest returns the checkpoint of the highest step that verifies, and those of
// higher steps that do not. A run without checkpoints is ErrNoCheckpoint; where
// none verifies it is the error of the newest.
func (r Run) Latest() (*Checkpoint, []Rejected, error) {
	steps, err := r.steps()
	if err != nil {
		return nil, nil, err
	}
	return r.firstValid(steps)
}

// Best returns the checkpoint that the pointer best names. Where there is none,
// or it does not verify, it is [Run.Latest] instead.
func (r Run) Best() (*Checkpoint, []Rejected, error) {
	steps, err := r.steps()
	if err != nil {
		return nil, nil, err
	}
	if best, ok := r.pointee(bestPointer); ok {
		steps = slices.DeleteFunc(steps, func(s int64) bool { return s == best })
		steps = slices.Insert(steps, 0, best)
	}
	return r.firstValid(steps)
}

// firstValid returns the first of steps whose checkpoint verifies, and the ones
// before it.
func (r Run) firstValid(steps []int64) (*Checkpoint, []Rejected, error) {
	var rejected []Rejected
	for _, step := range steps {
		dir := r.stepDir(step)
		c, err := openFolder(dir)
		if err == nil && c.State.Step != step {
			err = corrupt("checkpoint %q holds step %d", dir, c.State.Step)
		}
		if err == nil {
			return c, rejected, nil
		}
		rejected = append(rejected, Rejected{dir, err})
	}
	if len(rejected) > 0 {
		return nil, rejected, fmt.Errorf("run %q: none of %d checkpoints is valid, restore one from a copy or train anew; the first: %w",
			r.Dir, len(rejected), rejected[0].Err)
	}
	return nil, nil, fmt.Errorf("run %q: %w: train it first or check the path", r.Dir, ErrNoCheckpoint)
}

// openFolder reads the state of the checkpoint folder dir and verifies every
// file that it lists.
func openFolder(dir string) (*Checkpoint, error) {
	c := &Checkpoint{Path: dir}
	if err := c.verify(); err != nil {
		return nil, fmt.Errorf("open checkpoint %q: %w", dir, err)
	}
	return c, nil
}

func (c *Checkpoint) verify() error {
	text, err := os.ReadFile(filepath.Join(c.Path, stateFile))
	if err != nil {
		return err
	}
	if c.State, err = decodeState(text); err != nil {
		return fmt.Errorf("%s: %w", stateFile, err)
	}
	if _, ok := c.file(modelFile); !ok {
		return corrupt("%s lists no %s", stateFile, modelFile)
	}
	for _, file := range c.State.Files {
		if err := verifyFile(c.Path, file); err != nil {
			return err
		}
	}
	for _, file := range c.State.Aux {
		if err := verifyFile(c.runDir(), file); err != nil {
			return err
		}
	}
	return nil
}

// verifyFile compares dir/file.Name with the size and hash of file.
func verifyFile(dir string, file File) error {
	if !filepath.IsLocal(file.Name) || filepath.Base(file.Name) != file.Name {
		return corrupt("file name %q leaves its folder", file.Name)
	}
	f, err := os.Open(filepath.Join(dir, file.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != file.Size {
		return corrupt("%s: %d bytes, want %d", file.Name, info.Size(), file.Size)
	}
	d := digest{hash: sha256.New()}
	if _, err := io.Copy(&d, f); err != nil {
		return fmt.Errorf("%s: %w", file.Name, err)
	}
	return file.compare(d)
}

// compare tells whether d saw the content of file.
func (file File) compare(d digest) error {
	if got := d.file(file.Name); got != file {
		return corrupt("%s: %d bytes with SHA-256 %s, want %d with %s", file.Name, got.Size, got.SHA256, file.Size, file.SHA256)
	}
	return nil
}

func (c *Checkpoint) file(name string) (File, bool) {
	i := slices.IndexFunc(c.State.Files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return File{}, false
	}
	return c.State.Files[i], true
}

// runDir is the run folder that a checkpoint folder belongs to.
func (c *Checkpoint) runDir() string { return filepath.Join(c.Path, "..", "..") }

// Model returns the weights.
func (c *Checkpoint) Model() (*Tensors, error) {
	if c.State == nil {
		return loadFile(c.Path, modelPart)
	}
	return c.part(modelFile)
}

// Optimizer returns the optimizer's tensors, nil where the checkpoint has none.
func (c *Checkpoint) Optimizer() (*Tensors, error) { return c.part(optimizerFile) }

// EMA returns the averaged weights, nil where the checkpoint has none.
func (c *Checkpoint) EMA() (*Tensors, error) { return c.part(emaFile) }

// Aux returns the frozen auxiliaries in the order of State.Aux.
func (c *Checkpoint) Aux() ([]*Tensors, error) {
	if c.State == nil {
		return nil, nil
	}
	var all []*Tensors
	for _, file := range c.State.Aux {
		ts, err := loadHashed(c.runDir(), file)
		if err != nil {
			return nil, err
		}
		all = append(all, ts)
	}
	return all, nil
}

func (c *Checkpoint) part(name string) (*Tensors, error) {
	if c.State == nil {
		return nil, nil
	}
	file, ok := c.file(name)
	if !ok {
		return nil, nil
	}
	return loadHashed(c.Path, file)
}

// loadHashed reads dir/file.Name and compares the very bytes it returns with
// the hash of file.
func loadHashed(dir string, file File) (*Tensors, error) {
	return load(filepath.Join(dir, file.Name), func(f *os.File, size int64) (*Tensors, error) {
		d := digest{hash: sha256.New()}
		ts, err := readSafetensors(f, size, &d)
		if err != nil {
			return nil, err
		}
		return ts, file.compare(d)
	})
}
