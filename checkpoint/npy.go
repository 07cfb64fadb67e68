package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sbinet/npyio/npy"
)

// An npy file is a magic string, a version, the length of the header, the
// header (a Python literal with dtype, order and shape) and the elements.
const (
	npyMagic     = "\x93NUMPY"
	npyAlign     = 64      // where NumPy lets the elements begin
	maxNPYHeader = 1 << 16 // bytes; a shape of 64 dimensions needs 1400
)

// readNPY reads an npy file of exactly size bytes. npyio parses the header; the
// elements are read here, after their number is known to fit.
func readNPY(r io.Reader, size uint64) (Tensor, error) {
	start, err := readNPYStart(r)
	if err != nil {
		return Tensor{}, err
	}
	header, err := parseNPYHeader(start)
	if err != nil {
		return Tensor{}, err
	}
	d, ok := dtypeOfNPY(header.Descr.Type)
	if !ok {
		return Tensor{}, fmt.Errorf("dtype %.40q is not supported: convert the array to '<f4'", header.Descr.Type)
	}
	t := Tensor{Dtype: d, Shape: header.Descr.Shape}
	n, err := byteSize(d, t.Shape)
	if err != nil {
		return t, corrupt("%w", err)
	}
	if uint64(len(start))+uint64(n) != size {
		return t, corrupt("%d bytes, want %d for shape %v of %v", size, len(start)+n, t.Shape, d)
	}
	t.Data = make([]byte, n)
	if _, err := io.ReadFull(r, t.Data); err != nil {
		return t, fmt.Errorf("read elements: %w", err)
	}
	if header.Descr.Fortran {
		t.Data = rowMajor(t.Data, t.Shape, d.Size())
	}
	return t, expectEOF(r)
}

// readBareNPY reads an npy file that is in no archive; its tensor is called like
// the file.
func readBareNPY(f *os.File, size int64) (*Tensors, error) {
	t, err := readNPY(f, uint64(size))
	if err != nil {
		return nil, faultOfFile(err)
	}
	t.Name = strings.TrimSuffix(filepath.Base(f.Name()), npySuffix)
	return Collect(t)
}

// readNPYStart reads everything up to the elements.
func readNPYStart(r io.Reader) ([]byte, error) {
	start := make([]byte, 12, 256) // magic, version, length of a version 2 header
	if _, err := io.ReadFull(r, start[:10]); err != nil {
		return nil, corrupt("npy header: %w", err)
	}
	if string(start[:6]) != npyMagic {
		return nil, corrupt("npy header: magic %q, want %q", start[:6], npyMagic)
	}
	var n int
	switch version := start[6]; version {
	case 1:
		start = start[:10]
		n = int(binary.LittleEndian.Uint16(start[8:]))
	case 2:
		if _, err := io.ReadFull(r, start[10:]); err != nil {
			return nil, corrupt("npy header: %w", err)
		}
		n = int(min(binary.LittleEndian.Uint32(start[8:]), maxNPYHeader+1))
	default:
		return nil, fmt.Errorf("npy version %d is not supported: save the array with version 1 or 2", version)
	}
	if n > maxNPYHeader {
		return nil, corrupt("npy header of more than %d bytes", maxNPYHeader)
	}
	start = append(start, make([]byte, n)...)
	if _, err := io.ReadFull(r, start[len(start)-n:]); err != nil {
		return nil, corrupt("npy header: %w", err)
	}
	return start, nil
}

// parseNPYHeader calls npyio, which panics on many malformed headers.
func parseNPYHeader(start []byte) (header npy.Header, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt("npy header: %v", p)
		}
	}()
	r, err := npy.NewReader(bytes.NewReader(start))
	if err != nil {
		return header, corrupt("npy header: %w", err)
	}
	return r.Header, nil
}

// expectEOF reads the end of r, where archives compare their checksum.
func expectEOF(r io.Reader) error {
	var one [1]byte
	n, err := io.ReadFull(r, one[:])
	if n > 0 {
		return corrupt("more bytes than its size says")
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// rowMajor reorders the elements of a column-major ("Fortran") array: the first
// index varies fastest in data, the last one in the result.
func rowMajor(data []byte, shape []int, size int) []byte {
	strides := make([]int, len(shape))
	stride := 1
	for d, dim := range shape {
		strides[d] = stride
		stride *= dim
	}
	return gather(data, shape, strides, size)
}

// gather returns the elements of a shape in row-major order: element i, j, ... is
// that number i*strides[0] + j*strides[1] + ... of data, each of size bytes.
func gather(data []byte, shape, strides []int, size int) []byte {
	n := size
	for _, dim := range shape {
		n *= dim
	}
	out := make([]byte, 0, n)
	index := make([]int, len(shape))
	at := 0
	for len(out) < n {
		out = append(out, data[at:at+size]...)
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			at += strides[d] * size
			if index[d] < shape[d] {
				break
			}
			at -= strides[d] * shape[d] * size
			index[d] = 0
		}
	}
	return out
}

// writeNPY writes t as version 1. NumPy has no bfloat16: such a tensor is
// widened to float32, exactly.
func writeNPY(w io.Writer, t Tensor) error {
	if t.Dtype == BFloat16 {
		t = New(t.Name, t.Shape, widen(t.Data, bfloat16ToFloat32))
	}
	if _, err := w.Write(npyStart(t)); err != nil {
		return err
	}
	_, err := w.Write(t.Data)
	return err
}

func npyStart(t Tensor) []byte {
	var shape strings.Builder
	for _, dim := range t.Shape {
		fmt.Fprintf(&shape, "%d,", dim) // "(3,)" and "(2,3,)" are tuples, "(3)" is not
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtypes[t.Dtype].npy, shape.String())
	const fixed = len(npyMagic) + 4 // version and length
	length := (fixed+len(header)+1+npyAlign-1)/npyAlign*npyAlign - fixed
	start := append([]byte(npyMagic), 1, 0)
	start = binary.LittleEndian.AppendUint16(start, uint16(length))
	return fmt.Appendf(start, "%-*s\n", length-1, header)
}
