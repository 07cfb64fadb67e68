package audio

import (
	"fmt"

	"m2pt/data"
)

// Source is a list of labelled clips. It is safe for concurrent use.
type Source interface {
	Len() int
	Classes() []string
	Name(i int) string
	// Labels returns the classes of clip i, each once, at least one. They must not
	// be changed.
	Labels(i int) []int32
	// Load decodes clip i into dst. An error names the clip.
	Load(i int, dst *Clip) error
}

// Files is a Source of the WAV and FLAC files of a listing.
type Files struct{ *data.Listing }

// OpenCSV lists the clips of a split in a CSV file whose header has path, label
// and split: paths below the file's folder, labels as zero-based lines of
// classes.txt beside it. Split is "train", "val" (rows of val, validation or
// test) or "test" (test, val or validation).
func OpenCSV(path, split string) (*Files, error) {
	return filesOf(data.OpenTable(path, split, "clip"))
}

// OpenFolder lists the clips of a split sorted into one directory per class,
// root/<split>/<class>/**; split is as for OpenCSV. Class ids are the sorted
// directory names of train, so that all splits agree; where there is no train
// they are the split's own. Every file counts, except hidden ones.
func OpenFolder(root, split string) (*Files, error) {
	return filesOf(data.OpenFolders(root, split, data.FolderOptions{Item: "clip"}))
}

func filesOf(l *data.Listing, err error) (*Files, error) {
	if err != nil {
		return nil, fmt.Errorf("audio %w", err)
	}
	return &Files{l}, nil
}

// Load reads and decodes file i; see Decode.
func (f *Files) Load(i int, dst *Clip) (err error) {
	if dst.file, err = readFile(f.Path(i), dst.file); err == nil {
		err = Decode(dst.file, dst)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", f.Path(i), err)
	}
	return nil
}

// Weights returns the reference's weights for drawing clips so that rare classes
// are heard: each label of a clip adds 1000 / (clips of that label + 0.01).
func Weights(src Source) []float64 {
	clips := make([]float64, len(src.Classes()))
	for i := range src.Len() {
		for _, label := range src.Labels(i) {
			clips[label]++
		}
	}
	weights := make([]float64, src.Len())
	for i := range weights {
		for _, label := range src.Labels(i) {
			weights[i] += 1000 / (clips[label] + 0.01)
		}
	}
	return weights
}
