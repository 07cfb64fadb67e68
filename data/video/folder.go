package video

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/data"
)

// OpenFolder lists the clips of a split sorted into one directory per class,
// root/<split>/<class>/<clip>: each clip is a video file or a folder of frames.
// Split is as for OpenCSV. Class ids are the sorted directory names of train, so
// that all splits agree; where there is no train they are the split's own. Every
// file counts, except hidden ones.
func OpenFolder(root, split string) (*Files, error) {
	dir, err := splitDir(root, split)
	if err != nil {
		return nil, err
	}
	train, err := splitDir(root, "train")
	if err != nil {
		train = dir
	}
	f := &Files{dir: dir}
	if f.classes, err = data.Subdirs(train); err == nil {
		err = f.addClasses()
	}
	if err == nil && f.Len() == 0 {
		err = fmt.Errorf("no clips: want %s", filepath.Join(dir, "<class>", "<video file or folder of frames>"))
	}
	if err != nil {
		return nil, fmt.Errorf("video folder %s: %w", dir, err)
	}
	return f.ready()
}

// splitDir finds the directory of a split.
func splitDir(root, split string) (string, error) {
	for _, name := range splitNames(split) {
		dir := filepath.Join(root, name)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return "", fmt.Errorf("video folder %s: no directory %s", root, strings.Join(splitNames(split), ", "))
}

// addClasses lists the clips of all class directories below f.dir, each of which
// must be a known class.
func (f *Files) addClasses() error {
	own, err := data.Subdirs(f.dir)
	if err != nil {
		return err
	}
	for _, class := range own {
		label := slices.Index(f.classes, class)
		if label < 0 {
			return fmt.Errorf("class %q has no directory in train: its label is unknown", class)
		}
		clips, err := os.ReadDir(filepath.Join(f.dir, class))
		if err != nil {
			return err
		}
		for _, c := range clips {
			if strings.HasPrefix(c.Name(), ".") {
				continue
			}
			if err := f.add(path.Join(class, c.Name()), label); err != nil {
				return err
			}
		}
	}
	return nil
}
