package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/fixture"
)

// chunk is a RIFF chunk with its padding.
func chunk(name string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
	b = append(b, body...)
	return append(b, make([]byte, len(body)%2)...)
}

// riff is a WAV file of chunks.
func riff(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// format is a fmt chunk.
func format(tag, channels, rate, bits int, extra ...byte) []byte {
	width := (bits + 7) / 8
	var b []byte
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*width))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*width))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	return chunk("fmt ", append(b, extra...))
}

// extension is what WAVE_FORMAT_EXTENSIBLE has behind: size, valid bits, speakers
// and the tag as a GUID.
func extension(tag, valid byte) []byte {
	return append([]byte{22, 0, valid, 0, 3, 0, 0, 0, tag, 0}, wavGUID...)
}

func little(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return b
}

// pcm is a mono file of 16 bits at 8 kHz.
func pcm(v ...int16) []byte { return riff(format(1, 1, 8000, 16), chunk("data", little(v))) }

// setSizes overwrites the sizes of a file made by pcm: its own, and the samples'.
func setSizes(file []byte, whole, data uint32) []byte {
	binary.LittleEndian.PutUint32(file[4:], whole)
	binary.LittleEndian.PutUint32(file[40:], data)
	return file
}

func TestDecodeWAV(t *testing.T) {
	list := chunk("LIST", []byte("INFOx")) // 5 bytes: padded
	for _, c := range []struct {
		name           string
		file           []byte
		rate, channels int
		want           []float32
	}{
		{"8 bits", riff(format(1, 1, 11025, 8), chunk("data", []byte{0, 128, 255})), 11025, 1, []float32{-1, 0, 127. / 128}},
		{"16 bits", pcm(-32768, 0, 16384), 8000, 1, []float32{-1, 0, .5}},
		{"24 bits stereo", riff(format(1, 2, 48000, 24), chunk("data", []byte{0, 0, 0x80, 0, 0, 0x40, 0xff, 0xff, 0xff, 1, 0, 0})), 48000, 2, []float32{-1, .5, -1. / (1 << 23), 1. / (1 << 23)}},
		{"32 bits", riff(format(1, 1, 16000, 32), chunk("data", little([]int32{math.MinInt32, 1 << 29}))), 16000, 1, []float32{-1, .25}},
		{"12 bits in 16", riff(format(1, 1, 16000, 12), chunk("data", little([]int16{-32768, 16}))), 16000, 1, []float32{-1, 16. / 32768}},
		{"float 32", riff(format(3, 1, 16000, 32), chunk("fact", make([]byte, 4)), chunk("data", little([]float32{-1.5, .125}))), 16000, 1, []float32{-1.5, .125}},
		{"float 64", riff(format(3, 1, 44100, 64, 0, 0), chunk("data", little([]float64{-.5, 1}))), 44100, 1, []float32{-.5, 1}},
		{"extensible", riff(format(0xFFFE, 2, 16000, 16, extension(1, 16)...), chunk("data", little([]int16{1 << 14, -1 << 14}))), 16000, 2, []float32{.5, -.5}},
		{"extensible float", riff(format(0xFFFE, 1, 16000, 32, extension(3, 32)...), chunk("data", little([]float32{.5}))), 16000, 1, []float32{.5}},
		{"other chunks", riff(list, format(1, 1, 8000, 16), list, chunk("data", little([]int16{1 << 14})), list), 8000, 1, []float32{.5}},
		{"odd length", riff(format(1, 1, 8000, 8), chunk("data", []byte{192}), list), 8000, 1, []float32{.5}},
		{"incomplete sample", riff(format(1, 2, 8000, 16), chunk("data", []byte{0, 64, 0, 192, 7})), 8000, 2, []float32{.5, -.5}},
		{"streamed, -1", setSizes(pcm(1<<14, 0), math.MaxUint32, math.MaxUint32), 8000, 1, []float32{.5, 0}},
		{"streamed, 0", setSizes(pcm(1<<14, 0), 0, 0), 8000, 1, []float32{.5, 0}},
		{"streamed, header alone counted", setSizes(pcm(1<<14, 0), 36, 0), 8000, 1, []float32{.5, 0}},
		{"streamed, -1 and 0", setSizes(pcm(1<<14, 0), math.MaxUint32, 0), 8000, 1, []float32{.5, 0}},
		{"streamed, 2 GB", setSizes(pcm(1<<14, 0), 0x7ffff024, 0x7ffff000), 8000, 1, []float32{.5, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var clip Clip
			if err := Decode(c.file, &clip); err != nil {
				t.Fatal(err)
			}
			if clip.Rate != c.rate || clip.Channels != c.channels || !slices.Equal(clip.Samples, c.want) {
				t.Errorf("%d Hz, %d channels, %v, want %d, %d, %v", clip.Rate, clip.Channels, clip.Samples, c.rate, c.channels, c.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	whole := pcm(1, 2, 3, 4)
	guid := extension(1, 16)
	guid[12] ^= 1
	wide := pcm(1, 2)
	wide[32] = 4 // bytes of a sample in all channels
	for _, c := range []struct {
		name, says string
		file       []byte
	}{
		{"empty", "empty", nil},
		{"text", "neither WAV nor FLAC", []byte("a text that is long enough")},
		{"no samples", "no samples", pcm()},
		{"empty chunk ahead of another", "no samples", riff(format(1, 1, 8000, 16), chunk("data", nil), chunk("LIST", []byte("INFO")))},
		{"cut off in samples", "cut off", whole[:len(whole)-3]},
		{"cut off in fmt", "cut off", whole[:30]},
		{"cut off behind fmt", "no data chunk", whole[:36]},
		{"no fmt", "no fmt", riff(chunk("data", []byte{1, 2}))},
		{"short fmt", "want at least 16", riff(chunk("fmt ", make([]byte, 14)))},
		{"MP3 in WAV", "convert", riff(format(0x55, 1, 8000, 16), chunk("data", []byte{1, 2}))},
		{"40 bits", "convert", riff(format(1, 1, 8000, 40), chunk("data", []byte{1, 2}))},
		{"float 16", "convert", riff(format(3, 1, 8000, 16), chunk("data", []byte{1, 2}))},
		{"0 bits", "convert", riff(format(1, 1, 8000, 0), chunk("data", []byte{1, 2}))},
		{"other GUID", "convert", riff(format(0xFFFE, 1, 8000, 16, guid...), chunk("data", []byte{1, 2}))},
		{"no channels", "channel", riff(format(1, 0, 8000, 16), chunk("data", []byte{1, 2}))},
		{"no rate", "Hz", riff(format(1, 1, 0, 16), chunk("data", []byte{1, 2}))},
		{"rate", "Hz", riff(format(1, 1, 1<<30, 16), chunk("data", []byte{1, 2}))},
		{"bytes a sample", "4 bytes a sample", wide},
		{"not a number", "NaN", riff(format(3, 1, 8000, 32), chunk("data", little([]float32{0, float32(math.NaN())})))},
		{"infinite", "Inf", riff(format(3, 1, 8000, 64), chunk("data", little([]float64{math.Inf(-1)})))},
		{"loud", "1e+06", riff(format(3, 1, 8000, 32), chunk("data", little([]float32{1e6})))},
		{"FLAC without content", "FLAC", []byte("fLaC")},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Decode(c.file, &Clip{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
}

// TestDecodeRecording reads a real file.
func TestDecodeRecording(t *testing.T) {
	file, err := os.ReadFile(fixture.Data(t, "audio/fsdd/recordings/0_jackson_0.wav"))
	if err != nil {
		t.Fatal(err)
	}
	var clip Clip
	if err := Decode(file, &clip); err != nil {
		t.Fatal(err)
	}
	raw, _ := fixture.Read[int16](t, fixture.Open(t, "audio_fbank_fsdd_0_jackson_0"), "in/wave_i16")
	if clip.Rate != 8000 || clip.Channels != 1 || clip.Len() != len(raw) {
		t.Fatalf("%d Hz, %d channels, %d samples, want 8000, 1, %d", clip.Rate, clip.Channels, clip.Len(), len(raw))
	}
	for i, v := range raw {
		if clip.Samples[i] != float32(v)/32768 {
			t.Fatalf("sample %d is %g, want %g", i, clip.Samples[i], float32(v)/32768)
		}
	}
}

// FuzzDecode: no bytes bring the decoder down or make a clip that is not sound.
func FuzzDecode(f *testing.F) {
	f.Add(pcm(1, 2, 3))
	f.Add(setSizes(pcm(1, 2, 3), math.MaxUint32, math.MaxUint32))
	f.Add(riff(format(0xFFFE, 2, 48000, 24, extension(1, 24)...), chunk("LIST", []byte{1, 2, 3}), chunk("data", make([]byte, 12))))
	f.Add(riff(format(3, 1, 16000, 64), chunk("data", little([]float64{.5, -1}))))
	f.Add(encodeFLAC(f, 2, 16, tone(100, 2)))
	f.Add(encodeFLAC(f, 1, 24, tone(40, 1)))
	f.Fuzz(func(t *testing.T, file []byte) {
		var clip Clip
		if Decode(file, &clip) != nil {
			return
		}
		if clip.Rate < 1 || clip.Channels < 1 || clip.Len() < 1 || clip.Len()*clip.Channels != len(clip.Samples) {
			t.Fatalf("%d Hz, %d channels, %d values", clip.Rate, clip.Channels, len(clip.Samples))
		}
		for i, v := range clip.Samples {
			if !(math.Abs(float64(v)) <= maxAbsolute) {
				t.Fatalf("value %d is %g", i, v)
			}
		}
	})
}
