package shard

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strings"

	"m2pt/data"
)

// What a sample may have: an index that a shard of a few bytes blows up, or a tar
// that is no shard at all, ends there.
const (
	maxFiles = 1 << 16
	maxName  = 4 << 10 // bytes of a path in the tar
)

// tarFile is one shard and the index of its samples.
type tarFile struct {
	path    string
	file    *os.File
	samples []span
	entries []place  // of all samples, one after the other
	exts    []string // which place.ext counts
	keys    string   // of all samples, one after the other
	broken  error    // what cut the index short: the last sample may lack files
}

// span is where a sample ends in keys and entries of its shard; it begins where
// the one before it ends.
type span struct{ key, end int }

// place is where a file of a sample lies. Sizes above 4 GiB count as that.
type place struct {
	offset    int64
	size, ext uint32
}

// openTar opens a shard and reads its headers.
func openTar(path string) (*tarFile, error) {
	f, err := data.OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("open shard: %w", err)
	}
	t := &tarFile{path: path, file: f}
	x := indexer{tarFile: t, in: cursor{file: f}, extID: map[string]uint32{}}
	err = x.read()
	t.keys = string(x.keyBytes)
	switch {
	case err == nil:
		return t, nil
	case len(t.samples) == 0:
		return nil, errors.Join(fmt.Errorf("open shard %s: %w", path, err), f.Close())
	}
	t.broken = err
	return t, nil
}

// start returns the first entry of sample j.
func (t *tarFile) start(j int) int {
	if j == 0 {
		return 0
	}
	return t.samples[j-1].end
}

// key returns the key of sample j.
func (t *tarFile) key(j int) string {
	if j == 0 {
		return t.keys[:t.samples[j].key]
	}
	return t.keys[t.samples[j-1].key:t.samples[j].key]
}

// name says in errors which sample is meant.
func (t *tarFile) name(j int) string { return t.path + ":" + t.key(j) }

// entry returns file k of all files of the shard, which belongs to sample j.
func (t *tarFile) entry(j, k int) Entry {
	p := t.entries[k]
	return Entry{Ext: t.exts[p.ext], Size: int64(p.size), shard: t, sample: j, offset: p.offset}
}

// damage is the error of reading sample j, if it is where the shard breaks off.
func (t *tarFile) damage(j int) error {
	if t.broken == nil || j < len(t.samples)-1 {
		return nil
	}
	return fmt.Errorf("%s: the last sample of its shard may lack files: %w", t.name(j), t.broken)
}

// indexer makes the index of a shard.
type indexer struct {
	*tarFile
	in       cursor
	extID    map[string]uint32
	keyBytes []byte
	last     string // key of the last sample
	end      int64  // of the last entry known
}

// read goes through the headers. The index holds what came before an error.
func (x *indexer) read() error {
	info, err := x.file.Stat()
	if err != nil {
		return err
	}
	for archive := tar.NewReader(&x.in); ; {
		h, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return x.endMark()
		case errors.Is(err, io.ErrUnexpectedEOF):
			return x.cut(info.Size())
		case err != nil:
			return fmt.Errorf("at offset %d: not a tar header: the file is damaged, compressed or no tar: %w", x.end, err)
		}
		size := int64(0)
		if isFile(h) {
			size = h.Size
			err = x.add(h)
		}
		if err != nil {
			return fmt.Errorf("at offset %d: %w", x.end, err)
		}
		if size > info.Size()-x.in.at {
			return x.cut(info.Size())
		}
		x.end = x.in.at + (size+511)&^511
	}
}

// isFile reports whether the content of h's file lies in the tar in one piece.
func isFile(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return false
		}
	}
	return h.Typeflag == tar.TypeReg
}

// add enters the file behind a header just read.
func (x *indexer) add(h *tar.Header) error {
	if len(h.Name) > maxName {
		return fmt.Errorf("a name of %d bytes: want at most %d", len(h.Name), maxName)
	}
	key, ext, ok := split(h.Name)
	if !ok {
		return nil
	}
	if n := len(x.samples); n == 0 || key != x.last {
		x.last, x.keyBytes = key, append(x.keyBytes, key...)
		x.samples = append(x.samples, span{len(x.keyBytes), len(x.entries)})
	}
	n := len(x.samples) - 1
	id, ok := x.extID[ext]
	if !ok {
		id = uint32(len(x.exts))
		x.extID[ext], x.exts = id, append(x.exts, ext)
	}
	x.entries = append(x.entries, place{x.in.at, uint32(min(h.Size, math.MaxUint32)), id})
	x.samples[n].end = len(x.entries)
	if files := len(x.entries) - x.start(n); files > maxFiles {
		return fmt.Errorf("sample %q has more than %d files: is this a WebDataset shard?", key, maxFiles)
	}
	return nil
}

// split parts the path of a file at the first dot of its base name. Not ok: the
// file belongs to no sample.
func split(name string) (key, ext string, ok bool) {
	dir, base := path.Split(strings.TrimPrefix(name, "./"))
	stem, ext, dot := strings.Cut(base, ".")
	for part := range strings.SplitSeq(dir+stem, "/") {
		if len(part) >= 4 && strings.HasPrefix(part, "__") && strings.HasSuffix(part, "__") {
			return "", "", false
		}
	}
	return dir + stem, strings.ToLower(ext), dot && stem != "" && ext != ""
}

// endMark returns an error unless the block ahead of the end is the empty one
// that ends a tar: without it, whoever wrote the shard did not finish.
func (x *indexer) endMark() error {
	var block [512]byte
	if x.in.at < int64(len(block)) {
		return fmt.Errorf("the file is empty: %w", io.ErrUnexpectedEOF)
	}
	if _, err := x.file.ReadAt(block[:], x.in.at-int64(len(block))); err != nil {
		return err
	}
	if block != [512]byte{} {
		return x.cut(x.in.at)
	}
	return nil
}

func (x *indexer) cut(size int64) error {
	return fmt.Errorf("cut off at offset %d: copy or pack it again: %w", size, io.ErrUnexpectedEOF)
}

// cursor reads a file from its beginning, through a window as large as the
// headers between two small files, and skips without reading.
type cursor struct {
	file   io.ReaderAt
	at     int64
	window [2048]byte
	lo, hi int64 // what the window holds
}

// Read reads on from the place of the cursor.
func (c *cursor) Read(p []byte) (int, error) {
	if c.at < c.lo || c.at >= c.hi {
		n, err := c.file.ReadAt(c.window[:], c.at)
		if c.lo, c.hi = c.at, c.at+int64(n); n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.window[c.at-c.lo:c.hi-c.lo])
	c.at += int64(n)
	return n, nil
}

// Seek moves the cursor on by offset: package tar asks for nothing else.
func (c *cursor) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 || offset > math.MaxInt64-c.at {
		return 0, errors.ErrUnsupported
	}
	c.at += offset
	return c.at, nil
}
