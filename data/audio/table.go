package audio

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OpenCSV lists the clips of a split in a CSV file whose header has path, label
// and split: paths below the file's folder, labels as zero-based lines of
// classes.txt beside it. Split is "train", "val" (rows of val, validation or
// test) or "test" (test, val or validation).
func OpenCSV(path, split string) (*Files, error) {
	f := &Files{dir: filepath.Dir(path)}
	var err error
	if f.classes, err = readLines(filepath.Join(f.dir, "classes.txt")); err != nil {
		return nil, fmt.Errorf("audio list %s: class names: %w", path, err)
	}
	for _, name := range splitNames(split) {
		err := eachRow(path, []string{"path", "label", "split"}, func(row []string) error {
			if row[2] != name {
				return nil
			}
			label, err := strconv.ParseInt(row[1], 10, 32)
			if err != nil {
				return fmt.Errorf("%s: label: %w", row[0], err)
			}
			return f.add(row[0], int32(label))
		})
		if err != nil {
			return nil, fmt.Errorf("audio list %s: %w", path, err)
		}
		if f.Len() > 0 {
			return f, nil
		}
	}
	return nil, fmt.Errorf("audio list %s: no clip of split %s", path, strings.Join(splitNames(split), ", "))
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

// eachRow calls do with the named columns of each row of a CSV file.
func eachRow(path string, columns []string, do func(row []string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := csv.NewReader(bufio.NewReader(file))
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
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for i, k := range at {
			row[i] = strings.Clone(record[k])
		}
		if err := do(row); err != nil {
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
