package point

import (
	"encoding/binary"
	"fmt"
	"math"
)

// scalar is how a number is stored in a binary file.
type scalar struct {
	kind byte // 'F', 'I' or 'U', as in PCD: floating point, signed, unsigned
	size int  // bytes
}

// valid tells whether there is such a number.
func (s scalar) valid() bool {
	switch s.size {
	case 1, 2:
		return s.kind == 'I' || s.kind == 'U'
	case 4, 8:
		return s.kind == 'I' || s.kind == 'U' || s.kind == 'F'
	}
	return false
}

// read returns the number at the beginning of b.
func (s scalar) read(b []byte, order binary.ByteOrder) float64 {
	var u uint64
	switch s.size {
	case 1:
		u = uint64(b[0])
	case 2:
		u = uint64(order.Uint16(b))
	case 4:
		u = uint64(order.Uint32(b))
	default:
		u = order.Uint64(b)
	}
	unused := 64 - 8*s.size
	switch {
	case s.kind == 'U':
		return float64(u)
	case s.kind == 'I':
		return float64(int64(u<<unused) >> unused)
	case s.size == 4:
		return float64(math.Float32frombits(uint32(u)))
	}
	return math.Float64frombits(u)
}

// column is where the numbers of all points for one axis stand: the first one at
// start, the others step bytes after one another.
type column struct {
	scalar
	start, step int
}

// end is behind the last of n records, n at most maxPoints.
func (c column) end(n int) int { return max(c.start+(n-1)*c.step+c.size, n*c.step) }

// decodeColumns reads n points, each number of which has to lie in body.
func decodeColumns(body []byte, n int, axes [3]column, order binary.ByteOrder, dst *Cloud) error {
	if n == 0 {
		return nil
	}
	if n < 0 || n > maxPoints {
		return fmt.Errorf("%d points: want 1 to %d", n, maxPoints)
	}
	for _, c := range axes {
		if c.start < 0 || c.step < 0 || c.step > len(body) || c.end(n) > len(body) {
			return fmt.Errorf("%d bytes of values for %d points of %d bytes: the file is cut off", len(body), n, c.step)
		}
	}
	dst.Resize(n, false)
	for k, c := range axes {
		for i, at := 0, c.start; i < n; i, at = i+1, at+c.step {
			dst.XYZ[3*i+k] = float32(c.read(body[at:], order))
		}
	}
	return nil
}
