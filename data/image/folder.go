package image

import (
	"fmt"

	"m2pt/data"
)

// maxFile bounds the size of a picture file in bytes.
const maxFile = 256 << 20

// Folder is a Source of picture files sorted into one directory per class:
// root/<split>/<class>/**.
type Folder struct {
	*data.Listing
	turbo *Turbo
}

// OpenFolder lists the pictures of a split: "train", "val" (a directory val,
// validation or test) or "test" (test, val or validation). A label is an index
// into classes, so that all splits of a dataset agree: its training split has nil,
// which stands for its own, and the others are given [FolderClasses] of that. A
// directory that is none of classes is an [ErrClass]. Every file counts, whatever
// its name, except hidden ones.
func OpenFolder(root, split string, classes []string) (*Folder, error) {
	if classes == nil {
		var err error
		if classes, err = FolderClasses(root, split); err != nil {
			return nil, err
		}
	}
	l, err := data.OpenFolders(root, split, data.FolderOptions{Item: "picture", Classes: classes})
	if err != nil {
		return nil, fmt.Errorf("image %w", err)
	}
	return &Folder{Listing: l}, nil
}

// ErrClass tells that a split has a class that the dataset has not.
var ErrClass = data.ErrClass

// FolderClasses returns the classes of a split: the sorted names of its
// directories.
func FolderClasses(root, split string) ([]string, error) {
	classes, err := data.FolderClasses(root, split)
	if err != nil {
		return nil, fmt.Errorf("image %w", err)
	}
	return classes, nil
}

// UseTurbo has JPEG files decoded by t from now on; nil is the standard library.
// Call it before the first Load.
func (f *Folder) UseTurbo(t *Turbo) { f.turbo = t }

// Load reads and decodes file i; see [Decode] and [Folder.UseTurbo].
func (f *Folder) Load(i int, dst *Picture) (label int32, err error) {
	if dst.File, label, err = f.ReadFile(i, dst.File); err == nil {
		if err = f.turbo.Decode(dst.File, dst); err != nil {
			err = fmt.Errorf("load %s: %w", f.Path(i), err)
		}
	}
	return label, err
}

// ReadFile reads file i into buf, which may grow, and returns it, not decoded, and
// its label.
func (f *Folder) ReadFile(i int, buf []byte) (file []byte, label int32, err error) {
	if file, err = data.ReadFile(f.Path(i), buf, maxFile, "too large for a picture"); err != nil {
		return file, 0, fmt.Errorf("load %s: %w", f.Path(i), err)
	}
	return file, f.Label(i), nil
}
