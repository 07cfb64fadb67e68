package point

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"

	"m2pt/data"
	"m2pt/internal/atomicfile"
	"m2pt/tokenizers/grouping"
)

// WriteShards stores a source as split split of the folder dir, for [OpenShards]. Of
// clouds with more than points points it keeps the first picks of plain
// farthest-point sampling, as the reference does with ModelNet's; smaller ones get
// their points again. Labels of points are not kept. Where dir has classes already
// they must be the same. On any error a split that was there stays.
func WriteShards(dir, split string, src Source, points int) error {
	err := data.WriteClasses(dir, src.Classes())
	if err == nil {
		err = atomicfile.Folder(filepath.Join(dir, split), func(tmp string) error { return writeSplit(tmp, src, points) })
	}
	if err != nil {
		return fmt.Errorf("write point shards %s of %s: %w", split, dir, err)
	}
	return nil
}

// writeSplit writes the files of a split into dir.
func writeSplit(dir string, src Source, points int) error {
	n := src.Len()
	if n < 1 || points < 1 || points > maxPoints {
		return fmt.Errorf("%d clouds of %d points: want at least one cloud, and 1 to %d points", n, points, maxPoints)
	}
	labels := bytes.NewBuffer(npyHead("<i4", fmt.Sprintf("(%d,)", n)))
	err := atomicfile.Write(filepath.Join(dir, pointFile), 0o666, func(w io.Writer) error {
		if _, err := w.Write(npyHead("<f4", fmt.Sprintf("(%d, %d, 3)", n, points))); err != nil {
			return err
		}
		return writeClouds(w, labels, src, points)
	})
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, labelFile), 0o666, func(w io.Writer) error {
		_, err := labels.WriteTo(w)
		return err
	})
}

// writeClouds writes all clouds of a source, and their labels.
func writeClouds(clouds io.Writer, labels *bytes.Buffer, src Source, points int) error {
	var c Cloud
	var g grouping.Grouper
	var buf []byte
	for i := range src.Len() {
		label, err := src.Load(i, &c)
		if err != nil {
			return err
		}
		if err = c.check(); err == nil {
			err = c.spread(&g, points)
		}
		if err != nil {
			return fmt.Errorf("points of %s: %w", src.Name(i), err)
		}
		if buf, err = binary.Append(buf[:0], binary.LittleEndian, c.XYZ); err != nil {
			return err
		}
		if _, err := clouds.Write(buf); err != nil {
			return err
		}
		if err := binary.Write(labels, binary.LittleEndian, label); err != nil {
			return err
		}
	}
	return nil
}

// npyHead is the header of an npy file of version 1, padded to 128 bytes.
func npyHead(dtype, shape string) []byte {
	const size = 128
	head := append([]byte(npyMagic), 1, 0, size-10, 0)
	return fmt.Appendf(head, "%-*s\n", size-10-1, fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape))
}
