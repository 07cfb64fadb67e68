package audio

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
	"github.com/mewkiz/flac/meta"
)

// tone is a tone of n samples in each channel, at full scale.
func tone(n, channels int) []float64 {
	v := make([]float64, n*channels)
	for i := range v {
		v[i] = math.Sin(float64(i/channels) / 3 * float64(1+i%channels))
	}
	return v
}

// encodeFLAC writes values [n, channels] as a FLAC file at 16 kHz, in frames of up
// to 64 samples.
func encodeFLAC(t testing.TB, channels, bits int, values []float64) []byte {
	t.Helper()
	var out bytes.Buffer
	info := &meta.StreamInfo{BlockSizeMin: 16, BlockSizeMax: 64, SampleRate: 16000, NChannels: uint8(channels), BitsPerSample: uint8(bits), NSamples: uint64(len(values) / channels)}
	enc, err := flac.NewEncoder(&out, info)
	if err != nil {
		t.Fatal(err)
	}
	for num := uint64(0); len(values) > 0; num++ {
		n := min(64, len(values)/channels)
		f := &frame.Frame{Header: frame.Header{HasFixedBlockSize: false, BlockSize: uint16(n), SampleRate: 16000, Channels: frame.Channels(channels - 1), BitsPerSample: uint8(bits), Num: 64 * num}}
		for k := range channels {
			sub := &frame.Subframe{SubHeader: frame.SubHeader{Pred: frame.PredVerbatim}, NSamples: n}
			for i := range n {
				sub.Samples = append(sub.Samples, quantise(values[i*channels+k], bits))
			}
			f.Subframes = append(f.Subframes, sub)
		}
		if err := enc.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
		values = values[n*channels:]
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// quantise is a value of -1..1 as an integer of some bits.
func quantise(v float64, bits int) int32 {
	return int32(math.Round(v * float64(int(1)<<(bits-1)-1)))
}

func TestDecodeFLAC(t *testing.T) {
	for _, c := range []struct{ channels, bits, n int }{{1, 16, 200}, {2, 16, 64}, {2, 24, 130}, {1, 8, 20}, {6, 16, 70}} {
		want := tone(c.n, c.channels)
		file := encodeFLAC(t, c.channels, c.bits, want)
		var clip Clip
		if err := Decode(file, &clip); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if clip.Rate != 16000 || clip.Channels != c.channels || clip.Len() != c.n {
			t.Fatalf("%+v: %d Hz, %d channels, %d samples", c, clip.Rate, clip.Channels, clip.Len())
		}
		for i, v := range want {
			if exact := float32(quantise(v, c.bits)) / float32(int(1)<<(c.bits-1)); clip.Samples[i] != exact {
				t.Fatalf("%+v: value %d is %g, want %g", c, i, clip.Samples[i], exact)
			}
		}
		for name, damaged := range map[string][]byte{
			"cut off in a frame": file[:len(file)-5],
			"changed":            append(bytes.Clone(file[:len(file)-20]), append([]byte{0xaa, 0xbb}, file[len(file)-18:]...)...),
		} {
			if err := Decode(damaged, &clip); err == nil || !strings.Contains(err.Error(), "FLAC") {
				t.Errorf("%+v, %s: error %v", c, name, err)
			}
		}
	}
}

// TestFLACEndsEarly: whole frames that are fewer than the header says.
func TestFLACEndsEarly(t *testing.T) {
	file := encodeFLAC(t, 1, 16, tone(128, 1))
	short := encodeFLAC(t, 1, 16, tone(64, 1))
	err := Decode(file[:len(short)], &Clip{})
	if err == nil || !strings.Contains(err.Error(), "64 samples of 128") {
		t.Errorf("error %v, want one that counts the samples", err)
	}
}
