package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"m2pt/internal/atomicfile"
)

// ClassFile is the name of a file with class names, one a line.
const ClassFile = "classes.txt"

// OpenTable lists the items of a split in a CSV file whose header has path, label
// and split: paths below the file's folder, labels as zero-based lines of
// [ClassFile] beside it, a split under one of its [SplitNames]. An error calls an
// item what item says.
func OpenTable(path, split, item string) (*Listing, error) {
	dir := filepath.Dir(path)
	classes, err := ReadLines(filepath.Join(dir, ClassFile))
	if err != nil {
		return nil, fmt.Errorf("list %s: class names: %w", path, err)
	}
	l := NewListing(dir, classes)
	for _, name := range SplitNames(split) {
		err := EachRow(path, []string{"path", "label", "split"}, func(row []string) error {
			if row[2] != name {
				return nil
			}
			label, err := strconv.Atoi(row[1])
			if err != nil {
				return fmt.Errorf("%s: label: %w", row[0], err)
			}
			return l.Add(strings.Clone(row[0]), label) // the rest of the line is forgotten
		})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", path, err)
		}
		if l.Len() > 0 {
			return l, nil
		}
	}
	return nil, fmt.Errorf("list %s: no %s of split %s", path, item, strings.Join(SplitNames(split), ", "))
}

// SplitNames returns the names under which datasets keep a split, the best first:
// "val" may be val, validation or test, "test" may be test, val or validation.
func SplitNames(split string) []string {
	switch split {
	case "val":
		return []string{"val", "validation", "test"}
	case "test":
		return []string{"test", "val", "validation"}
	}
	return []string{split}
}

// EachRow calls do with the named columns of each row of a CSV file with a header;
// row is used again.
func EachRow(path string, columns []string, do func(row []string) error) error {
	file, err := OpenFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	text := bufio.NewReader(file)
	if mark, err := text.Peek(3); err == nil && string(mark) == "\ufeff" { // of UTF-8, as spreadsheets write it
		if _, err := text.Discard(len(mark)); err != nil {
			return err
		}
	}
	r := csv.NewReader(text)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	at := make([]int, len(columns))
	for i, name := range columns {
		if at[i] = slices.Index(header, name); at[i] < 0 {
			return fmt.Errorf("the header %q has no column %q", strings.Join(header, ","), name)
		}
	}
	for row := make([]string, len(columns)); ; {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i, k := range at {
			row[i] = record[k]
		}
		if err := do(row); err != nil {
			return err
		}
	}
}

// ReadLines returns the lines of a text file, without space around them and
// without empty ones at the end.
func ReadLines(path string) ([]string, error) {
	file, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n\t "), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines, nil
}

// WriteClasses writes [ClassFile] into the folder dir, which it makes, or makes sure
// that the file there has these classes.
func WriteClasses(dir string, classes []string) error {
	path := filepath.Join(dir, ClassFile)
	old, err := ReadLines(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		return atomicfile.Write(path, 0o666, func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Join(classes, "\n")+"\n")
			return err
		})
	case err == nil && !slices.Equal(old, classes):
		return fmt.Errorf("%s has other classes: choose another folder, or remove it", path)
	}
	return err
}
