package pickle

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Reader reads pickles, one after another, from a source of known size.
type Reader struct {
	r         *bufio.Reader
	pos, size int64
}

// maxLine is the longest line, the name of a module or class, in bytes.
const maxLine = 4096

// NewReader returns a Reader of the size bytes of r.
func NewReader(r io.Reader, size int64) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, maxLine), size: size}
}

// Pos is the number of bytes that were read.
func (in *Reader) Pos() int64 { return in.pos }

// End fails unless everything has been read. Archives compare their checksum
// there.
func (in *Reader) End() error {
	_, err := in.r.ReadByte()
	if err == nil {
		return malformed("ends before its last %d bytes", in.size-in.pos)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (in *Reader) byte() (byte, error) {
	if in.pos >= in.size {
		return 0, short(io.EOF)
	}
	in.pos++
	b, err := in.r.ReadByte()
	return b, short(err)
}

// bytes reads n bytes, which are allocated only where there are as many.
func (in *Reader) bytes(n uint64) ([]byte, error) {
	if n > uint64(in.size-in.pos) {
		return nil, malformed("%d bytes of text, %d are left", n, in.size-in.pos)
	}
	b := make([]byte, n)
	in.pos += int64(n)
	_, err := io.ReadFull(in.r, b)
	return b, short(err)
}

// uint reads a little-endian integer of size bytes, at most 8.
func (in *Reader) uint(size int) (uint64, error) {
	var b [8]byte
	for i := range size {
		var err error
		if b[i], err = in.byte(); err != nil {
			return 0, err
		}
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// text reads an integer of size bytes and as many bytes as it says.
func (in *Reader) text(size int) ([]byte, error) {
	n, err := in.uint(size)
	if err != nil {
		return nil, err
	}
	return in.bytes(n)
}

func (in *Reader) line() (string, error) {
	b, err := in.r.ReadSlice('\n')
	in.pos += int64(len(b))
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", malformed("line of more than %d bytes", maxLine)
	}
	if in.pos > in.size {
		err = io.EOF
	}
	return string(bytes.TrimSuffix(b, []byte("\n"))), short(err)
}

// short is err, or that the pickle goes on where its bytes end.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("ends in the middle")
	}
	return err
}
