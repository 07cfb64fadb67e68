package point

import "fmt"

// maxLZFRatio is the most that LZF makes of a byte: 264 of three.
const maxLZFRatio = 88

// decompressLZF returns the size bytes that packed holds in the format of LibLZF: a
// byte below 32 says how many bytes, less one, stand as they are behind it; any
// other begins a copy of what came before, 3 bits of its length and 5 of its
// distance, whose other 8 bits follow (a length of 7 has a byte more ahead of them).
func decompressLZF(packed []byte, size int64) ([]byte, error) {
	if size > maxLZFRatio*int64(len(packed)) {
		return nil, fmt.Errorf("%d bytes cannot hold %d compressed ones: the header is damaged", len(packed), size)
	}
	damaged := fmt.Errorf("compressed values are damaged: want %d bytes", size)
	out := make([]byte, 0, size)
	for len(packed) > 0 {
		code := int(packed[0])
		packed = packed[1:]
		if code < 32 {
			n := code + 1
			if n > len(packed) || len(out)+n > int(size) {
				return nil, damaged
			}
			out, packed = append(out, packed[:n]...), packed[n:]
			continue
		}
		n := code>>5 + 2
		if n == 9 && len(packed) > 0 {
			n, packed = n+int(packed[0]), packed[1:]
		}
		if len(packed) == 0 {
			return nil, damaged
		}
		from := len(out) - (code&31<<8 | int(packed[0])) - 1
		packed = packed[1:]
		if from < 0 || len(out)+n > int(size) {
			return nil, damaged
		}
		for i := range n { // the copy may overlap what it makes
			out = append(out, out[from+i])
		}
	}
	if len(out) != int(size) {
		return nil, damaged
	}
	return out, nil
}
