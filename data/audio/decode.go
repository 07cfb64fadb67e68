package audio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxFile bounds the size of a sound file in bytes, and of a stored
// spectrogram.
const maxFile = 256 << 20

// Decode reads a WAV or FLAC file, told apart by content, into dst. Integers
// become fractions of their full scale. Damaged files, other formats, files
// without samples and those with more than 64 M of them are errors.
func Decode(file []byte, dst *Clip) (err error) {
	switch {
	case len(file) == 0:
		return errors.New("decode sound: the file is empty")
	case bytes.HasPrefix(file, []byte("fLaC")):
		err = decodeFLAC(file, dst)
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WAVE":
		err = decodeWAV(file, dst)
	default:
		return errors.New("decode sound: neither WAV nor FLAC: convert it to one of them")
	}
	if err == nil && len(dst.Samples) == 0 {
		err = errors.New("decode sound: the file has no samples")
	}
	return err
}

// readFile reads a file of at most maxFile bytes into buf, which grows as
// needed.
func readFile(path string, buf []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	b := bytes.NewBuffer(buf[:0])
	n, err := b.ReadFrom(io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		err = fmt.Errorf("more than %d bytes: cut it into shorter clips", maxFile)
	}
	return b.Bytes(), err
}
