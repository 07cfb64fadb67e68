package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FolderOptions say what lies in the class folders of a dataset.
type FolderOptions struct {
	// Item is what an error calls an item: "picture".
	Item string
	// Flat takes all that lies in a class folder for its items, folders too; without
	// it they are the files below it, however deep.
	Flat bool
	// Classes are what labels are indices of; a folder of another name is an
	// [ErrClass]. Nil stands for those of train, so that all splits agree, or where
	// there is no train, for the split's own.
	Classes []string
}

// OpenFolders lists the items of a split sorted into one directory per class,
// root/<split>/<class>/..., hidden ones left out, the split under one of its
// [SplitNames].
func OpenFolders(root, split string, opt FolderOptions) (*Listing, error) {
	dir, own, err := classFolders(root, split)
	if err == nil && opt.Classes == nil {
		if _, opt.Classes, err = classFolders(root, "train"); errors.Is(err, fs.ErrNotExist) {
			opt.Classes, err = own, nil
		}
	}
	if err != nil {
		return nil, err
	}
	l := NewListing(dir, opt.Classes)
	for _, class := range own {
		if err := l.addFolder(class, opt.Flat); err != nil {
			return nil, fmt.Errorf("folder %s: %w", dir, err)
		}
	}
	if l.Len() == 0 {
		return nil, fmt.Errorf("folder %s: no files: want %s", dir, filepath.Join(dir, "<class>", "<"+opt.Item+">"))
	}
	return l, nil
}

// SplitDir finds the directory of a split in root.
func SplitDir(root, split string) (string, error) {
	for _, name := range SplitNames(split) {
		dir := filepath.Join(root, name)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return "", fmt.Errorf("split %q: no directory %s: %w", split, strings.Join(SplitNames(split), ", "), fs.ErrNotExist)
}

// FolderClasses returns the classes of a split in class folders: the sorted names of
// its directories.
func FolderClasses(root, split string) ([]string, error) {
	_, classes, err := classFolders(root, split)
	return classes, err
}

// classFolders returns the directory of a split, and its directories.
func classFolders(root, split string) (dir string, classes []string, err error) {
	if dir, err = SplitDir(root, split); err != nil {
		return "", nil, fmt.Errorf("folder %s: %w", root, err)
	}
	if classes, err = Subdirs(dir); err != nil {
		return "", nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	return dir, classes, nil
}

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

// addFolder adds the items of a class.
func (l *Listing) addFolder(class string, flat bool) error {
	label := slices.Index(l.classes, class)
	if label < 0 {
		return fmt.Errorf("%w: %q has no directory in the training split, so no label: remove it here, or add it there", ErrClass, class)
	}
	return walk(l.dir, class, flat, func(path string) error { return l.Add(path, label) })
}

// WalkFiles calls add with the slash-separated path below root of every file in
// the directory root/dir, sorted, hidden ones left out.
func WalkFiles(root, dir string, add func(path string) error) error {
	return walk(root, dir, false, add)
}

// walk is WalkFiles, or if flat the same for all that lies in the directory.
func walk(root, dir string, flat bool, add func(path string) error) error {
	top := filepath.Join(root, dir) + string(filepath.Separator) // the separator follows a link
	return filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		hidden := path != top && strings.HasPrefix(e.Name(), ".")
		switch {
		case err != nil || path == top:
			return err
		case hidden && e.IsDir():
			return fs.SkipDir
		case hidden || e.IsDir() && !flat:
			return nil
		case e.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0:
			return fmt.Errorf("%s is neither a file nor a folder, but %s: remove it", path, e.Type())
		}
		rel, err := filepath.Rel(root, path)
		if err == nil {
			err = add(filepath.ToSlash(rel))
		}
		if err == nil && e.IsDir() {
			err = fs.SkipDir
		}
		return err
	})
}
