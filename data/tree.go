package data

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Subdirs returns the sorted names of the directories in dir, links to some
// included, hidden ones not: the classes of a dataset kept in class folders.
func Subdirs(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name())) // follows links
		if err == nil && info.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// WalkFiles calls add with the slash-separated path below root of every file in
// the directory root/dir, sorted, hidden ones left out.
func WalkFiles(root, dir string, add func(path string) error) error {
	top := filepath.Join(root, dir) + string(filepath.Separator) // the separator follows a link
	return filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		hidden := path != top && strings.HasPrefix(e.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && e.IsDir():
			return fs.SkipDir
		case hidden || e.IsDir():
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return add(filepath.ToSlash(rel))
	})
}
