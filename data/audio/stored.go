package audio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path"
	"path/filepath"
	"strings"

	"github.com/sbinet/npyio"

	"m2pt/internal/philox"
)

// stored is a signal whose spectrogram lies in a file.
type stored struct {
	*dataset
	rows []float32 // [frames, M]
	file []byte
}

func (s *stored) load(i int, _ *philox.Rand) (err error) {
	base := path.Base(filepath.ToSlash(s.Name(i)))
	file := filepath.Join(s.opt.Filterbanks, strings.TrimSuffix(base, path.Ext(base))+".npy")
	if s.file, err = readFile(file, s.file); err == nil {
		s.rows, err = decodeNPY(s.rows[:0], s.file, s.opt.Mels)
	}
	if err != nil {
		return fmt.Errorf("load filterbank %s: %w", file, err)
	}
	return nil
}

// mix counts rows that other does not have as 0, as padding does.
func (s *stored) mix(other signal, lam float32) {
	rows := other.(*stored).rows
	for i := range s.rows {
		s.rows[i] *= lam
		if i < len(rows) {
			s.rows[i] += (1 - lam) * rows[i]
		}
	}
}

func (s *stored) logMel(dst []float32) error {
	clear(dst[copy(dst, s.rows):])
	return nil
}

// decodeNPY appends the array [frames, mels] in a .npy file to dst.
func decodeNPY(dst []float32, file []byte, mels int) (_ []float32, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser trips over hostile headers
			err = fmt.Errorf("not a .npy file, or a damaged one: %v", p)
		}
	}()
	if len(file) >= 12 && file[6] > 1 && int64(binary.LittleEndian.Uint32(file[8:])) > int64(len(file)) {
		return dst, fmt.Errorf("the header is longer than the file: the file is cut off")
	}
	rest := bytes.NewReader(file)
	array, err := npyio.NewReader(rest)
	if err != nil {
		return dst, err
	}
	d := array.Header.Descr
	width := map[string]int{"<f4": 4, "<f8": 8}[d.Type]
	if width == 0 || d.Fortran || len(d.Shape) != 2 || d.Shape[0] < 1 || d.Shape[1] != mels {
		return dst, fmt.Errorf("array of %q with shape %v, Fortran order %v: want \"<f4\" or \"<f8\", [frames %d], C order", d.Type, d.Shape, d.Fortran, mels)
	}
	if d.Shape[0] > rest.Len()/(mels*width) {
		return dst, fmt.Errorf("shape %v, but %d bytes of values: the file is cut off", d.Shape, rest.Len())
	}
	return appendFloats(dst, file[len(file)-rest.Len():][:d.Shape[0]*mels*width], width)
}

// appendFloats appends little-endian floats of width 4 or 8 bytes.
func appendFloats(dst []float32, raw []byte, width int) ([]float32, error) {
	for at := 0; at < len(raw); at += width {
		v := float(raw[at:], width)
		if !(math.Abs(v) <= math.MaxFloat32) {
			return dst, fmt.Errorf("value %d is %g", len(dst), v)
		}
		dst = append(dst, float32(v))
	}
	return dst, nil
}
