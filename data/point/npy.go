package point

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/sbinet/npyio"
)

const npyMagic = "\x93NUMPY"

// array is where an array of NumPy's stands in a file, and what it is.
type array struct {
	scalar
	shape []int
	start int // of the values
}

// parseNPY reads the header of an npy file from its beginning.
func parseNPY(head []byte) (a array, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser trips over hostile headers
			err = fmt.Errorf("npy header: not an npy file, or a damaged one: %v", p)
		}
	}()
	if len(head) >= 12 && head[6] > 1 && int64(binary.LittleEndian.Uint32(head[8:])) > int64(len(head)) {
		return a, fmt.Errorf("npy header: longer than the file, or than %d bytes", maxHead)
	}
	rest := bytes.NewReader(head)
	r, err := npyio.NewReader(rest)
	if err != nil {
		return a, fmt.Errorf("npy header: %w", err)
	}
	d := r.Header.Descr
	a = array{npyScalar(d.Type), d.Shape, len(head) - rest.Len()}
	if !a.valid() || d.Fortran {
		return a, fmt.Errorf("npy header: values of %.40q, Fortran order %v: want little endian numbers in C order", d.Type, d.Fortran)
	}
	return a, nil
}

// maxHead is as much of a file as an npy header can be looked for in.
const maxHead = 1 << 16

// npyScalar returns the type of a dtype, and an invalid one of an unknown dtype.
func npyScalar(dtype string) scalar {
	if len(dtype) != 3 || dtype[0] != '<' && dtype[0] != '|' {
		return scalar{}
	}
	kind := map[byte]byte{'f': 'F', 'i': 'I', 'u': 'U'}[dtype[1]]
	return scalar{kind, int(dtype[2] - '0')}
}

// decodeNPY reads an array [n, 3 or more] of float32 or float64.
func decodeNPY(file []byte, dst *Cloud) error {
	a, err := parseNPY(file)
	if err != nil {
		return err
	}
	if a.kind != 'F' || len(a.shape) != 2 || a.shape[0] < 1 || a.shape[1] < 3 || a.shape[1] > len(file) {
		return fmt.Errorf("array of %c%d with shape %v: want floats, [points, 3 or more]", a.kind, a.size, a.shape)
	}
	var axes [3]column
	for k := range axes {
		axes[k] = column{a.scalar, k * a.size, a.shape[1] * a.size}
	}
	return decodeColumns(file[a.start:], a.shape[0], axes, binary.LittleEndian, dst)
}
