package point

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"m2pt/internal/atomicfile"
	"m2pt/tokenizers/grouping"
)

// WriteShards stores a source as split split of the folder dir, for [OpenShards]. Of
// clouds with more than points points it keeps the first picks of plain
// farthest-point sampling, as the reference does with ModelNet's; smaller ones get
// their points again. Labels of points are not kept. Where dir has classes already
// they must be the same. On any error a split that was there stays.
func WriteShards(dir, split string, src Source, points int) error {
	err := os.MkdirAll(dir, 0o777)
	if err == nil {
		err = agreeOnClasses(filepath.Join(dir, classFile), src.Classes())
	}
	if err == nil {
		err = atomicfile.Folder(filepath.Join(dir, split), func(tmp string) error { return writeSplit(tmp, src, points) })
	}
	if err != nil {
		return fmt.Errorf("write point shards %s of %s: %w", split, dir, err)
	}
	return nil
}

// agreeOnClasses writes the file of class names, or makes sure that it has them.
func agreeOnClasses(path string, classes []string) error {
	want := strings.Join(classes, "\n") + "\n"
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return atomicfile.Write(path, 0o666, func(w io.Writer) error {
			_, err := io.WriteString(w, want)
			return err
		})
	case err == nil && string(text) != want:
		return fmt.Errorf("%s has other classes: use another folder, or remove it", path)
	}
	return err
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
