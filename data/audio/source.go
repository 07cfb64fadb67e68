package audio

import (
	"fmt"
	"path/filepath"
	"slices"
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

// Files is a Source of WAV and FLAC files.
type Files struct {
	dir     string // of relative paths
	classes []string
	paths   []string
	labels  [][]int32
}

// add appends a file after checking its labels.
func (f *Files) add(path string, labels ...int32) error {
	for i, label := range labels {
		if label < 0 || int(label) >= len(f.classes) {
			return fmt.Errorf("%s: label %d: want 0 to %d", path, label, len(f.classes)-1)
		}
		if slices.Contains(labels[:i], label) {
			return fmt.Errorf("%s: label %d (%s) comes twice", path, label, f.classes[label])
		}
	}
	f.paths, f.labels = append(f.paths, path), append(f.labels, labels)
	return nil
}

// Len returns the number of files.
func (f *Files) Len() int { return len(f.paths) }

// Classes returns the class names.
func (f *Files) Classes() []string { return f.classes }

// Name returns the path of file i as the dataset lists it.
func (f *Files) Name(i int) string { return f.paths[i] }

// Labels returns the labels of file i.
func (f *Files) Labels(i int) []int32 { return f.labels[i] }

// Load reads and decodes file i; see Decode.
func (f *Files) Load(i int, dst *Clip) (err error) {
	path := filepath.FromSlash(f.paths[i])
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.dir, path)
	}
	if dst.file, err = readFile(path, dst.file); err == nil {
		err = Decode(dst.file, dst)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", path, err)
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
