// Package data is how samples travel from a dataset to the buffers of a batch.
//
// Vocabulary: a [Dataset] is a fixed list of samples of one split; a [Reader]
// is one worker's way into it and owns the memory that reading needs; a [Key]
// names one sample in one epoch of one run, and every random decision about
// that sample is a function of it; a [Loader] runs readers in parallel and hands
// out each [Batch] in order, the first of the next epoch made [Loader.Ahead] of
// time. [Mix] and [Erase] draw the parameters of mixup, cutmix and random erasing;
// the pixels themselves are changed in the graph.
//
// Datasets in files start as a [Listing] of labelled paths.
//
// Shape letters: B rows of a batch, K classes, C colours, H height, W width, T frames or
// time, M mel bands or neighbours, N points, G groups.
//
// The package knows no modality: packages below it (image, generated, ...) read
// files. It does not normalise: bytes become numbers in the graph.
package data

import "m2pt/internal/philox"

// Dataset is a fixed list of samples of one split. It is safe for concurrent
// use.
type Dataset interface {
	// Len returns the number of samples.
	Len() int
	// Classes returns the class names; a label is an index into them.
	Classes() []string
	// Layout returns the shape of one sample.
	Layout() Layout
	// Name returns what to call sample i in logs and predictions: its path, or
	// the file and record it stands in.
	Name(i int) string
	// NewReader returns a reader with its own memory.
	NewReader() Reader
}

// Reader reads the samples of a dataset. It is not safe for concurrent use:
// each worker has its own.
type Reader interface {
	// Read decodes sample key.Sample, transforms it with random numbers of key
	// and writes it into dst, whose slices have the sizes of the Layout. The
	// result is a function of key alone. An error names the sample and leaves dst
	// undefined.
	Read(key Key, dst *Sample) error
}

// Layout is the shape of one sample: parts of bytes, float32 and int32, each of
// which may be absent (nil). Images are Pixels [C,H,W], video Pixels [C,T,H,W],
// spectrograms Values [T,M]; point clouds are Values [N,3] and, as Indices
// [G,1+M], the points that make each group. Where every point has a label of its
// own, Labels is [N]. Where samples have several labels, or mixed ones, Targets is
// the number of classes K, otherwise 0.
type Layout struct {
	Pixels  []int
	Values  []int
	Indices []int
	Labels  []int
	Targets int
}

// Sample is the destination of one sample: one row of a batch.
type Sample struct {
	Pixels  []uint8
	Values  []float32
	Indices []int32
	Label   int32
	Labels  []int32   // of parts of the sample, beside its own
	Targets []float32 // [K] share of each class
}

// Viewed is a Dataset that shows each sample several times: the items i of the
// same i/Views() are looks at the same sample, whose answers evaluation merges.
// Len counts looks.
type Viewed interface {
	Dataset
	Views() int
}

// Segmented is a Dataset whose samples have a label for each of their points:
// Parts()[class] are those that samples of the class may have, ids that run from 0
// over all classes.
type Segmented interface {
	Dataset
	Parts() [][]int32
}

// Views is the number of looks at each sample of a dataset.
func Views(ds Dataset) int {
	if v, ok := ds.(Viewed); ok {
		return v.Views()
	}
	return 1
}

// Key names one sample of one epoch of a run with a seed. Seeds of evaluation
// are unused: its transforms draw nothing.
type Key struct {
	Seed   uint64
	Epoch  int
	Sample int // index in the dataset
	Draw   int // how often the epoch drew the sample before; 0 unless it repeats, or draws with replacement
}

// Rand returns the random numbers of this key for one purpose ("crop", "flip").
func (k Key) Rand(purpose string) philox.Rand {
	return philox.New(k.Seed, purpose, uint64(k.Epoch), uint64(uint32(k.Sample))|uint64(k.Draw)<<32)
}

// NewSample returns a sample with slices of this layout, for reading outside a
// Loader.
func (l Layout) NewSample() *Sample {
	return &Sample{
		Pixels:  make([]uint8, size(l.Pixels)),
		Values:  make([]float32, size(l.Values)),
		Indices: make([]int32, size(l.Indices)),
		Labels:  make([]int32, size(l.Labels)),
		Targets: make([]float32, l.Targets),
	}
}

// size is the number of elements of a shape, 0 for an absent one.
func size(shape []int) int {
	if len(shape) == 0 {
		return 0
	}
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
