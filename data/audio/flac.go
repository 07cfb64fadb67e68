package audio

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
)

// decodeFLAC reads all frames of a FLAC file.
func decodeFLAC(file []byte, dst *Clip) (err error) {
	defer func() {
		if p := recover(); p != nil { // the decoder trips over hostile bytes
			err = fmt.Errorf("decode FLAC: %v", p)
		}
	}()
	stream, err := flac.New(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("decode FLAC: %w", err)
	}
	info := stream.Info
	if info.NSamples > maxValues || info.BitsPerSample < 1 || info.SampleRate == 0 || info.NChannels == 0 {
		return fmt.Errorf("decode FLAC: %d samples of %d channels at %d Hz: want at most %d samples, at least one channel and 1 Hz", info.NSamples, info.NChannels, info.SampleRate, maxValues)
	}
	dst.Resize(int(info.SampleRate), int(info.NChannels), 0)
	for {
		f, err := stream.ParseNext()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = dst.append(f, info.BitsPerSample)
		}
		if err != nil {
			return fmt.Errorf("decode FLAC: sample %d: %w", dst.Len(), err)
		}
	}
	if n := dst.Len(); info.NSamples != 0 && uint64(n) != info.NSamples {
		return fmt.Errorf("decode FLAC: %d samples of %d: the file is cut off", n, info.NSamples)
	}
	return nil
}

// append adds the samples of a frame, whose full scale is 2^(bits-1).
func (c *Clip) append(f *frame.Frame, bits uint8) error {
	n := int(f.BlockSize)
	if len(f.Subframes) != c.Channels || f.BitsPerSample != 0 && f.BitsPerSample != bits {
		return fmt.Errorf("a frame of %d channels and %d bits in a file of %d and %d", len(f.Subframes), f.BitsPerSample, c.Channels, bits)
	}
	at := len(c.Samples)
	if at+n*c.Channels > maxValues {
		return fmt.Errorf("more than %d values: cut it into shorter clips", maxValues)
	}
	c.Samples = append(c.Samples, make([]float32, n*c.Channels)...)
	scale := 1 / float32(uint64(1)<<(bits-1))
	for k, sub := range f.Subframes {
		if len(sub.Samples) != n {
			return fmt.Errorf("channel %d has %d samples of %d", k, len(sub.Samples), n)
		}
		for i, v := range sub.Samples {
			c.Samples[at+i*c.Channels+k] = float32(v) * scale
		}
	}
	return nil
}
