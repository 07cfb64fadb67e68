package shard

import (
	"archive/tar"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"time"

	"m2pt/internal/atomicfile"
)

// Sample is what [Write] packs: the files of one key.
type Sample struct {
	Key   string // a path; no dot in its base name
	Files []File
}

// File is one file of a sample.
type File struct {
	Ext  string // lower case, without the first dot: "jpg"
	Data []byte
}

// Write packs samples, in their order, into the shards dir/name-000000.tar,
// dir/name-000001.tar, ..., counting from first, and returns how many samples and
// shards there are. A shard has at most limit bytes, or else one sample. It
// appears, complete, as soon as it is full; it stays where a later one fails. The
// bytes depend on the arguments alone. A sample is no longer used when the next
// one is asked for.
func Write(dir, name string, first int, limit int64, samples iter.Seq2[Sample, error]) (packed, shards int, err error) {
	next, stop := iter.Pull2(samples)
	defer stop()
	p := packer{limit: limit, next: next}
	if err := p.advance(); err != nil {
		return 0, 0, err
	}
	for p.more {
		path := filepath.Join(dir, fmt.Sprintf("%s-%06d.tar", name, first+shards))
		if err := atomicfile.Write(path, 0o666, p.fill); err != nil {
			return p.packed, shards, err
		}
		shards++
	}
	return p.packed, shards, nil
}

// packer holds the sample to be packed next.
type packer struct {
	limit  int64
	next   func() (Sample, error, bool)
	sample Sample
	more   bool   // there is a sample
	last   string // key of the sample before
	packed int
}

// advance takes the next sample and checks its names by the rule of reading.
func (p *packer) advance() (err error) {
	p.last = p.sample.Key
	if p.sample, err, p.more = p.next(); err != nil || !p.more {
		return err
	}
	if len(p.sample.Files) == 0 || len(p.sample.Files) > maxFiles {
		return fmt.Errorf("pack sample %q: %d files: want 1 to %d", p.sample.Key, len(p.sample.Files), maxFiles)
	}
	if p.packed > 0 && p.sample.Key == p.last {
		return fmt.Errorf("pack sample %q: it has the key of the one before: keys must differ", p.sample.Key)
	}
	for _, f := range p.sample.Files {
		key, ext, ok := split(p.sample.Key + "." + f.Ext)
		if !ok || key != p.sample.Key || ext != f.Ext || len(key)+1+len(ext) > maxName {
			return fmt.Errorf("pack sample %q: file %q: want a key without a dot in its base name, and a lower-case extension", p.sample.Key, f.Ext)
		}
		if len(f.Data) > maxEntry {
			return fmt.Errorf("pack sample %q: file %q: %d bytes: want at most %d", p.sample.Key, f.Ext, len(f.Data), maxEntry)
		}
	}
	return nil
}

// fill writes one shard.
func (p *packer) fill(w io.Writer) error {
	const block, endMark, shortName = 512, 2 * 512, 100 // bytes
	out := tar.NewWriter(w)
	for size, first := int64(endMark), true; p.more; first = false {
		for _, f := range p.sample.Files {
			size += block + (int64(len(f.Data))+block-1)/block*block
			if len(p.sample.Key)+1+len(f.Ext) > shortName {
				size += block + maxName + block // at most: a header of its own
			}
		}
		if size > p.limit && !first {
			break
		}
		if err := p.pack(out); err != nil {
			return err
		}
	}
	return out.Close()
}

// pack writes the sample and takes the next.
func (p *packer) pack(out *tar.Writer) error {
	for _, f := range p.sample.Files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: p.sample.Key + "." + f.Ext, Size: int64(len(f.Data)), Mode: 0o644, ModTime: time.Unix(0, 0)}
		if err := out.WriteHeader(h); err != nil {
			return fmt.Errorf("pack sample %q: %w", p.sample.Key, err)
		}
		if _, err := out.Write(f.Data); err != nil {
			return fmt.Errorf("pack sample %q: %w", p.sample.Key, err)
		}
	}
	p.packed++
	return p.advance()
}
