package point

import (
	"fmt"
	"slices"

	"m2pt/data"
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

// Files is a Source of the files of a listing, in any format that Decode reads.
type Files struct{ *data.Listing }

// OpenCSV lists the clouds of a split in a CSV file whose header has path, label
// and split: paths below the file's folder, labels as zero-based lines of
// classes.txt beside it. Split is "train", "val" (rows of val, validation or
// test) or "test" (test, val or validation).
func OpenCSV(path, split string) (*Files, error) {
	return filesOf(data.OpenTable(path, split, "cloud"))
}

// OpenFolder lists the clouds of a split sorted into one directory per class,
// root/<split>/<class>/**; split is as for [OpenCSV]. Class ids are the sorted
// directory names of train, so that all splits agree; where there is no train
// they are the split's own. Every file counts, except hidden ones.
func OpenFolder(root, split string) (*Files, error) {
	return filesOf(data.OpenFolders(root, split, data.FolderOptions{Item: "cloud"}))
}

func filesOf(l *data.Listing, err error) (*Files, error) {
	if err != nil {
		return nil, fmt.Errorf("point %w", err)
	}
	return &Files{l}, nil
}

// addNamed appends a file of a class that has to be known.
func (f *Files) addNamed(path, class string) error {
	label := slices.Index(f.Classes(), class)
	if label < 0 {
		return fmt.Errorf("%s: class %q is not among %q", path, class, f.Classes())
	}
	return f.Add(path, label)
}

// Load reads and decodes file i; see [Decode]. The points taken from a mesh are a
// function of its path in the dataset.
func (f *Files) Load(i int, dst *Cloud) (int32, error) {
	return f.load(i, dst, func(file []byte) error { return Decode(file, philox.Hash(f.Name(i)), dst) })
}

func (f *Files) load(i int, dst *Cloud, decode func(file []byte) error) (label int32, err error) {
	if dst.file, err = readFile(f.Path(i), dst.file); err == nil {
		err = decode(dst.file)
	}
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", f.Path(i), err)
	}
	return f.Label(i), nil
}

// maxFile bounds the size of a cloud's file in bytes.
const maxFile = 512 << 20

func readFile(path string, buf []byte) ([]byte, error) {
	return data.ReadFile(path, buf, maxFile, "too large for a point cloud")
}
