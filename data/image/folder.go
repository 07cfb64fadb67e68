package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/data"
)

// maxFile bounds the size of a picture file in bytes.
const maxFile = 256 << 20

// Folder is a Source of picture files sorted into one directory per class:
// root/<split>/<class>/**.
type Folder struct {
	dir     string // root/<split>
	classes []string
	paths   []string // below dir, slash-separated, sorted
	labels  []int32
	turbo   *Turbo
}

// OpenFolder lists the pictures of a split: "train", "val" (a directory val,
// validation or test) or "test" (test, val or validation). A label is an index
// into classes, so that all splits of a dataset agree: its training split has nil,
// which stands for its own, and the others are given [FolderClasses] of that. A
// directory that is none of classes is an [ErrClass]. Every file counts, whatever
// its name, except hidden ones.
func OpenFolder(root, split string, classes []string) (*Folder, error) {
	dir, err := splitDir(root, split)
	if err != nil {
		return nil, err
	}
	own, err := FolderClasses(root, split)
	if err != nil {
		return nil, err
	}
	f := &Folder{dir: dir, classes: classes}
	if classes == nil {
		f.classes = own
	}
	for _, class := range own {
		if err := f.add(class); err != nil {
			return nil, fmt.Errorf("image folder %s: %w", f.dir, err)
		}
	}
	if len(f.paths) == 0 {
		return nil, fmt.Errorf("image folder %s: no files: want %s", f.dir, filepath.Join(f.dir, "<class>", "<picture>"))
	}
	return f, nil
}

// ErrClass tells that a split has a class that the dataset has not.
var ErrClass = errors.New("unknown class")

// FolderClasses returns the classes of a split: the sorted names of its
// directories.
func FolderClasses(root, split string) ([]string, error) {
	dir, err := splitDir(root, split)
	if err != nil {
		return nil, err
	}
	names, err := data.Subdirs(dir)
	if err != nil {
		return nil, fmt.Errorf("image folder %s: %w", dir, err)
	}
	return names, nil
}

// splitDir finds the directory of a split.
func splitDir(root, split string) (string, error) {
	for _, name := range splitNames(split) {
		if dir := filepath.Join(root, name); isDir(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("image folder %s: split %q: no directory %s: %w", root, split, strings.Join(splitNames(split), ", "), fs.ErrNotExist)
}

// splitNames are the names under which datasets keep a split, the best first.
func splitNames(split string) []string {
	switch split {
	case "val":
		return []string{"val", "validation", "test"}
	case "test":
		return []string{"test", "val", "validation"}
	}
	return []string{split}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// add lists the files of one class.
func (f *Folder) add(class string) error {
	label := slices.Index(f.classes, class)
	if label < 0 {
		return fmt.Errorf("%w: %q has no directory in the training split, so no label: remove it here, or add it there", ErrClass, class)
	}
	return data.WalkFiles(f.dir, class, func(path string) error {
		f.paths, f.labels = append(f.paths, path), append(f.labels, int32(label))
		return nil
	})
}

// Len returns the number of files.
func (f *Folder) Len() int { return len(f.paths) }

// Classes returns the class directories' names, sorted.
func (f *Folder) Classes() []string { return f.classes }

// Name returns the path of file i below the directory of the split.
func (f *Folder) Name(i int) string { return f.paths[i] }

// UseTurbo has JPEG files decoded by t from now on; nil is the standard library.
// Call it before the first Load.
func (f *Folder) UseTurbo(t *Turbo) { f.turbo = t }

// Load reads and decodes file i; see [Decode] and [Folder.UseTurbo].
func (f *Folder) Load(i int, dst *Picture) (int32, error) {
	file, label, err := f.ReadFile(i)
	if err == nil {
		if err = f.turbo.Decode(file, dst); err != nil {
			err = fmt.Errorf("load %s: %w", f.path(i), err)
		}
	}
	return label, err
}

// ReadFile returns the content of file i, not decoded, and its label.
func (f *Folder) ReadFile(i int) ([]byte, int32, error) {
	file, err := readFile(f.path(i))
	if err != nil {
		return nil, 0, fmt.Errorf("load %s: %w", f.path(i), err)
	}
	return file, f.labels[i], nil
}

func (f *Folder) path(i int) string { return filepath.Join(f.dir, filepath.FromSlash(f.paths[i])) }

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("more than %d bytes: too large for a picture", maxFile)
	}
	return b, err
}
