package point

import (
	"bytes"
	"fmt"
	"strconv"
)

// lines are what is left of a text, read line by line.
type lines struct {
	rest []byte
	line int // number of the last one, from 1
}

// next returns the next line that has more than space and comments in it, which # or
// // begin; ok is false at the end.
func (l *lines) next() (line []byte, ok bool) {
	for len(l.rest) > 0 {
		line, l.rest, _ = bytes.Cut(l.rest, []byte{'\n'})
		l.line++
		if at := bytes.IndexByte(line, '#'); at >= 0 {
			line = line[:at]
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			return line, true
		}
	}
	return nil, false
}

// word cuts the first word off a line. Space, commas and semicolons stand between
// words.
func word(line []byte) (first, rest []byte) {
	from := 0
	for from < len(line) && separates(line[from]) {
		from++
	}
	to := from
	for to < len(line) && !separates(line[to]) {
		to++
	}
	return line[from:to], line[to:]
}

func separates(b byte) bool { return b <= ' ' || b == ',' || b == ';' }

// numbers reads the first words of a line, at most len(dst), and returns how many
// there are. One that is no number is an error.
func numbers(line []byte, dst []float64) (n int, err error) {
	for n < len(dst) {
		var w []byte
		if w, line = word(line); len(w) == 0 {
			return n, nil
		}
		if dst[n], err = strconv.ParseFloat(string(w), 64); err != nil {
			return n, fmt.Errorf("%.40q is not a number", w)
		}
		n++
	}
	return n, nil
}

// decodeText reads a line of text for each point: x, y, z, and columns that do not
// count. The first line may hold names of columns, or the number of points alone.
func decodeText(file []byte, dst *Cloud) error {
	text := lines{rest: file}
	for first := true; ; first = false {
		line, ok := text.next()
		if !ok {
			return nil
		}
		var p [3]float64
		n, err := numbers(line, p[:])
		switch {
		case first && (n == 0 || n == 1 && err == nil):
			continue
		case err == nil && n < 3:
			err = fmt.Errorf("%d numbers, want at least x, y and z", n)
		case dst.Len() == maxPoints:
			return errTooMany
		}
		if err != nil {
			return fmt.Errorf("line %d: %w: not a point cloud of a known format, or a damaged one", text.line, err)
		}
		dst.add(p[0], p[1], p[2])
	}
}

// decodeParts reads lines of numbers, the first three of which are x, y and z and
// the last a part.
func decodeParts(file []byte, dst *Cloud) error {
	text := lines{rest: file}
	for {
		line, ok := text.next()
		if !ok {
			return nil
		}
		var row [16]float64
		n, err := numbers(line, row[:])
		switch part := row[max(n-1, 0)]; {
		case err != nil:
		case n < 4 || n == len(row):
			err = fmt.Errorf("%d numbers or more: want x, y, z, the normal and the part", n)
		case part != float64(int32(part)):
			err = fmt.Errorf("part %g: want a whole number", part)
		case dst.Len() == maxPoints:
			err = errTooMany
		default:
			dst.add(row[0], row[1], row[2])
			dst.Parts = append(dst.Parts, int32(part))
			continue
		}
		return fmt.Errorf("line %d: %w", text.line, err)
	}
}
