package audio

import (
	"bytes"
	"errors"

	"m2pt/data"
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

func readFile(path string, buf []byte) ([]byte, error) {
	return data.ReadFile(path, buf, maxFile, "cut it into shorter clips")
}
