package point

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/scigolib/hdf5"

	"m2pt/data"
)

// h5Refused is the exit status of a child that has said why it cannot read.
const h5Refused = 3

// maxH5Classes bounds a label.
const maxH5Classes = 1 << 16

// H5Child does the work of [ConvertH5] if that has started this process; then main
// must leave with code. Otherwise it does nothing and handled is false.
func H5Child() (handled bool, code int) {
	if os.Getenv(childEnv) == "" {
		return false, 0
	}
	if err := h5Child(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, strings.ReplaceAll(err.Error(), "\n", " "))
		return true, h5Refused
	}
	return true, 0
}

func h5Child(in io.Reader, out io.Writer) (err error) {
	var job h5Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	if err := limitMemory(job.Limit); err != nil {
		return fmt.Errorf("limit memory: %w", err)
	}
	file := ""
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("convert %s: the file is damaged: %v", file, p)
		}
	}()
	c := h5Converter{h5Job: job, begin: func(path string) {
		file = path
		fmt.Fprintln(out, path)
	}}
	clouds, err := c.convert()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(h5Done{clouds})
}

// h5Converter is the child at work.
type h5Converter struct {
	h5Job
	begin   func(path string) // is told which file is read next
	points  int               // N of all files
	classes []string
}

// h5Clouds is an open file.
type h5Clouds struct {
	path   string
	file   *hdf5.File
	data   *hdf5.Dataset
	shape  []int // n, N, 3 or more
	labels []int32
}

// convert reads labels and shapes of all files, and then writes their clouds.
func (c *h5Converter) convert() (map[string]int, error) {
	splits := map[string][]*h5Clouds{}
	largest := int32(-1)
	for _, split := range h5Splits() {
		for _, path := range c.Files[split] {
			c.begin(path)
			f, err := c.open(path)
			if err != nil {
				return nil, fmt.Errorf("convert %s: %w", path, err)
			}
			defer f.file.Close()
			largest = max(largest, slices.Max(f.labels))
			splits[split] = append(splits[split], f)
		}
	}
	if err := c.name(int(largest) + 1); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for split, files := range splits {
		n, err := c.write(split, files)
		if err != nil {
			return nil, err
		}
		counts[split] = n
	}
	return counts, nil
}

// open reads what a file says of its clouds.
func (c *h5Converter) open(path string) (*h5Clouds, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, errors.New("not a file"))
	}
	file, err := hdf5.Open(path)
	if err != nil {
		return nil, fmt.Errorf("not an HDF5 file, or a damaged one: %w", err)
	}
	f := &h5Clouds{path: path, file: file}
	data, err := f.dataset("data")
	if err != nil {
		return nil, err
	}
	f.data = data.Dataset
	if f.shape = data.shape; len(f.shape) != 3 || f.shape[2] < 3 {
		return nil, fmt.Errorf("data has shape %v: want [clouds, points, 3 or more]", f.shape)
	}
	if c.points = cmp.Or(c.points, f.shape[1]); c.points != f.shape[1] {
		return nil, fmt.Errorf("its clouds have %d points, those of another file %d: want as many", f.shape[1], c.points)
	}
	const perNumber = 16 // bytes: a number as it is stored and as a float64, and what gets it there
	if need := int64(f.shape[0]) * int64(f.shape[1]) * int64(f.shape[2]); need > c.Limit/perNumber {
		return nil, fmt.Errorf("data of shape %v takes more memory than the limit of %d MB: raise it if the shape is right, otherwise the file is damaged", f.shape, c.Limit>>20)
	}
	return f, f.readLabels()
}

// h5Dataset is an array in a file.
type h5Dataset struct {
	*hdf5.Dataset
	shape []int
}

// dataset finds an array at the root of a file. The product of its shape is
// within 63 bits.
func (f *h5Clouds) dataset(name string) (*h5Dataset, error) {
	var has []string
	for _, child := range f.file.Root().Children() {
		d, ok := child.(*hdf5.Dataset)
		if !ok {
			continue
		}
		if has = append(has, d.Name()); d.Name() != name {
			continue
		}
		info, err := d.Info()
		if err != nil {
			return nil, fmt.Errorf("%s: %w: write it with h5py's default libver", name, err)
		}
		shape, err := h5Shape(info)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return &h5Dataset{d, shape}, nil
	}
	return nil, fmt.Errorf("no dataset %q at its root, which has %q: the file is of another kind, or damaged", name, has)
}

// h5Shape finds the shape in the description of a dataset, which has "3D array [4 2048 3]"
// in it, "2D array [4 x 1]" or "1D array [4]".
func h5Shape(info string) ([]int, error) {
	text := regexp.MustCompile(`\dD array \[([\d x]+)\]`).FindStringSubmatch(info)
	if text == nil {
		return nil, fmt.Errorf("not an array of numbers: %s", info)
	}
	var shape []int
	size := 1
	for word := range strings.FieldsSeq(strings.ReplaceAll(text[1], "x", " ")) {
		d, err := strconv.Atoi(word)
		if err != nil || d < 1 || d > math.MaxInt/size {
			return nil, fmt.Errorf("shape [%s]: want positive numbers of a reasonable size", text[1])
		}
		shape, size = append(shape, d), size*d
	}
	return shape, nil
}

// readLabels reads the label of each cloud.
func (f *h5Clouds) readLabels() error {
	d, err := f.dataset("label")
	if err != nil {
		return err
	}
	size := 1
	for _, n := range d.shape {
		size *= n
	}
	if size != f.shape[0] {
		return fmt.Errorf("label has shape %v for %d clouds: want one each", d.shape, f.shape[0])
	}
	values, err := d.Read()
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	for i, v := range values {
		if v != math.Trunc(v) || !(v >= 0 && v < maxH5Classes) {
			return fmt.Errorf("label of cloud %d is %v: want an integer of 0 to %d", i, v, maxH5Classes-1)
		}
		f.labels = append(f.labels, int32(v))
	}
	if len(f.labels) != f.shape[0] {
		return fmt.Errorf("%d labels for %d clouds: the file is damaged", len(f.labels), f.shape[0])
	}
	return nil
}

// name finds names for n classes at least.
func (c *h5Converter) name(n int) error {
	files := slices.Concat(c.Files["train"], c.Files["test"], c.Files["val"])
	for _, name := range []string{data.ClassFile, "shape_names.txt"} {
		path := filepath.Join(filepath.Dir(files[0]), name)
		lines, err := data.ReadLines(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err == nil && len(lines) < n:
			err = fmt.Errorf("%s: %d names, but label %d is in use", path, len(lines), n-1)
		}
		c.classes = lines
		return err
	}
	for label := range n {
		c.classes = append(c.classes, strconv.Itoa(label))
	}
	return nil
}

// write writes the clouds of a split and returns their number.
func (c *h5Converter) write(split string, files []*h5Clouds) (int, error) {
	src := &h5Source{classes: c.classes, files: files, begin: c.begin}
	skipped, err := WriteShards(context.Background(), c.Dir, split, src, c.points)
	if err == nil && len(skipped) > 0 {
		err = skipped[0].Err
	}
	return src.Len(), cmp.Or(src.err, err)
}

// h5Source is a Source of the clouds in some files, made to be read in order: it
// holds the numbers of one file at a time.
type h5Source struct {
	classes []string
	files   []*h5Clouds
	begin   func(path string)

	values []float64 // [n,N,3 or more] of files[0]
	first  int       // clouds of the files before that
	err    error     // of Load
}

func (s *h5Source) Classes() []string { return s.classes }
func (s *h5Source) Name(i int) string { return strconv.Itoa(i) }

func (s *h5Source) Len() int {
	n := s.first
	for _, f := range s.files {
		n += f.shape[0]
	}
	return n
}

func (s *h5Source) Load(i int, dst *Cloud) (int32, error) {
	for i >= s.first+s.files[0].shape[0] {
		s.first += s.files[0].shape[0]
		s.files, s.values = s.files[1:], nil
	}
	f := s.files[0]
	if s.values == nil {
		s.begin(f.path)
		s.values, s.err = f.readData()
	}
	if s.err == nil {
		s.err = f.cloud(i-s.first, s.values, dst)
	}
	if s.err != nil {
		s.err = fmt.Errorf("convert %s: %w", f.path, s.err)
		return 0, s.err
	}
	return f.labels[i-s.first], nil
}

// readData reads the numbers of all clouds.
func (f *h5Clouds) readData() ([]float64, error) {
	values, err := f.data.Read()
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if len(values) != f.shape[0]*f.shape[1]*f.shape[2] {
		return nil, fmt.Errorf("data: %d numbers for shape %v: the file is damaged", len(values), f.shape)
	}
	return values, nil
}

// cloud copies cloud i of values.
func (f *h5Clouds) cloud(i int, values []float64, dst *Cloud) error {
	points, width := f.shape[1], f.shape[2]
	values = values[i*points*width:]
	dst.Resize(points, false)
	for k := range points {
		for axis, v := range values[k*width:][:3] {
			dst.XYZ[3*k+axis] = float32(v)
		}
	}
	if err := dst.check(); err != nil {
		return fmt.Errorf("data: cloud %d: %w", i, err)
	}
	return nil
}
