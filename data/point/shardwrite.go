package point

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"m2pt/data"
	"m2pt/internal/atomicfile"
	"m2pt/tokenizers/grouping"
)

// WriteShards stores a source as split split of the folder dir, for [OpenShards]. Of
// clouds with more than points points it keeps the first picks of plain
// farthest-point sampling, as the reference does with ModelNet's; smaller ones get
// their points again. Labels of points are not kept. A cloud that cannot be read is
// skipped; it is an error if none can. Where dir has classes already they must be the
// same. On any error, such as the end of ctx, a split that was there stays.
func WriteShards(ctx context.Context, dir, split string, src Source, points int) (skipped []data.Skip, err error) {
	if points < 1 || points > maxPoints {
		err = fmt.Errorf("%d points: want 1 to %d", points, maxPoints)
	} else if err = data.WriteClasses(dir, src.Classes()); err == nil {
		err = atomicfile.Folder(filepath.Join(dir, split), func(tmp string) (err error) {
			skipped, err = writeSplit(ctx, tmp, src, points)
			return err
		})
	}
	if err != nil {
		return skipped, fmt.Errorf("write point shards %s of %s: %w", split, dir, err)
	}
	return skipped, nil
}

// writeSplit writes the files of a split into dir, a folder that takes its place when
// it is complete.
func writeSplit(ctx context.Context, dir string, src Source, points int) ([]data.Skip, error) {
	file, err := os.Create(filepath.Join(dir, pointFile))
	if err != nil {
		return nil, err
	}
	p := packing{src: src, points: points}
	if err := errors.Join(p.writePoints(ctx, file), file.Close()); err != nil {
		return p.skipped, err
	}
	return p.skipped, atomicfile.Write(filepath.Join(dir, labelFile), 0o666, func(w io.Writer) error {
		if _, err := w.Write(npyHead("<i4", fmt.Sprintf("(%d,)", len(p.labels)))); err != nil {
			return err
		}
		return binary.Write(w, binary.LittleEndian, p.labels)
	})
}

// packing makes a split of a source.
type packing struct {
	src     Source
	points  int
	labels  []int32 // of the clouds written
	skipped []data.Skip

	cloud   Cloud
	grouper grouping.Grouper
}

// writePoints writes the clouds, and then the header, which tells how many there are.
func (p *packing) writePoints(ctx context.Context, file *os.File) error {
	head := func() []byte { return npyHead("<f4", fmt.Sprintf("(%d, %d, 3)", len(p.labels), p.points)) }
	w := bufio.NewWriterSize(file, 1<<20)
	if _, err := w.Write(head()); err != nil {
		return err
	}
	if err := p.writeClouds(ctx, w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := file.WriteAt(head(), 0); err != nil {
		return err
	}
	return file.Sync()
}

// writeClouds writes the clouds that can be read.
func (p *packing) writeClouds(ctx context.Context, w io.Writer) error {
	var buf []byte
	for i := range p.src.Len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		label, err := p.load(i)
		if err != nil {
			p.skipped = append(p.skipped, data.Skip{Index: i, Name: p.src.Name(i), Err: err})
			continue
		}
		if buf, err = binary.Append(buf[:0], binary.LittleEndian, p.cloud.XYZ); err != nil {
			return err
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		p.labels = append(p.labels, label)
	}
	switch {
	case len(p.labels) > 0:
		return nil
	case len(p.skipped) > 0:
		return fmt.Errorf("no cloud can be read; the first one: %w", p.skipped[0].Err)
	}
	return errors.New("there is no cloud")
}

// load reads cloud i, as many points of it as are kept.
func (p *packing) load(i int) (label int32, err error) {
	if label, err = p.src.Load(i, &p.cloud); err != nil {
		return 0, err
	}
	if err = p.cloud.check(); err == nil {
		err = p.cloud.spread(&p.grouper, 0, p.points)
	}
	if err != nil {
		return 0, fmt.Errorf("points of %s: %w", p.src.Name(i), err)
	}
	return label, nil
}

// npyHead is the header of an npy file of version 1, padded to 128 bytes.
func npyHead(dtype, shape string) []byte {
	const size = 128
	head := append([]byte(npyMagic), 1, 0, size-10, 0)
	return fmt.Appendf(head, "%-*s\n", size-10-1, fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape))
}
