package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// A safetensors file is the length of the header (uint64), the header in JSON,
// padded with blanks to a multiple of 8 bytes, and the bytes of the tensors,
// one after another without holes. The header maps each name to
// {"dtype", "shape", "data_offsets": [begin, end]}, offsets counted from the
// end of the header, and "__metadata__" to an object of strings.
const (
	maxSafetensorsHeader = 100_000_000 // bytes; the limit of the format
	safetensorsMetadata  = "__metadata__"
)

// readSafetensors reads a file of size bytes from r, and writes all that it has
// read to seen. Nothing beyond the header is allocated before the header is known
// to fit that size.
func readSafetensors(r io.ReaderAt, size int64, seen io.Writer) (*Tensors, error) {
	header, err := readSafetensorsHeader(io.TeeReader(io.NewSectionReader(r, 0, size), seen), size)
	if err != nil {
		return nil, err
	}
	ts := &Tensors{}
	spans, err := parseSafetensorsHeader(header, &ts.Metadata)
	if err != nil {
		return nil, err
	}
	bodySize := size - 8 - int64(len(header))
	if err := checkSpans(spans, bodySize); err != nil {
		return nil, err
	}
	body := make([]byte, bodySize)
	if err := fill(r, body, size-bodySize); err != nil {
		return nil, fmt.Errorf("read tensors: %w", err)
	}
	if _, err := seen.Write(body); err != nil {
		return nil, err
	}
	for _, s := range spans {
		s.tensor.Data = body[s.begin:s.end:s.end]
		if err := ts.Add(s.tensor); err != nil {
			return nil, corrupt("%w", err)
		}
	}
	return ts, nil
}

func readSafetensorsHeader(r io.Reader, size int64) ([]byte, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, corrupt("%d bytes are too few for a safetensors file", size)
	}
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, fmt.Errorf("read header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxSafetensorsHeader || int64(n) > size-8 {
		return nil, corrupt("header of %d bytes in a file of %d, the limit is %d", n, size, maxSafetensorsHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	return header, nil
}

// span is a tensor of the header and where its data lies in the body.
type span struct {
	tensor     Tensor
	begin, end int64
}

// checkSpans puts spans in file order and makes sure that they cover the body
// exactly: no overlap, no hole, nothing after them.
func checkSpans(spans []span, bodySize int64) error {
	slices.SortStableFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	for _, s := range spans {
		n, err := byteSize(s.tensor.Dtype, s.tensor.Shape)
		if err != nil {
			return corrupt("tensor %q: %w", s.tensor.Name, err)
		}
		if s.begin != at || s.end-s.begin != int64(n) {
			return corrupt("tensor %q: data at %d to %d, want %d to %d", s.tensor.Name, s.begin, s.end, at, at+int64(n))
		}
		at = s.end
	}
	if at != bodySize {
		return corrupt("tensors of %d bytes in a file that holds %d", at, bodySize)
	}
	return nil
}

// writeSafetensors writes ts to w. Tensors with larger elements come first, so
// that each is aligned; within one size they keep their order.
func writeSafetensors(w io.Writer, ts *Tensors) error {
	list := slices.SortedStableFunc(ts.All(), func(a, b Tensor) int {
		return cmp.Compare(b.Dtype.Size(), a.Dtype.Size())
	})
	header, err := safetensorsHeader(list, ts.Metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range list {
		if _, err := w.Write(t.Data); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// safetensorsHeader returns the length and the padded header of a file that
// holds list in that order.
func safetensorsHeader(list []Tensor, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8)) // the length, known at the end
	separator := byte('{')
	field := func(name string, value any) {
		b.WriteByte(separator)
		separator = ','
		b.Write(mustJSON(name))
		b.WriteByte(':')
		b.Write(mustJSON(value))
	}
	if len(metadata) > 0 {
		field(safetensorsMetadata, metadata)
	}
	at := 0
	for _, t := range list {
		if t.Name == safetensorsMetadata {
			return nil, fmt.Errorf("tensor %q: the name is reserved, rename it", t.Name)
		}
		field(t.Name, struct {
			Dtype   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{dtypes[t.Dtype].safetensors, append([]int{}, t.Shape...), [2]int{at, at + len(t.Data)}})
		at += len(t.Data)
	}
	if separator == '{' {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	b.WriteString("       "[:-b.Len()&7])
	header := b.Bytes()
	if len(header)-8 > maxSafetensorsHeader {
		return nil, fmt.Errorf("header of %d bytes, the limit of safetensors is %d", len(header)-8, maxSafetensorsHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and integers always have a JSON form
	}
	return text
}
