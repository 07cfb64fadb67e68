package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"m2pt/internal/atomicfile"
)

// filePerm is the mode of every file written, before umask.
const filePerm = 0o644

// format is one kind of weights file.
type format struct {
	extension string
	// match tells from its first bytes whether a file is of this kind.
	match func(head string) bool
	// read loads a part, where the format has parts.
	read func(f *os.File, size int64, p part) (*Tensors, error)
	// write is nil for what is only read.
	write func(w io.Writer, ts *Tensors) error
}

func formats() []format {
	return []format{
		{
			extension: ".safetensors",
			match:     func(head string) bool { return len(head) > 8 && head[8] == '{' },
			read:      func(f *os.File, size int64, _ part) (*Tensors, error) { return readSafetensors(f, size, io.Discard) },
			write:     writeSafetensors,
		},
		{
			extension: ".npz",
			match:     func(head string) bool { return len(head) > 3 && (head[:4] == "PK\x03\x04" || head[:4] == "PK\x05\x06") },
			read:      func(f *os.File, size int64, p part) (*Tensors, error) { return readZip(f, size, p) },
			write:     writeNPZ,
		},
		{
			match: func(head string) bool { return strings.HasPrefix(head, npyMagic) },
			read:  func(f *os.File, size int64, _ part) (*Tensors, error) { return readBareNPY(f, size) },
		},
		{
			match: isPickle,
			read:  func(f *os.File, size int64, p part) (*Tensors, error) { return readPyTorchLegacy(f, size, p) },
		},
	}
}

// Load returns the weights that path stands for, see [Open]: the tensors of a
// file, whose format its content tells, or of the model in a checkpoint or run
// folder. Of a PyTorch file it takes the dict under "model", "module",
// "state_dict", "base_model" or "model_state_dict", or else the whole dict.
func Load(path string) (*Tensors, error) {
	c, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	return c.Model()
}

// LoadAll returns all tensors of a weights file. Those of a PyTorch file have the
// keys and indices that lead to them for a name, joined by dots, as in
// "model.head.bias" and "optimizer.state.0.exp_avg".
func LoadAll(path string) (*Tensors, error) { return loadFile(path, whole) }

// Save writes ts to path, whole or not at all, in the format that the extension
// names: .safetensors or .npz. Tensors are streamed, not copied.
func Save(path string, ts *Tensors) error {
	for _, f := range formats() {
		if f.write != nil && f.extension == filepath.Ext(path) {
			return save(path, ts, f.write)
		}
	}
	return fmt.Errorf("save %q: unknown extension %q: use .safetensors or .npz", path, filepath.Ext(path))
}

func save(path string, ts *Tensors, write func(io.Writer, *Tensors) error) error {
	return atomicfile.Write(path, filePerm, func(w io.Writer) error { return write(w, ts) })
}

// loadFile reads a part of a weights file of any known format.
func loadFile(path string, p part) (*Tensors, error) {
	return load(path, func(f *os.File, size int64) (*Tensors, error) {
		head := make([]byte, 9)
		n, err := f.ReadAt(head, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		for _, format := range formats() {
			if format.match(string(head[:n])) {
				return format.read(f, size, p)
			}
		}
		return nil, fmt.Errorf("first bytes %q are neither safetensors nor npz nor npy nor PyTorch: convert the file to .safetensors", head[:n])
	})
}

// load opens path, reads it and gives errors and tensors its name.
func load(path string, read func(f *os.File, size int64) (*Tensors, error)) (*Tensors, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	ts, err := read(f, info.Size())
	if errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: make or fetch the file again", err)
	}
	if err != nil {
		return nil, fmt.Errorf("load %q: %w", path, err)
	}
	ts.source = path
	return ts, nil
}
