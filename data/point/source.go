package point

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"m2pt/internal/philox"
)

// Source is a list of labelled clouds. It is safe for concurrent use.
type Source interface {
	Len() int
	Classes() []string
	Name(i int) string
	// Load reads cloud i into dst and returns its class. An error names the cloud; one
	// without points, or with points at infinity, need not be one.
	Load(i int, dst *Cloud) (label int32, err error)
}

// PartSource is a Source whose clouds have parts.
type PartSource interface {
	Source
	// Parts returns the parts that clouds of each class may have; over all classes
	// they are numbered from 0. They must not be changed.
	Parts() [][]int32
}

// Files is a Source of files, in any format that Decode reads.
type Files struct {
	dir     string // of relative paths
	classes []string
	paths   []string // slash-separated
	labels  []int32
}

// add appends a file after checking its label.
func (f *Files) add(path string, label int) error {
	if label < 0 || label >= len(f.classes) {
		return fmt.Errorf("%s: label %d: want 0 to %d", path, label, len(f.classes)-1)
	}
	f.paths, f.labels = append(f.paths, path), append(f.labels, int32(label))
	return nil
}

// addNamed appends a file of a class that has to be known.
func (f *Files) addNamed(path, class string) error {
	label := slices.Index(f.classes, class)
	if label < 0 {
		return fmt.Errorf("%s: class %q is not among %q", path, class, f.classes)
	}
	return f.add(path, label)
}

// Len returns the number of files.
func (f *Files) Len() int { return len(f.paths) }

// Classes returns the class names.
func (f *Files) Classes() []string { return f.classes }

// Name returns the path of file i as the dataset lists it.
func (f *Files) Name(i int) string { return f.paths[i] }

// Load reads and decodes file i; see [Decode]. The points taken from a mesh are a
// function of its path in the dataset.
func (f *Files) Load(i int, dst *Cloud) (int32, error) {
	return f.load(i, dst, func(file []byte) error { return Decode(file, philox.Hash(f.paths[i]), dst) })
}

func (f *Files) load(i int, dst *Cloud, decode func(file []byte) error) (int32, error) {
	path := filepath.FromSlash(f.paths[i])
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.dir, path)
	}
	var err error
	if dst.file, err = readFile(path, dst.file); err == nil {
		err = decode(dst.file)
	}
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", path, err)
	}
	return f.labels[i], nil
}

// maxFile bounds the size of a cloud's file in bytes.
const maxFile = 512 << 20

// readFile reads a file of at most maxFile bytes into buf, which may grow.
func readFile(path string, buf []byte) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer file.Close()
	b := bytes.NewBuffer(buf[:0])
	n, err := b.ReadFrom(io.LimitReader(file, maxFile+1))
	if err == nil && n > maxFile {
		err = fmt.Errorf("more than %d bytes: too large for a point cloud", maxFile)
	}
	return b.Bytes(), err
}
