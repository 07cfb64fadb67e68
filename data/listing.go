package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ErrClass tells that a split has a class that the dataset has not.
var ErrClass = errors.New("unknown class")

// Listing is what is known of a dataset in files before one of them is read: the
// paths of its items, which are files or folders of frames, and their labels,
// indices into the class names. [OpenTable] and [OpenFolders] make the listing of
// one split; a dataset with lists of its own kind adds its items itself. A source of
// a modality embeds it and says how an item is read. It is safe for concurrent use
// once it is complete.
type Listing struct {
	dir     string // of relative paths
	classes []string
	paths   []string
	labels  []int32 // of all items
	begin   []int   // of each item in labels
}

// NewListing returns a listing without items, whose paths are relative to dir.
func NewListing(dir string, classes []string) *Listing {
	return &Listing{dir: dir, classes: classes}
}

// Add appends an item with one or several labels, each once. A relative path is
// slash-separated.
func (l *Listing) Add(path string, labels ...int) error {
	if len(labels) == 0 {
		return fmt.Errorf("%s: no label: want one at least", path)
	}
	for i, label := range labels {
		if label < 0 || label >= len(l.classes) {
			return fmt.Errorf("%s: label %d: want 0 to %d", path, label, len(l.classes)-1)
		}
		if slices.Contains(labels[:i], label) {
			return fmt.Errorf("%s: label %d (%s) comes twice", path, label, l.classes[label])
		}
	}
	l.paths, l.begin = append(l.paths, path), append(l.begin, len(l.labels))
	for _, label := range labels {
		l.labels = append(l.labels, int32(label))
	}
	return nil
}

// Len returns the number of items.
func (l *Listing) Len() int { return len(l.paths) }

// Classes returns the class names.
func (l *Listing) Classes() []string { return l.classes }

// Name returns the path of item i as the dataset lists it.
func (l *Listing) Name(i int) string { return l.paths[i] }

// Path returns the path of item i in the file system.
func (l *Listing) Path(i int) string {
	path := filepath.FromSlash(l.paths[i])
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.dir, path)
}

// Label returns the first label of item i.
func (l *Listing) Label(i int) int32 { return l.labels[l.begin[i]] }

// Labels returns the labels of item i. They must not be changed.
func (l *Listing) Labels(i int) []int32 {
	if i+1 == len(l.begin) {
		return l.labels[l.begin[i]:]
	}
	return l.labels[l.begin[i]:l.begin[i+1]]
}

// OpenFile opens a regular file to read. Another kind of file, such as a pipe, may
// give no end of bytes, or none ever, so it is an error.
func OpenFile(path string) (*os.File, error) {
	info, err := os.Stat(path) // opening a pipe waits for who writes it
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("not a regular file, but %s", info.Mode())}
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// ReadFile reads a regular file of at most limit bytes into buf, which may grow. The
// error of a larger one ends with advice.
func ReadFile(path string, buf []byte, limit int64, advice string) ([]byte, error) {
	file, err := OpenFile(path)
	if err != nil {
		return buf, err
	}
	defer file.Close()
	b := bytes.NewBuffer(buf[:0])
	n, err := b.ReadFrom(io.LimitReader(file, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("more than %d bytes: %s", limit, advice)
	}
	return b.Bytes(), err
}
