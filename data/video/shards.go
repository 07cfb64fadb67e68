package video

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/data/shard"
)

// Shards is a Source of frames packed into WebDataset shards: the files of a sample
// are "<number>.jpg" (or another format of image.Decode) for each frame, in the order
// of the numbers, and "cls", the label in decimal digits. Class names are the lines
// of classes.txt beside the shards.
type Shards struct {
	set     *shard.Set
	classes []string
	turbo   *image.Turbo
}

// OpenShards lists the clips of dir/<split>-*.tar; split is as for OpenCSV.
func OpenShards(dir, split string) (*Shards, error) {
	classes, err := data.ReadLines(filepath.Join(dir, data.ClassFile))
	if err != nil {
		return nil, fmt.Errorf("video shards %s: class names: %w", dir, err)
	}
	for _, name := range data.SplitNames(split) {
		files, err := shardFiles(dir, name)
		if err != nil {
			return nil, fmt.Errorf("video shards %s: %w", dir, err)
		}
		if len(files) == 0 {
			continue
		}
		set, err := shard.Open(files...)
		if err != nil {
			return nil, fmt.Errorf("video shards %s: %w", dir, err)
		}
		return &Shards{set: set, classes: classes}, nil
	}
	return nil, fmt.Errorf("video shards %s: no files %s-*.tar: %w", dir, strings.Join(data.SplitNames(split), "-*.tar, "), fs.ErrNotExist)
}

// shardFiles returns the paths of dir/<split>-<digits>.tar, sorted.
func shardFiles(dir, split string) ([]string, error) {
	all, err := shard.List(dir)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(path string) bool {
		rest, ours := strings.CutPrefix(filepath.Base(path), split+"-")
		return !ours || digits(rest) != len(rest)-len(".tar")
	}), nil
}

// Close closes the shards.
func (s *Shards) Close() error { return s.set.Close() }

// Len returns the number of clips.
func (s *Shards) Len() int { return s.set.Len() }

// Classes returns the class names.
func (s *Shards) Classes() []string { return s.classes }

// Name returns shard and key of clip i.
func (s *Shards) Name(i int) string { return s.set.Name(i) }

// UseTurbo has JPEG frames decoded by t from now on; nil is the standard library.
// Call it before the first Open.
func (s *Shards) UseTurbo(t *image.Turbo) { s.turbo = t }

// Open lists the frames of clip i and reads its label.
func (s *Shards) Open(i int) (Clip, int32, error) {
	label, err := s.label(i)
	if err != nil {
		return nil, 0, fmt.Errorf("open clip %s: label: %w", s.Name(i), err)
	}
	c := &packed{name: s.Name(i), turbo: s.turbo}
	for k := range s.set.Count(i) {
		e := s.set.Entry(i, k)
		if n := digits(e.Ext); n > 0 && n < len(e.Ext) && e.Ext[n] == '.' {
			c.frames = append(c.frames, e)
		}
	}
	if len(c.frames) == 0 {
		return nil, 0, fmt.Errorf("open clip %s: no frames: want files called 00000.jpg, 00001.jpg, ... behind the key", c.name)
	}
	slices.SortStableFunc(c.frames, func(a, b shard.Entry) int { return natural(a.Ext, b.Ext) })
	return c, label, nil
}

func (s *Shards) label(i int) (int32, error) {
	e, err := s.set.Find(i, "cls")
	if err != nil {
		return 0, err
	}
	if e.Size > 32 {
		return 0, fmt.Errorf("%d bytes: want a few digits", e.Size)
	}
	text, err := e.Read(nil)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 0 || n >= len(s.classes) {
		return 0, fmt.Errorf("%q: want 0 to %d", text, len(s.classes)-1)
	}
	return int32(n), nil
}

// packed is a clip in a shard.
type packed struct {
	name   string
	frames []shard.Entry
	turbo  *image.Turbo
}

func (c *packed) Len() int { return len(c.frames) }

func (c *packed) Read(at []int, p *image.Picture, use func(k int) error) error {
	for k, i := range at {
		if err := c.load(c.frames[i], p); err != nil {
			return fmt.Errorf("load frame %s of %s: %w", c.frames[i].Ext, c.name, err)
		}
		if err := use(k); err != nil {
			return err
		}
	}
	return nil
}

func (c *packed) load(e shard.Entry, p *image.Picture) (err error) {
	if e.Size > maxFile {
		return fmt.Errorf("%d bytes: too large for a picture", e.Size)
	}
	if p.File, err = e.Read(p.File); err != nil {
		return err
	}
	return c.turbo.Decode(p.File, p)
}
