package point

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OpenCSV lists the clouds of a split in a CSV file whose header has path, label
// and split: paths below the file's folder, labels as zero-based lines of
// classes.txt beside it. Split is "train", "val" (rows of val, validation or
// test) or "test" (test, val or validation).
func OpenCSV(path, split string) (*Files, error) {
	f := &Files{dir: filepath.Dir(path)}
	var err error
	if f.classes, err = readLines(filepath.Join(f.dir, "classes.txt")); err != nil {
		return nil, fmt.Errorf("point list %s: class names: %w", path, err)
	}
	for _, name := range splitNames(split) {
		if err := f.addRows(path, name); err != nil {
			return nil, fmt.Errorf("point list %s: %w", path, err)
		}
		if f.Len() > 0 {
			return f, nil
		}
	}
	return nil, fmt.Errorf("point list %s: no cloud of split %s", path, strings.Join(splitNames(split), ", "))
}

// splitNames are the names under which datasets keep a split, the best first.
func splitNames(split string) []string {
	switch split {
	case "val":
		return []string{"val", "validation", "test"}
	case "test":
		return []string{"test", "val", "validation"}
	}
	return []string{split}
}

// addRows adds the rows of a CSV file that belong to a split.
func (f *Files) addRows(path, split string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := csv.NewReader(bufio.NewReader(file))
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	var at [3]int
	for i, name := range []string{"path", "label", "split"} {
		if at[i] = slices.Index(header, name); at[i] < 0 {
			return fmt.Errorf("the header %q has no column %q", strings.Join(header, ","), name)
		}
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if row[at[2]] != split {
			continue
		}
		label, err := strconv.Atoi(row[at[1]])
		if err != nil {
			return fmt.Errorf("%s: label: %w", row[at[0]], err)
		}
		if err := f.add(row[at[0]], label); err != nil {
			return err
		}
	}
}

// readLines returns the lines of a text file, without space around them and
// without empty ones at the end.
func readLines(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n\t "), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines, nil
}
