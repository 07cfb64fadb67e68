package point

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// ply is the header of a PLY file: groups of things and what is stored of each.
type ply struct {
	order    binary.ByteOrder // nil in text
	elements []plyElement
}

type plyElement struct {
	name       string
	count      int
	properties []plyProperty
}

// plyProperty is a number, or a list of them behind its length.
type plyProperty struct {
	name   string
	list   bool
	length scalar
	value  scalar
}

// decodePLY reads the vertices of a PLY file of version 1.0, text or binary.
func decodePLY(file []byte, dst *Cloud) error {
	h, body, err := parsePLY(file)
	if err != nil {
		return fmt.Errorf("PLY header: %w", err)
	}
	for i := range h.elements {
		e := &h.elements[i]
		switch {
		case e.name == "vertex" && h.order == nil:
			return e.decodeText(&lines{rest: body}, dst)
		case e.name == "vertex":
			return e.decodeBinary(body, h.order, dst)
		case h.order == nil:
			body, err = skipLines(body, e.count)
		default:
			body, err = e.skip(body, h.order)
		}
		if err != nil {
			return fmt.Errorf("skip %d of %.40q: %w", e.count, e.name, err)
		}
	}
	return fmt.Errorf("PLY header: no element vertex")
}

// parsePLY reads the header; body is what follows it.
func parsePLY(file []byte) (h ply, body []byte, err error) {
	text := lines{rest: file}
	format := false
	for {
		line, ok := text.next()
		if !ok {
			return h, nil, fmt.Errorf("no line end_header: the file is cut off")
		}
		words := bytes.Fields(line)
		switch string(words[0]) {
		case "end_header":
			if !format {
				return h, nil, fmt.Errorf("no line format")
			}
			return h, text.rest, nil
		case "format":
			format = true
			err = h.parseFormat(words[1:])
		case "element":
			err = h.parseElement(words[1:])
		case "property":
			err = h.parseProperty(words[1:])
		}
		if err != nil {
			return h, nil, fmt.Errorf("line %d: %w", text.line, err)
		}
	}
}

func (h *ply) parseFormat(words [][]byte) error {
	switch string(bytes.Join(words, []byte{' '})) {
	case "ascii 1.0":
	case "binary_little_endian 1.0":
		h.order = binary.LittleEndian
	case "binary_big_endian 1.0":
		h.order = binary.BigEndian
	default:
		return fmt.Errorf("format %.40q: want ascii, binary_little_endian or binary_big_endian, version 1.0", words)
	}
	return nil
}

func (h *ply) parseElement(words [][]byte) error {
	if len(words) != 2 || len(h.elements) >= maxFields {
		return fmt.Errorf("element %.80q: want a name and a number, and at most %d elements", words, maxFields)
	}
	count, err := integer(words[1], 0, 1<<40)
	h.elements = append(h.elements, plyElement{name: string(words[0]), count: count})
	return err
}

func (h *ply) parseProperty(words [][]byte) error {
	if len(h.elements) == 0 {
		return fmt.Errorf("property ahead of any element")
	}
	e := &h.elements[len(h.elements)-1]
	var p plyProperty
	if len(words) == 4 && string(words[0]) == "list" {
		p.list, p.length, words = true, plyScalar(words[1]), words[2:]
	}
	if len(words) != 2 || len(e.properties) >= maxFields {
		return fmt.Errorf("property %.80q: want a type and a name, and at most %d properties", words, maxFields)
	}
	p.value, p.name = plyScalar(words[0]), string(words[1])
	if !p.value.valid() || p.list && (!p.length.valid() || p.length.kind == 'F') {
		return fmt.Errorf("property %.40q of an unknown type", p.name)
	}
	e.properties = append(e.properties, p)
	return nil
}

// plyScalar returns the type of a name, and an invalid one of an unknown name.
func plyScalar(name []byte) scalar {
	switch string(name) {
	case "char", "int8":
		return scalar{'I', 1}
	case "uchar", "uint8":
		return scalar{'U', 1}
	case "short", "int16":
		return scalar{'I', 2}
	case "ushort", "uint16":
		return scalar{'U', 2}
	case "int", "int32":
		return scalar{'I', 4}
	case "uint", "uint32":
		return scalar{'U', 4}
	case "float", "float32":
		return scalar{'F', 4}
	case "double", "float64":
		return scalar{'F', 8}
	}
	return scalar{}
}

// axes finds x, y and z among the properties: their columns in text, and in records.
func (e *plyElement) axes() (text [3]int, records [3]column, err error) {
	found, stride := 0, 0
	for i, p := range e.properties {
		if p.list {
			return text, records, fmt.Errorf("vertices have a list %q: save them without", p.name)
		}
		if k := bytes.IndexByte([]byte("xyz"), p.name[0]); k >= 0 && len(p.name) == 1 {
			text[k], records[k] = i, column{scalar: p.value, start: stride}
			found |= 1 << k
		}
		stride += p.value.size
	}
	if found != 7 {
		return text, records, fmt.Errorf("vertices have no x, y and z")
	}
	for k := range records {
		records[k].step = stride
	}
	return text, records, nil
}

func (e *plyElement) decodeText(text *lines, dst *Cloud) error {
	at, _, err := e.axes()
	if err != nil {
		return err
	}
	if e.count > maxPoints {
		return fmt.Errorf("%d vertices: want at most %d", e.count, maxPoints)
	}
	return decodeRows(text, e.count, at, dst)
}

func (e *plyElement) decodeBinary(body []byte, order binary.ByteOrder, dst *Cloud) error {
	_, axes, err := e.axes()
	if err != nil {
		return err
	}
	return decodeColumns(body, e.count, axes, order, dst)
}

// skipLines cuts n lines off a text.
func skipLines(text []byte, n int) ([]byte, error) {
	l := lines{rest: text}
	for range n {
		if _, ok := l.next(); !ok {
			return nil, fmt.Errorf("the file is cut off")
		}
	}
	return l.rest, nil
}

// skip cuts the element off a body.
func (e *plyElement) skip(body []byte, order binary.ByteOrder) ([]byte, error) {
	if len(e.properties) == 0 {
		return body, nil
	}
	for range e.count {
		for _, p := range e.properties {
			size := p.value.size
			if p.list {
				if len(body) < p.length.size {
					return nil, fmt.Errorf("the file is cut off")
				}
				n := p.length.read(body, order)
				if !(n >= 0 && n <= float64(len(body))) {
					return nil, fmt.Errorf("a list of %g values: the file is damaged", n)
				}
				body, size = body[p.length.size:], int(n)*size
			}
			if size > len(body) {
				return nil, fmt.Errorf("the file is cut off")
			}
			body = body[size:]
		}
	}
	return body, nil
}
