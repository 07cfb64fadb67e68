package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// headerParser walks the JSON of a safetensors header token by token: unlike
// decoding into maps that notices repeated keys, which two programs could read
// differently, and it allocates little more than the tensors it finds.
type headerParser struct{ *json.Decoder }

// parseSafetensorsHeader returns the tensors of the header, without their data
// and in the order of the header, and sets metadata where there is some.
func parseSafetensorsHeader(header []byte, metadata *map[string]string) ([]span, error) {
	if !utf8.Valid(header) {
		return nil, corrupt("header is not UTF-8")
	}
	p := headerParser{json.NewDecoder(bytes.NewReader(header))}
	p.UseNumber()
	var spans []span
	err := p.object(func(name string) (err error) {
		if name == safetensorsMetadata {
			*metadata, err = p.strings()
			return err
		}
		s, err := p.tensor(name)
		spans = append(spans, s)
		return err
	})
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return spans, nil
}

// tensor reads {"dtype": d, "shape": [...], "data_offsets": [begin, end]}.
func (p headerParser) tensor(name string) (span, error) {
	s := span{tensor: Tensor{Name: name}}
	var offsets []int
	fields := 0
	err := p.object(func(field string) (err error) {
		fields++
		switch field {
		case "dtype":
			s.tensor.Dtype, err = p.dtype()
		case "shape":
			s.tensor.Shape, err = p.integers()
		case "data_offsets":
			offsets, err = p.integers()
		default:
			err = corrupt("unknown field %q", field)
		}
		return err
	})
	if err != nil {
		return s, fmt.Errorf("tensor %q: %w", name, err)
	}
	if fields != 3 || len(offsets) != 2 {
		return s, corrupt("tensor %q: want dtype, shape and two data_offsets", name)
	}
	s.begin, s.end = int64(offsets[0]), int64(offsets[1])
	return s, nil
}

// object reads {"key": value, ...}: value is called after each key and reads
// what follows it.
func (p headerParser) object(value func(key string) error) error {
	if err := p.delimiter('{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for p.More() {
		key, err := p.string()
		if err != nil {
			return err
		}
		if seen[key] {
			return corrupt("%q appears twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return p.delimiter('}')
}

func (p headerParser) strings() (map[string]string, error) {
	m := make(map[string]string)
	err := p.object(func(key string) (err error) {
		m[key], err = p.string()
		return err
	})
	return m, err
}

func (p headerParser) dtype() (Dtype, error) {
	name, err := p.string()
	if err != nil {
		return 0, err
	}
	d, ok := dtypeOfSafetensors(name)
	if !ok {
		return 0, fmt.Errorf("dtype %q is not supported: convert the file to F32, F16 or BF16", name)
	}
	return d, nil
}

// integers reads an array of at most maxRank natural numbers.
func (p headerParser) integers() ([]int, error) {
	if err := p.delimiter('['); err != nil {
		return nil, err
	}
	var list []int
	for p.More() {
		token, err := p.token()
		if err != nil {
			return nil, err
		}
		number, _ := token.(json.Number)
		n, err := strconv.ParseUint(number.String(), 10, strconv.IntSize-1)
		if err != nil || len(list) == maxRank {
			return nil, corrupt("%v after %v, want at most %d natural numbers", token, list, maxRank)
		}
		list = append(list, int(n))
	}
	return list, p.delimiter(']')
}

func (p headerParser) string() (string, error) {
	token, err := p.token()
	if err != nil {
		return "", err
	}
	s, ok := token.(string)
	if !ok {
		return "", corrupt("%v at byte %d, want a string", token, p.InputOffset())
	}
	return s, nil
}

func (p headerParser) delimiter(want json.Delim) error {
	token, err := p.token()
	if err == nil && token != want {
		err = corrupt("%v at byte %d, want %v", token, p.InputOffset(), want)
	}
	return err
}

func (p headerParser) token() (json.Token, error) {
	token, err := p.Token()
	if err != nil {
		return nil, corrupt("byte %d: %w", p.InputOffset(), err)
	}
	return token, nil
}

// end makes sure that only blanks follow.
func (p headerParser) end() error {
	if _, err := p.Token(); !errors.Is(err, io.EOF) {
		return corrupt("more after its closing brace, at byte %d", p.InputOffset())
	}
	return nil
}
