// Package shard reads and writes WebDataset shards: tar files whose entries of
// one key form a sample.
//
// Vocabulary: a [Set] lists the samples of some shards; the key of a sample is the
// path of its files up to the first dot of the base name, what follows that dot,
// in lower case, is the extension ("train/17.seg.PNG" is the file "seg.png" of
// sample "train/17"); an [Entry] is one file of a sample, still in its shard.
// Files of a sample follow one another, as WebDataset has it: a key that comes
// back later is another sample. [Write] packs a [Sample] after the other.
//
// [Open] reads headers alone and remembers where each file lies, so samples are
// read in any order, by any number of goroutines. Files without a dot, hidden
// ones, those of folders like "__meta__", links and sparse files are no samples.
// The package knows nothing of what the files hold, and reads no compressed tar.
package shard

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
)

// maxEntry bounds the size of a file of a sample in bytes.
const maxEntry = 1 << 30

// Set is a list of samples. It is safe for concurrent use.
type Set struct {
	shards []*tarFile
	ends   []int // the samples of shards 0..k
}

// Open lists the samples of the shards that patterns stand for; see [List]. A
// shard damaged or cut off somewhere keeps the samples ahead of that place; the
// last of them stays in the list, but may be incomplete, so reading it is an
// error that says where the shard breaks off. A shard without a whole header is
// an error of Open.
func Open(patterns ...string) (*Set, error) {
	var paths []string
	for _, p := range patterns {
		list, err := List(p)
		if err != nil {
			return nil, err
		}
		paths = append(paths, list...)
	}
	s := &Set{shards: make([]*tarFile, len(paths))}
	if err := s.open(paths); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	n := 0
	for _, t := range s.shards {
		n += len(t.samples)
		s.ends = append(s.ends, n)
	}
	if n == 0 {
		err := fmt.Errorf("shards %s: no samples: want entries like 0001.jpg and 0001.cls", strings.Join(patterns, " "))
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open indexes the shards, some at a time: what a disk or a network makes them
// wait for overlaps.
func (s *Set) open(paths []string) error {
	errs := make([]error, len(paths))
	var wg sync.WaitGroup
	for worker := range min(len(paths), 2*runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := worker; i < len(paths); i += 2 * runtime.GOMAXPROCS(0) {
				s.shards[i], errs[i] = openTar(paths[i])
			}
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// Close closes the shards. Their samples can no longer be read.
func (s *Set) Close() error {
	var errs []error
	for _, t := range s.shards {
		if t != nil {
			errs = append(errs, t.file.Close())
		}
	}
	return errors.Join(errs...)
}

// Damage returns why the first of the shards that are damaged breaks off, or nil.
func (s *Set) Damage() error {
	for _, t := range s.shards {
		if t.broken != nil {
			return fmt.Errorf("%s: %w", t.path, t.broken)
		}
	}
	return nil
}

// Len returns the number of samples.
func (s *Set) Len() int { return s.ends[len(s.ends)-1] }

// at returns the shard of sample i and the place of the sample in it.
func (s *Set) at(i int) (*tarFile, int) {
	k := sort.SearchInts(s.ends, i+1)
	if k > 0 {
		i -= s.ends[k-1]
	}
	return s.shards[k], i
}

// Key returns the key of sample i.
func (s *Set) Key(i int) string { t, j := s.at(i); return t.key(j) }

// Name returns the file name of the shard and the key, "train-0001.tar:n01440764/17".
func (s *Set) Name(i int) string {
	t, j := s.at(i)
	return filepath.Base(t.path) + ":" + t.key(j)
}

// Count returns the number of files of sample i.
func (s *Set) Count(i int) int { t, j := s.at(i); return t.samples[j].end - t.start(j) }

// Entry returns file k of sample i, in the order of the shard.
func (s *Set) Entry(i, k int) Entry { t, j := s.at(i); return t.entry(j, t.start(j)+k) }

// Find returns the file of sample i with the first of exts that the sample has.
// An error says which it has instead, or how the shard is damaged.
func (s *Set) Find(i int, exts ...string) (Entry, error) {
	t, j := s.at(i)
	if err := t.damage(j); err != nil {
		return Entry{}, err
	}
	files := t.samples[j].end - t.start(j)
	for _, ext := range exts {
		for k := range files {
			if e := s.Entry(i, k); e.Ext == ext {
				return e, nil
			}
		}
	}
	var has []string
	for k := range min(files, 8) { // a clip may have hundreds of frames
		has = append(has, s.Entry(i, k).Ext)
	}
	return Entry{}, fmt.Errorf("%s has .%s but no .%s: the files of a sample must follow one another, under one name",
		t.name(j), strings.Join(has, ", ."), strings.Join(exts, " or ."))
}

// Entry is one file of a sample, which lies in its shard.
type Entry struct {
	Ext    string // extension, lower case, without the first dot
	Size   int64  // bytes
	shard  *tarFile
	sample int
	offset int64
}

// Read reads the file into buf, which grows as needed. A file above 1 GiB is an
// error. It is safe for concurrent use, with a buf each.
func (e Entry) Read(buf []byte) ([]byte, error) {
	if err := e.shard.damage(e.sample); err != nil {
		return buf, err
	}
	if e.Size > maxEntry {
		return buf, fmt.Errorf("%s: %d bytes: want at most %d", e.name(), e.Size, maxEntry)
	}
	buf = slices.Grow(buf[:0], int(e.Size))[:e.Size]
	if n, err := e.shard.file.ReadAt(buf, e.offset); err != nil && int64(n) < e.Size {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: the shard has become shorter", io.ErrUnexpectedEOF)
		}
		return buf[:0], fmt.Errorf("%s at offset %d: %w", e.name(), e.offset, err)
	}
	return buf, nil
}

func (e Entry) name() string { return e.shard.name(e.sample) + "." + e.Ext }
