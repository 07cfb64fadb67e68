package video

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"m2pt/data"
)

// ListOptions say where the clips of a list are. The zero value reads the lists of
// VideoMAE.
type ListOptions struct {
	Root      string // folder of relative paths; the list's own if empty
	Pattern   string // of the files of frame folders; img_{:05}.jpg if empty
	ZeroBased bool   // the first of them has number 0, not 1
}

// Lists are not trusted with memory: a label costs a class name.
const (
	maxLabel  = 1<<16 - 1
	maxFrames = 1 << 30
)

// OpenList lists the clips of a split in VideoMAE's files dir/train.csv, val.csv
// and test.csv (for split "test", where there is none, val.csv), whose lines are
// "video label", or "folder frames label" for folders of numbered frames; a path
// with spaces is put in quotes. Class names are the lines of classes.txt beside
// them; without that file they are the numbers up to the highest label of
// train.csv and of the split.
func OpenList(dir, split string, opt ListOptions) (*Files, error) {
	path, err := listFile(dir, split)
	if err != nil {
		return nil, err
	}
	f, err := openList(dir, path, opt)
	if err != nil {
		return nil, fmt.Errorf("video list %s: %w", path, err)
	}
	return f.ready()
}

// listFile finds the list of a split.
func listFile(dir, split string) (string, error) {
	for _, name := range data.SplitNames(split) {
		path := filepath.Join(dir, name+".csv")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("video lists %s: no file %s.csv: %w", dir, strings.Join(data.SplitNames(split), ".csv, "), fs.ErrNotExist)
}

func openList(dir, path string, opt ListOptions) (*Files, error) {
	lines, err := readList(path)
	if err != nil {
		return nil, err
	}
	classes, err := listClasses(dir, lines)
	if err != nil {
		return nil, err
	}
	f := &Files{Listing: data.NewListing(cmp.Or(opt.Root, dir), classes), first: 1}
	if opt.ZeroBased {
		f.first = 0
	}
	if f.pattern, err = parsePattern(cmp.Or(opt.Pattern, "img_{:05}.jpg")); err != nil {
		return nil, err
	}
	for _, l := range lines {
		if err := f.Add(l.path, l.label); err != nil {
			return nil, err
		}
		if l.frames > 0 {
			f.totals = append(f.totals, l.frames)
		}
	}
	return f, nil
}

// listClasses names the classes of a list.
func listClasses(dir string, lines []listLine) ([]string, error) {
	classes, err := data.ReadLines(filepath.Join(dir, data.ClassFile))
	if !errors.Is(err, fs.ErrNotExist) {
		return classes, err
	}
	train, err := readList(filepath.Join(dir, "train.csv"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("labels of train.csv: %w", err)
	}
	highest := 0
	for _, some := range [][]listLine{lines, train} {
		for _, l := range some {
			highest = max(highest, l.label)
		}
	}
	for k := range highest + 1 {
		classes = append(classes, strconv.Itoa(k))
	}
	return classes, nil
}

// listLine is a line of a list.
type listLine struct {
	path   string
	frames int // 0 for a video file
	label  int
}

func readList(path string) ([]listLine, error) {
	file, err := data.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return parseList(bufio.NewReader(file))
}

// parseList reads lines of two fields, or of three.
func parseList(file io.Reader) (lines []listLine, err error) {
	r := csv.NewReader(file)
	r.Comma, r.ReuseRecord = ' ', true
	for {
		fields, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && len(lines) == 0:
			return nil, errors.New("the list is empty")
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return nil, err
		}
		l, err := parseLine(fields)
		if err != nil {
			return nil, fmt.Errorf("clip %d: %q: %w", len(lines)+1, strings.Join(fields, " "), err)
		}
		lines = append(lines, l)
	}
}

func parseLine(fields []string) (l listLine, err error) {
	if len(fields) != 2 && len(fields) != 3 || fields[0] == "" {
		return l, errors.New("want a video and its label, or a folder, its number of frames and its label; put paths with spaces in quotes")
	}
	last := len(fields) - 1
	l.path = strings.Clone(fields[0])
	if l.label, err = number(fields[last], 0, maxLabel); err != nil {
		return l, fmt.Errorf("label: %w", err)
	}
	if last == 2 {
		if l.frames, err = number(fields[1], 1, maxFrames); err != nil {
			return l, fmt.Errorf("frames: %w", err)
		}
	}
	return l, nil
}

func number(s string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < lo || n > hi {
		return 0, fmt.Errorf("%q: want %d to %d", s, lo, hi)
	}
	return n, nil
}
