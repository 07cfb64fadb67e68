package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"m2pt/data"
	"m2pt/data/shard"
)

// maxLabelFile bounds the size of a label file in bytes, maxClasses what it may
// say.
const (
	maxLabelFile = 1 << 20
	maxClasses   = 1 << 20
)

// Shards is a Source of pictures in WebDataset shards.
type Shards struct {
	set     *shard.Set
	classes []string
	labels  []int32 // -1 where it cannot be read
	turbo   *Turbo
}

// OpenShards lists the pictures of a split in WebDataset shards: samples with a
// file jpg, jpeg, png, webp or gif and the label as text in cls, or as "label" in
// json. Path is a folder, whose shards lie in a directory of the split's name
// (see [OpenFolder]) or have that word in their file names
// ("imagenet1k-train-0000.tar"); or a pattern of [shard.List] with {split} for the
// name. Classes are as for OpenFolder: nil for the training split, otherwise
// [ShardClasses] of it. A label beyond them is an [ErrClass].
func OpenShards(path, split string, classes []string) (*Shards, error) {
	s, err := openShards(path, split)
	if err != nil {
		return nil, fmt.Errorf("image shards %s: %w", path, err)
	}
	if classes != nil {
		s.classes = classes
	}
	for i, label := range s.labels {
		if int(label) >= len(s.classes) {
			return nil, fmt.Errorf("image shards %s: %w: %s has label %d, but there are %d classes", path, ErrClass, s.Name(i), label, len(s.classes))
		}
	}
	return s, nil
}

// ShardClasses returns the classes of a split: the lines of classes.txt or
// classnames.txt beside the shards or in the folder path, or else the numbers up
// to the largest label.
func ShardClasses(path, split string) ([]string, error) {
	files, err := shardFiles(path, split)
	if err != nil {
		return nil, fmt.Errorf("image shards %s: %w", path, err)
	}
	if names, err := classNames(path, files[0]); names != nil || err != nil {
		return names, err
	}
	s, err := openShards(path, split)
	if err != nil {
		return nil, fmt.Errorf("image shards %s: %w", path, err)
	}
	return s.classes, s.set.Close()
}

// openShards opens a split with its own classes.
func openShards(path, split string) (*Shards, error) {
	files, err := shardFiles(path, split)
	if err != nil {
		return nil, err
	}
	set, err := shard.Open(files...)
	if err != nil {
		return nil, err
	}
	s := &Shards{set: set, labels: make([]int32, set.Len())}
	largest := int32(-1)
	for i := range s.labels {
		if s.labels[i], err = s.readLabel(i); err != nil {
			s.labels[i] = -1 // Load tells
		}
		largest = max(largest, s.labels[i])
	}
	if s.classes, err = classNames(path, files[0]); err != nil || s.classes != nil {
		return s, err
	}
	for label := range largest + 1 {
		s.classes = append(s.classes, strconv.Itoa(int(label)))
	}
	return s, nil
}

// shardFiles finds the shards of a split.
func shardFiles(path, split string) ([]string, error) {
	const placeholder = "{split}"
	folder := isDir(path)
	if !folder && !strings.Contains(path, placeholder) {
		return nil, fmt.Errorf("want a folder, or a pattern with %s: %w", placeholder, fs.ErrNotExist)
	}
	for _, name := range data.SplitNames(split) {
		files, err := []string(nil), error(nil)
		if !folder {
			files, err = shard.List(strings.ReplaceAll(path, placeholder, name))
		} else if files, err = shard.List(filepath.Join(path, name)); errors.Is(err, fs.ErrNotExist) {
			files, err = named(path, name)
		}
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, shard.ErrIncomplete) {
			return files, err
		}
	}
	return nil, fmt.Errorf("split %q: no shards %s*.tar: %w", split, strings.Join(data.SplitNames(split), "*.tar, "), fs.ErrNotExist)
}

// named returns the shards of a folder that have a word in their names.
func named(dir, word string) ([]string, error) {
	all, err := shard.List(dir)
	if err != nil {
		return nil, err
	}
	pattern := regexp.MustCompile(`(?i)(^|[^a-z])` + regexp.QuoteMeta(word) + `([^a-z]|$)`)
	var files []string
	for _, file := range all {
		if pattern.MatchString(strings.TrimSuffix(filepath.Base(file), ".tar")) {
			files = append(files, file)
		}
	}
	if files == nil {
		return nil, fs.ErrNotExist
	}
	return files, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// classNames reads the names beside a shard or in the folder path, nil where
// there are none.
func classNames(path, file string) ([]string, error) {
	for _, dir := range []string{filepath.Dir(file), path} {
		for _, name := range []string{data.ClassFile, "classnames.txt"} {
			names, err := data.ReadLines(filepath.Join(dir, name))
			switch {
			case err == nil:
				return names, nil
			case !errors.Is(err, fs.ErrNotExist) && isDir(dir):
				return nil, err
			}
		}
	}
	return nil, nil
}

// readLabel reads the label of sample i.
func (s *Shards) readLabel(i int) (int32, error) {
	e, err := s.set.Find(i, "cls", "json")
	if err == nil && e.Size > maxLabelFile {
		err = fmt.Errorf("%s.%s: %d bytes: too large for a label", s.Name(i), e.Ext, e.Size)
	}
	if err != nil {
		return 0, err
	}
	text, err := e.Read(nil)
	if err != nil {
		return 0, err
	}
	label, err := parseLabel(e.Ext, text)
	if err != nil {
		return 0, fmt.Errorf("%s.%s: %w", s.Name(i), e.Ext, err)
	}
	return label, nil
}

// parseLabel reads the label in a file cls or json.
func parseLabel(ext string, text []byte) (int32, error) {
	var label int64
	var err error
	if ext == "cls" {
		label, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	} else {
		fields := struct{ Label *int64 }{}
		if err = json.Unmarshal(text, &fields); err == nil && fields.Label == nil {
			err = errors.New(`no "label"`)
		}
		if err == nil {
			label = *fields.Label
		}
	}
	if err == nil && (label < 0 || label >= maxClasses) {
		err = fmt.Errorf("label %d: want 0 to %d", label, maxClasses-1)
	}
	return int32(label), err
}

// Len returns the number of samples.
func (s *Shards) Len() int { return s.set.Len() }

// Classes returns the class names.
func (s *Shards) Classes() []string { return s.classes }

// Name returns shard and key of sample i, "train-0001.tar:17".
func (s *Shards) Name(i int) string { return s.set.Name(i) }

// UseTurbo has JPEG files decoded by t from now on; nil is the standard library.
// Call it before the first Load.
func (s *Shards) UseTurbo(t *Turbo) { s.turbo = t }

// Load reads and decodes the picture of sample i; see [Decode] and
// [Shards.UseTurbo].
func (s *Shards) Load(i int, dst *Picture) (int32, error) {
	err := s.load(i, dst)
	if err == nil && s.labels[i] < 0 {
		if _, err = s.readLabel(i); err == nil { // no class was counted for it
			err = errors.New("its label could not be read when the shards were opened: open them again")
		}
	}
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", s.Name(i), err)
	}
	return s.labels[i], nil
}

func (s *Shards) load(i int, dst *Picture) error {
	e, err := s.set.Find(i, "jpg", "jpeg", "png", "webp", "gif")
	if err != nil {
		return err
	}
	if e.Size > maxFile {
		return fmt.Errorf("%d bytes: too large for a picture", e.Size)
	}
	if dst.File, err = e.Read(dst.File); err != nil {
		return err
	}
	return s.turbo.Decode(dst.File, dst)
}
