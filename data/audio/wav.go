package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Format tags of a WAV file.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xFFFE // the tag proper is in front of a fixed GUID
)

const (
	wavGUID     = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
	maxWAVRate  = 768000
	maxAbsolute = 1 << 16 // largest value believed: integers stored as floats
)

// wavFormat is the content of a "fmt " chunk.
type wavFormat struct {
	tag, channels, rate int
	width               int // bytes of a value
}

// decodeWAV reads PCM of 8 to 32 bits and floats of 32 and 64.
func decodeWAV(file []byte, dst *Clip) error {
	f, raw, err := parseWAV(file)
	if err != nil {
		return fmt.Errorf("decode WAV: %w", err)
	}
	n := len(raw) / (f.width * f.channels) // an incomplete sample at the end is dropped
	if n*f.channels > maxValues {
		return fmt.Errorf("decode WAV: %d samples of %d channels: want at most %d in all", n, f.channels, maxValues)
	}
	dst.Resize(f.rate, f.channels, n)
	if err := f.convert(dst.Samples, raw); err != nil {
		return fmt.Errorf("decode WAV: %w", err)
	}
	return nil
}

// parseWAV walks the chunks up to the samples. Chunks have a name, a size and,
// where that is odd, a byte behind them.
func parseWAV(file []byte) (f wavFormat, raw []byte, err error) {
	rest := file[12:]
	for len(rest) >= 8 {
		name, size, body := rest[:4], int(binary.LittleEndian.Uint32(rest[4:])), rest[8:]
		if string(name) == "data" {
			raw, err = samples(file, body, size)
			if err == nil && f.channels == 0 {
				err = errors.New("no fmt chunk before the samples")
			}
			return f, raw, err
		}
		if size > len(body) {
			return f, nil, fmt.Errorf("chunk %q of %d bytes, %d are left: the file is cut off", name, size, len(body))
		}
		if string(name) == "fmt " {
			if f, err = parseFormat(body[:size]); err != nil {
				return f, nil, err
			}
		}
		rest = body[min(size+size%2, len(body)):]
	}
	return f, nil, errors.New("no data chunk: the file is cut off")
}

// samples returns the content of a data chunk. Programs that write to a pipe
// cannot know its size: they leave it 0, with the file's, or enormous; then
// everything to the end is samples.
func samples(file, body []byte, size int) ([]byte, error) {
	claimed, needed := int(binary.LittleEndian.Uint32(file[4:])), len(file)-len(body)-8
	unknown := size > maxFile || size == 0 && (claimed <= needed || claimed > maxFile)
	switch {
	case unknown:
		return body, nil
	case size > len(body):
		return nil, fmt.Errorf("%d bytes of samples, %d are left: the file is cut off", size, len(body))
	}
	return body[:size], nil
}

func parseFormat(b []byte) (f wavFormat, err error) {
	if len(b) < 16 {
		return f, fmt.Errorf("fmt chunk of %d bytes, want at least 16", len(b))
	}
	word := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	f = wavFormat{tag: word(0), channels: word(2), rate: int(binary.LittleEndian.Uint32(b[4:])), width: (word(14) + 7) / 8}
	if f.tag == wavExtensible && len(b) >= 40 && string(b[26:40]) == wavGUID {
		f.tag = word(24)
	}
	switch {
	case f.tag == wavPCM && f.width >= 1 && f.width <= 4:
	case f.tag == wavFloat && (f.width == 4 || f.width == 8):
	default:
		return f, fmt.Errorf("format %#x of %d bits: want PCM of 8, 16, 24 or 32 or float of 32 or 64: convert it", f.tag, word(14))
	}
	if f.channels == 0 || f.rate == 0 || f.rate > maxWAVRate || word(12) != f.channels*f.width {
		return f, fmt.Errorf("%d channels at %d Hz, %d bytes a sample: want at least 1 channel, 1 to %d Hz, %d bytes", f.channels, f.rate, word(12), maxWAVRate, f.channels*f.width)
	}
	return f, nil
}

// convert turns stored values into float32. Floats have no full scale: those
// that cannot be sound are an error.
func (f wavFormat) convert(dst []float32, raw []byte) error {
	if f.tag == wavFloat {
		return f.floats(dst, raw)
	}
	switch f.width {
	case 1: // unsigned
		for i := range dst {
			dst[i] = float32(int(raw[i])-128) / (1 << 7)
		}
	case 2:
		for i := range dst {
			dst[i] = float32(int16(binary.LittleEndian.Uint16(raw[2*i:]))) / (1 << 15)
		}
	case 3:
		for i := range dst {
			b := raw[3*i : 3*i+3]
			dst[i] = float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31)
		}
	case 4:
		for i := range dst {
			dst[i] = float32(int32(binary.LittleEndian.Uint32(raw[4*i:]))) / (1 << 31)
		}
	}
	return nil
}

func (f wavFormat) floats(dst []float32, raw []byte) error {
	for i := range dst {
		v := float(raw[i*f.width:], f.width)
		if !(math.Abs(v) <= maxAbsolute) {
			return fmt.Errorf("value %d is %g: want about -1 to 1", i, v)
		}
		dst[i] = float32(v)
	}
	return nil
}

// float reads a little-endian float of width 4 or 8 bytes.
func float(b []byte, width int) float64 {
	if width == 4 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}
