package point

import (
	"bytes"
	"fmt"
)

// decodeOFF reads a mesh in the Object File Format, its first line as it should be
// ("OFF") or with the numbers of vertices and faces glued to it ("OFF8 6 0"), as in
// ModelNet. Without faces its vertices are the cloud.
func decodeOFF(file []byte, seed uint64, dst *Cloud) error {
	text := lines{rest: file}
	vertices, faces, err := parseOFF(&text)
	if err != nil {
		return fmt.Errorf("OFF header: %w", err)
	}
	if err := decodeRows(&text, vertices, [3]int{0, 1, 2}, dst); err != nil {
		return err
	}
	if faces == 0 {
		return nil
	}
	if err := dst.check(); err != nil {
		return err
	}
	dst.mesh.begin(dst.XYZ)
	for i := range faces {
		line, ok := text.next()
		if !ok {
			return fmt.Errorf("%d faces of %d: the file is cut off", i, faces)
		}
		if err := dst.mesh.addFace(line); err != nil {
			return fmt.Errorf("face %d: %w", i, err)
		}
	}
	return dst.mesh.sample(seed, dst)
}

// parseOFF reads the numbers of vertices and faces. The least of a vertex is "0 0 0"
// and a line's end, of a face "0" and that.
func parseOFF(text *lines) (vertices, faces int, err error) {
	size := len(text.rest)
	line, _ := text.next()
	line = bytes.TrimLeft(line, "CNOF")
	if len(bytes.TrimSpace(line)) == 0 {
		line, _ = text.next()
	}
	v, rest := word(line)
	f, _ := word(rest)
	if vertices, err = integer(v, 1, min(size/6+1, maxPoints)); err != nil {
		return 0, 0, fmt.Errorf("vertices: %w", err)
	}
	if faces, err = integer(f, 0, size/2+1); err != nil {
		return 0, 0, fmt.Errorf("faces: %w", err)
	}
	return vertices, faces, nil
}
