package video

import (
	"fmt"
	"os"

	"m2pt/data"
	"m2pt/data/image"
)

// Files is a Source of clips in the file system: of video files, which ffmpeg
// decodes, and of folders of frames, pictures of the formats of image.Decode.
//
// The frames of a folder are its files, hidden ones left out, in the order of their
// names, where numbers count by their value: f9.jpg precedes f10.jpg. A list that
// numbers the frames says itself how they are called.
type Files struct {
	*data.Listing
	totals  []int   // frames of each folder where the list tells, otherwise nil
	pattern pattern // and what the files are called
	first   int     // and the number of the first

	turbo  *image.Turbo
	ffmpeg *ffmpeg
}

// OpenCSV lists the clips of a split in a CSV file whose header has path, label
// and split: paths of video files or folders of frames below the file's folder,
// labels as zero-based lines of classes.txt beside it. Split is "train", "val" (rows
// of val, validation or test) or "test" (test, val or validation).
func OpenCSV(path, split string) (*Files, error) {
	return filesOf(data.OpenTable(path, split, "clip"))
}

// OpenFolder lists the clips of a split sorted into one directory per class,
// root/<split>/<class>/<clip>: each clip is a video file or a folder of frames.
// Split is as for OpenCSV. Class ids are the sorted directory names of train, so
// that all splits agree; where there is no train they are the split's own. Every
// file counts, except hidden ones.
func OpenFolder(root, split string) (*Files, error) {
	return filesOf(data.OpenFolders(root, split, data.FolderOptions{Item: "video file or folder of frames", Flat: true}))
}

func filesOf(l *data.Listing, err error) (*Files, error) {
	if err != nil {
		return nil, fmt.Errorf("video %w", err)
	}
	return (&Files{Listing: l}).ready()
}

// ready looks for ffmpeg. That it is missing is an error here if the first clip is
// a video file, otherwise of each clip that is one.
func (f *Files) ready() (*Files, error) {
	f.ffmpeg = newFFmpeg()
	if info, err := os.Stat(f.Path(0)); f.totals == nil && err == nil && info.Mode().IsRegular() {
		if err := f.ffmpeg.missing; err != nil {
			return nil, err
		}
	}
	return f, nil
}

// UseTurbo has JPEG frames decoded by t from now on; nil is the standard library.
// Call it before the first Open.
func (f *Files) UseTurbo(t *image.Turbo) { f.turbo = t }

// Open opens clip i. The frames of a video file are counted once, by decoding it.
func (f *Files) Open(i int) (Clip, int32, error) {
	clip, err := f.open(i)
	return clip, f.Label(i), err
}

func (f *Files) open(i int) (Clip, error) {
	path := f.Path(i)
	if f.totals != nil {
		return &frames{dir: path, n: f.totals[i], turbo: f.turbo, file: func(k int) string { return f.pattern.name(f.first + k) }}, nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open clip: %w", err)
	case info.IsDir():
		return openFrames(path, f.turbo)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("open clip %s: neither a file nor a folder, but %s", path, info.Mode())
	}
	return f.ffmpeg.open(path)
}
