package point

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"m2pt/data"
)

// OpenFolder lists the clouds of a split sorted into one directory per class,
// root/<split>/<class>/**; split is as for [OpenCSV]. Class ids are the sorted
// directory names of train, so that all splits agree; where there is no train
// they are the split's own. Every file counts, except hidden ones.
func OpenFolder(root, split string) (*Files, error) {
	dir, err := splitDir(root, split)
	if err != nil {
		return nil, fmt.Errorf("point folder %s: %w", root, err)
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
		err = fmt.Errorf("no files: want %s", filepath.Join(dir, "<class>", "<cloud>"))
	}
	if err != nil {
		return nil, fmt.Errorf("point folder %s: %w", dir, err)
	}
	return f, nil
}

// splitDir finds the directory of a split.
func splitDir(root, split string) (string, error) {
	for _, name := range splitNames(split) {
		dir := filepath.Join(root, name)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no directory %s", strings.Join(splitNames(split), ", "))
}

// addClasses lists the files of all class directories below f.dir, each of which
// must be a known class.
func (f *Files) addClasses() error {
	own, err := data.Subdirs(f.dir)
	if err != nil {
		return err
	}
	for _, class := range own {
		if err := data.WalkFiles(f.dir, class, func(path string) error { return f.addNamed(path, class) }); err != nil {
			return err
		}
	}
	return nil
}
