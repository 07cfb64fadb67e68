package image

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A CIFAR-10 file is a row of records: a label byte, then the planes R, G, B of
// 32 x 32 bytes each.
const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarRecord = 1 + 3*cifarPlane
)

// CIFAR10 is a Source of the pictures in CIFAR-10's binary files, which it holds
// in memory (3 kB a picture).
type CIFAR10 struct {
	classes []string
	files   []cifarFile
	length  int
}

// cifarFile is the content of one file, whose first record is picture first.
type cifarFile struct {
	name    string
	records []byte
	first   int
}

// OpenCIFAR10 reads the pictures of split "train" (data_batch_*.bin, in order
// of name) or "test" (test_batch.bin; "val" is the same), and the class names
// in batches.meta.txt.
func OpenCIFAR10(dir, split string) (*CIFAR10, error) {
	pattern := "test_batch.bin"
	switch split {
	case "train":
		pattern = "data_batch_*.bin"
	case "test", "val":
	default:
		return nil, fmt.Errorf("CIFAR-10 in %s: split %q: want train, val or test", dir, split)
	}
	meta, err := os.ReadFile(filepath.Join(dir, "batches.meta.txt"))
	if err != nil {
		return nil, fmt.Errorf("CIFAR-10: class names: %w", err)
	}
	c := &CIFAR10{classes: strings.Fields(string(meta))}
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err == nil && len(paths) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("CIFAR-10: %s: %w", filepath.Join(dir, pattern), err)
	}
	for _, path := range paths {
		records, err := os.ReadFile(path)
		if err == nil {
			err = c.add(filepath.Base(path), records)
		}
		if err != nil {
			return nil, fmt.Errorf("CIFAR-10 file %s: %w", path, err)
		}
	}
	return c, nil
}

// add appends the pictures of a file after checking it.
func (c *CIFAR10) add(name string, records []byte) error {
	n := len(records) / cifarRecord
	if n == 0 || n*cifarRecord != len(records) {
		return fmt.Errorf("%d bytes: want a multiple of %d, as many as a record has: not a CIFAR-10 binary file, or cut off", len(records), cifarRecord)
	}
	for i := range n {
		if label := records[i*cifarRecord]; int(label) >= len(c.classes) {
			return fmt.Errorf("record %d: label %d, want less than %d, the number of class names: not a CIFAR-10 binary file, or damaged", i, label, len(c.classes))
		}
	}
	c.files = append(c.files, cifarFile{name, records, c.length})
	c.length += n
	return nil
}

// Len returns the number of records in all files of the split.
func (c *CIFAR10) Len() int { return c.length }

// Classes returns the class names.
func (c *CIFAR10) Classes() []string { return c.classes }

// Name returns the file's name and the record's number, "test_batch.bin:17".
func (c *CIFAR10) Name(i int) string {
	f := c.file(i)
	return fmt.Sprintf("%s:%d", f.name, i-f.first)
}

// Load copies record i.
func (c *CIFAR10) Load(i int, dst *Picture) (int32, error) {
	f := c.file(i)
	record := f.records[(i-f.first)*cifarRecord:][:cifarRecord]
	dst.Resize(cifarSide, cifarSide)
	for p := range cifarPlane {
		for colour := range 3 {
			dst.Pix[3*p+colour] = record[1+colour*cifarPlane+p]
		}
	}
	return int32(record[0]), nil
}

// file returns the file that holds picture i.
func (c *CIFAR10) file(i int) *cifarFile {
	k := len(c.files) - 1
	for c.files[k].first > i {
		k--
	}
	return &c.files[k]
}
