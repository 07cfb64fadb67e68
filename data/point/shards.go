package point

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"m2pt/data"
)

// Files of a folder of shards: beside the class names for each split a folder with
// clouds of equally many points and their labels.
const (
	pointFile = "points.npy" // [n,P,3] float32
	labelFile = "labels.npy" // [n] of any kind of integer
)

// Shards is a Source of clouds in one array of a file, read one by one.
type Shards struct {
	split   string
	classes []string
	labels  []int32
	points  int   // P
	start   int64 // of the first cloud in file
	file    *os.File
}

// OpenShards opens the clouds of a split in a folder that [WriteShards] made, or that
// is like it; split is as for [OpenCSV].
func OpenShards(dir, split string) (*Shards, error) {
	s, err := openShards(dir, split)
	if err != nil {
		return nil, fmt.Errorf("open point shards in %s: %w", dir, err)
	}
	return s, nil
}

func openShards(dir, split string) (*Shards, error) {
	folder, err := data.SplitDir(dir, split)
	if err != nil {
		return nil, err
	}
	s := &Shards{split: filepath.Base(folder)}
	if s.classes, err = data.ReadLines(filepath.Join(dir, data.ClassFile)); err != nil {
		return nil, err
	}
	if err := s.readLabels(filepath.Join(folder, labelFile)); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", labelFile, s.split, err)
	}
	if s.file, err = data.OpenFile(filepath.Join(folder, pointFile)); err != nil {
		return nil, err
	}
	if err := s.readHeader(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s of %s: %w", pointFile, s.split, err), s.file.Close())
	}
	return s, nil
}

func (s *Shards) readLabels(path string) error {
	file, err := readFile(path, nil)
	if err != nil {
		return err
	}
	a, err := parseNPY(file)
	if err != nil {
		return err
	}
	if values := len(file) - a.start; a.kind == 'F' || len(a.shape) != 1 || a.shape[0] < 1 || a.shape[0] > values || values != a.shape[0]*a.size {
		return fmt.Errorf("array of %c%d with shape %v in %d bytes: want whole numbers, [clouds], in as many bytes as they need", a.kind, a.size, a.shape, values)
	}
	s.labels = make([]int32, a.shape[0])
	for i := range s.labels {
		label := a.read(file[a.start+i*a.size:], binary.LittleEndian)
		if !(label >= 0 && label < float64(len(s.classes))) {
			return fmt.Errorf("label %d is %g: want 0 to %d", i, label, len(s.classes)-1)
		}
		s.labels[i] = int32(label)
	}
	return nil
}

func (s *Shards) readHeader() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	head, err := io.ReadAll(io.NewSectionReader(s.file, 0, maxHead))
	if err != nil {
		return err
	}
	a, err := parseNPY(head)
	if err != nil {
		return err
	}
	if a.scalar != (scalar{'F', 4}) || len(a.shape) != 3 || a.shape[0] != len(s.labels) || a.shape[1] < 1 || a.shape[1] > maxPoints || a.shape[2] != 3 {
		return fmt.Errorf("array of %c%d with shape %v: want float32, [%d clouds as there are labels, points, 3]", a.kind, a.size, a.shape, len(s.labels))
	}
	s.points, s.start = a.shape[1], int64(a.start)
	if want := s.start + int64(len(s.labels))*s.size(); info.Size() != want {
		return fmt.Errorf("%d bytes, want %d for shape %v: the file is cut off", info.Size(), want, a.shape)
	}
	return nil
}

// size is the bytes of a cloud.
func (s *Shards) size() int64 { return int64(s.points) * 3 * 4 }

// Close closes the file.
func (s *Shards) Close() error { return s.file.Close() }

// Len returns the number of clouds.
func (s *Shards) Len() int { return len(s.labels) }

// Classes returns the class names.
func (s *Shards) Classes() []string { return s.classes }

// Name returns the split and the number of the cloud.
func (s *Shards) Name(i int) string { return fmt.Sprintf("%s/%d", s.split, i) }

// Load reads cloud i.
func (s *Shards) Load(i int, dst *Cloud) (int32, error) {
	size := s.size()
	if int64(cap(dst.file)) < size {
		dst.file = make([]byte, size)
	}
	b := dst.file[:size]
	if _, err := s.file.ReadAt(b, s.start+int64(i)*size); err != nil {
		return 0, fmt.Errorf("load cloud %s: %w", s.Name(i), err)
	}
	dst.Resize(s.points, false)
	for k := range dst.XYZ {
		dst.XYZ[k] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))
	}
	return s.labels[i], nil
}
