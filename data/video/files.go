package video

import (
	"fmt"
	"os"
	"path/filepath"

	"m2pt/data/image"
)

// Files is a Source of clips in the file system: of video files, which ffmpeg
// decodes, and of folders of frames, pictures of the formats of image.Decode.
//
// The frames of a folder are its files, hidden ones left out, in the order of their
// names, where numbers count by their value: f9.jpg precedes f10.jpg. A list that
// numbers the frames says itself how they are called.
type Files struct {
	dir     string // of relative paths
	classes []string
	paths   []string // as listed
	labels  []int32
	totals  []int   // frames of each folder where the list tells, otherwise nil
	pattern pattern // and what the files are called
	first   int     // and the number of the first

	turbo  *image.Turbo
	ffmpeg *ffmpeg
}

// add appends a clip after checking its label.
func (f *Files) add(path string, label int) error {
	if label < 0 || label >= len(f.classes) {
		return fmt.Errorf("%s: label %d: want 0 to %d", path, label, len(f.classes)-1)
	}
	f.paths, f.labels = append(f.paths, path), append(f.labels, int32(label))
	return nil
}

// ready looks for ffmpeg. That it is missing is an error here if the first clip is
// a video file, otherwise of each clip that is one.
func (f *Files) ready() (*Files, error) {
	f.ffmpeg = newFFmpeg()
	if info, err := os.Stat(f.path(0)); f.totals == nil && err == nil && info.Mode().IsRegular() {
		if err := f.ffmpeg.missing; err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Len returns the number of clips.
func (f *Files) Len() int { return len(f.paths) }

// Classes returns the class names.
func (f *Files) Classes() []string { return f.classes }

// Name returns the path of clip i as the dataset lists it.
func (f *Files) Name(i int) string { return f.paths[i] }

// UseTurbo has JPEG frames decoded by t from now on; nil is the standard library.
// Call it before the first Open.
func (f *Files) UseTurbo(t *image.Turbo) { f.turbo = t }

func (f *Files) path(i int) string {
	path := filepath.FromSlash(f.paths[i])
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.dir, path)
}

// Open opens clip i. The frames of a video file are counted once, by decoding it.
func (f *Files) Open(i int) (Clip, int32, error) {
	clip, err := f.open(i)
	return clip, f.labels[i], err
}

func (f *Files) open(i int) (Clip, error) {
	path := f.path(i)
	if f.totals != nil {
		return &frames{dir: path, n: f.totals[i], turbo: f.turbo, file: func(k int) string { return f.pattern.name(f.first + k) }}, nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open clip: %w", err)
	case info.IsDir():
		return openFrames(path, f.turbo)
	}
	return f.ffmpeg.open(path)
}
