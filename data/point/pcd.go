package point

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
)

// pcd is the header of a PCD file: the names of the values of a point, how they are
// stored, and how many there are of each.
type pcd struct {
	names  []string
	types  []scalar
	counts []int
	points int
	data   string // ascii, binary or binary_compressed
}

// maxFields bounds the values of a point that files may have.
const maxFields = 256

// decodePCD reads a file of the Point Cloud Library, version 0.7.
func decodePCD(file []byte, dst *Cloud) error {
	h, body, err := parsePCD(file)
	if err != nil {
		return fmt.Errorf("PCD header: %w", err)
	}
	switch h.data {
	case "ascii":
		return h.decodeText(body, dst)
	case "binary":
		axes, _ := h.axes(1)
		return decodeColumns(body, h.points, axes, binary.LittleEndian, dst)
	case "binary_compressed":
		return h.decodeCompressed(body, dst)
	}
	return fmt.Errorf("PCD header: data %.40q: want ascii, binary or binary_compressed", h.data)
}

// parsePCD reads the header; body is what follows it.
func parsePCD(file []byte) (h pcd, body []byte, err error) {
	text := lines{rest: file}
	width, height := -1, 1
	h.points = -1
	for h.data == "" {
		line, ok := text.next()
		if !ok {
			return h, nil, fmt.Errorf("no line DATA: not a PCD file, or cut off")
		}
		key, rest := word(line)
		values := bytes.Fields(rest)
		if len(values) == 0 || len(values) > maxFields {
			return h, nil, fmt.Errorf("%.40q has %d values: want 1 to %d", key, len(values), maxFields)
		}
		switch string(key) {
		case "WIDTH":
			width, err = integer(values[0], 0, maxPoints)
		case "HEIGHT":
			height, err = integer(values[0], 0, maxPoints)
		default:
			err = h.set(string(key), values)
		}
		if err != nil {
			return h, nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if h.points < 0 {
		h.points = width * height
	}
	return h, text.rest, h.check()
}

// set takes in a line of the header.
func (h *pcd) set(key string, values [][]byte) (err error) {
	switch key {
	case "FIELDS":
		*h = pcd{points: h.points, types: make([]scalar, len(values))}
		for _, v := range values {
			h.names = append(h.names, string(v))
		}
	case "TYPE", "SIZE", "COUNT":
		return h.setFields(key, values)
	case "POINTS":
		h.points, err = integer(values[0], 0, maxPoints)
	case "DATA":
		h.data = string(values[0])
	}
	return err
}

// setFields takes in a value for each field.
func (h *pcd) setFields(key string, values [][]byte) (err error) {
	if len(values) != len(h.names) {
		return fmt.Errorf("%d values for %d fields", len(values), len(h.names))
	}
	if key == "COUNT" {
		h.counts = make([]int, len(values))
	}
	for i, v := range values {
		switch key {
		case "TYPE":
			h.types[i].kind = v[0]
		case "SIZE":
			h.types[i].size, err = integer(v, 1, 8)
		case "COUNT":
			h.counts[i], err = integer(v, 0, 1<<16)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check makes sure that there are points with places.
func (h *pcd) check() error {
	if h.counts == nil {
		h.counts = make([]int, len(h.names))
		for i := range h.counts {
			h.counts[i] = 1
		}
	}
	if h.points < 0 || h.points > maxPoints {
		return fmt.Errorf("%d points: want 1 to %d", h.points, maxPoints)
	}
	_, err := h.axes(1)
	return err
}

// axes finds x, y and z in blocks of each field, n points long. Files that are not
// compressed have a block for each point.
func (h *pcd) axes(n int) (axes [3]column, err error) {
	found, stride := 0, 0
	for i, name := range h.names {
		t := h.types[i]
		if k := bytes.IndexByte([]byte("xyz"), name[0]); k >= 0 && len(name) == 1 {
			if !t.valid() || h.counts[i] != 1 {
				return axes, fmt.Errorf("field %s: %d values of type %c, %d bytes each: want one value of F4, F8, I or U", name, h.counts[i], t.kind, t.size)
			}
			axes[k] = column{scalar: t, start: stride}
			found |= 1 << k
		}
		stride += t.size * h.counts[i] * n
	}
	if found != 7 {
		return axes, fmt.Errorf("fields %v: want x, y and z among them", h.names)
	}
	for k := range axes {
		axes[k].step = stride
		if n > 1 {
			axes[k].step = axes[k].size
		}
	}
	return axes, nil
}

// stride is the bytes of a point.
func (h *pcd) stride() (n int64) {
	for i, t := range h.types {
		n += int64(t.size) * int64(h.counts[i])
	}
	return n
}

// decodeText reads a line of values for each point.
func (h *pcd) decodeText(body []byte, dst *Cloud) error {
	var at [3]int
	columns := 0
	for i, name := range h.names {
		if k := bytes.IndexByte([]byte("xyz"), name[0]); k >= 0 && len(name) == 1 {
			at[k] = columns
		}
		columns += h.counts[i]
	}
	if columns > maxFields {
		return fmt.Errorf("%d values for a point: want at most %d", columns, maxFields)
	}
	return decodeRows(&lines{rest: body}, h.points, at, dst)
}

// decodeRows reads n lines of text, whose columns at are x, y and z.
func decodeRows(text *lines, n int, at [3]int, dst *Cloud) error {
	row := make([]float64, max(at[0], at[1], at[2])+1)
	for range n {
		line, ok := text.next()
		if !ok {
			return fmt.Errorf("%d points of %d: the file is cut off", dst.Len(), n)
		}
		k, err := numbers(line, row)
		if err == nil && k < len(row) {
			err = fmt.Errorf("%d numbers, want %d", k, len(row))
		}
		if err != nil {
			return fmt.Errorf("point %d: %w", dst.Len(), err)
		}
		dst.add(row[at[0]], row[at[1]], row[at[2]])
	}
	return nil
}

// decodeCompressed reads a body that LZF compressed: its sizes before and after, and
// then all values of the first field, all of the second, ...
func (h *pcd) decodeCompressed(body []byte, dst *Cloud) error {
	if len(body) < 8 {
		return fmt.Errorf("%d bytes of compressed values: the file is cut off", len(body))
	}
	packed, size := int64(binary.LittleEndian.Uint32(body)), int64(binary.LittleEndian.Uint32(body[4:]))
	if body = body[8:]; packed > int64(len(body)) {
		return fmt.Errorf("%d bytes of compressed values, want %d: the file is cut off", len(body), packed)
	}
	if want := h.stride() * int64(h.points); size != want || size > maxFile {
		return fmt.Errorf("%d bytes of values, want %d for %d points, and at most %d: the header is damaged", size, want, h.points, maxFile)
	}
	values, err := decompressLZF(body[:packed], size)
	if err != nil {
		return err
	}
	axes, err := h.axes(max(h.points, 1))
	if err != nil {
		return err
	}
	return decodeColumns(values, h.points, axes, binary.LittleEndian, dst)
}

// integer reads a whole number from lo to hi.
func integer(text []byte, lo, hi int) (int, error) {
	v, err := strconv.Atoi(string(text))
	if err != nil || v < lo || v > hi {
		return 0, fmt.Errorf("%.40q: want a whole number from %d to %d", text, lo, hi)
	}
	return v, nil
}
