package data_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"m2pt/data"
	"m2pt/data/audio"
	"m2pt/data/generated"
	"m2pt/data/image"
	"m2pt/data/point"
	"m2pt/data/video"
	"m2pt/internal/fixture"
)

const samples = 64 // of the datasets below

// TestSampleAllocations: on the way from a source through reader, augmentation,
// groups or filterbank into a batch a sample allocates what its source does: made up, the
// state of its generator; in a file, what it takes to open one, to list a folder, to
// parse a header and to call the decoder.
func TestSampleAllocations(t *testing.T) {
	if fixture.Race {
		t.Skip("the race detector allocates, too")
	}
	for _, c := range []struct {
		name string
		ds   func(t *testing.T) data.Dataset
		most float64 // allocations of a sample
	}{
		{"generated picture", func(t *testing.T) data.Dataset {
			return pictures(must(generated.NewImages(generated.Options{Variant: "shapes", Split: "train", Size: 32, Count: samples})))
		}, 0},
		{"generated sound", func(t *testing.T) data.Dataset {
			return sounds(must(generated.NewSounds(generated.SoundOptions{Split: "train", Count: samples})))
		}, 1},
		{"generated cloud", func(t *testing.T) data.Dataset {
			return clouds(must(generated.NewClouds(generated.CloudOptions{Variant: "shapes", Split: "train", Count: samples, Points: 300})))
		}, 1},
		{"generated clip", func(t *testing.T) data.Dataset {
			return clips(must(generated.NewClips(generated.ClipOptions{Split: "train", Count: samples, Frames: 8, Size: 16})))
		}, 7},
		{"JPEG file", func(t *testing.T) data.Dataset { return pictures(jpegFolder(t)) }, 9},
		{"WAV file", func(t *testing.T) data.Dataset { return sounds(must(audio.OpenFolder(folder(t, wav()), "train"))) }, 7},
		{"PCD file", func(t *testing.T) data.Dataset { return clouds(must(point.OpenFolder(folder(t, pcd()), "train"))) }, 22},
		{"folder of 4 frames", func(t *testing.T) data.Dataset { return clips(frameFolders(t)) }, 64},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := perSample(t, c.ds(t)); math.Round(got) > c.most {
				t.Errorf("%.2f allocations a sample, want at most %g", got, c.most)
			}
		})
	}
}

// perSample compares whole epochs with halves, so that what an epoch allocates for
// itself does not count.
func perSample(t *testing.T, ds data.Dataset) float64 {
	l, err := data.NewLoader(ds, data.Options{Batch: 8, Workers: 1, Shuffle: true})
	if err != nil {
		t.Fatal(err)
	}
	epoch := func(start int) float64 {
		return testing.AllocsPerRun(2, func() {
			for _, err := range l.Epoch(context.Background(), 0, start) {
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	return (epoch(0) - epoch(samples/2)) / (samples / 2)
}

func pictures(src image.Source) data.Dataset {
	return image.NewDataset(src, image.RandomResizedCrop{Side: 24, Scale: [2]float64{0.2, 1}, Ratio: [2]float64{0.75, 4. / 3}, Flip: 0.5}, image.ColorJitter{Brightness: 0.4})
}

func sounds(src audio.Source) data.Dataset {
	return must(audio.NewDataset(src, audio.Options{Rate: 8000, Mels: 32, Frames: 48, Std: 4, Targets: true, Augment: audio.Augment{RollMag: true, Noise: true}}))
}

func clouds(src point.Source) data.Dataset {
	return must(point.NewDataset(src, point.Options{Points: 128, Groups: 8, GroupSize: 8, Sampling: "fps", UnitSphere: true, Train: true, Augment: point.Augment{Rotate: true, Jitter: true}}))
}

func clips(src video.Source) data.Dataset {
	return must(video.NewDataset(src, video.Options{Frames: 4, Size: 16, Rate: 1, Train: true, Scale: [2]float64{0.5, 1}, Ratio: [2]float64{0.75, 4. / 3}}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// folder has the same file many times.
func folder(t *testing.T, file []byte) string {
	t.Helper()
	files := map[string][]byte{}
	for i := range samples {
		files[fmt.Sprintf("train/a/%03d", i)] = file
	}
	return fixture.Tree(t, files)
}

// turbo loads libturbojpeg: the standard library's decoder allocates pictures.
func turbo(t *testing.T) *image.Turbo {
	t.Helper()
	lib, err := image.OpenTurbo()
	if err != nil {
		t.Skipf("libturbojpeg is not installed (Debian: libturbojpeg0): its test is skipped: %v", err)
	}
	return lib
}

func jpegFolder(t *testing.T) image.Source {
	t.Helper()
	lib := turbo(t)
	f := must(image.OpenFolder(folder(t, jpeg()), "train", nil))
	f.UseTurbo(lib)
	return f
}

// frameFolders are clips of four frames.
func frameFolders(t *testing.T) video.Source {
	t.Helper()
	lib, files := turbo(t), map[string][]byte{}
	for i := range samples {
		for k := range 4 {
			files[fmt.Sprintf("train/a/%03d/%d.jpg", i, k)] = jpeg()
		}
	}
	f := must(video.OpenFolder(fixture.Tree(t, files), "train"))
	f.UseTurbo(lib)
	return f
}

func jpeg() []byte { return must(os.ReadFile(filepath.Join("image", "testdata", "420.jpg"))) }

// wav is half a second of a sawtooth, mono, 16 bits, 8 kHz.
func wav() []byte {
	var b bytes.Buffer
	const bytesOfSamples = 8000
	b.WriteString("RIFF")
	for _, v := range []any{uint32(36 + bytesOfSamples), []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16), []byte("data"), uint32(bytesOfSamples)} {
		must(0, binary.Write(&b, binary.LittleEndian, v))
	}
	for i := range bytesOfSamples / 2 {
		must(0, binary.Write(&b, binary.LittleEndian, int16(i%80*400-16000)))
	}
	return b.Bytes()
}

// pcd is a cloud of 300 points on a spiral.
func pcd() []byte {
	var b bytes.Buffer
	b.WriteString("VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 300\nHEIGHT 1\nPOINTS 300\nDATA binary\n")
	for i := range 300 {
		must(0, binary.Write(&b, binary.LittleEndian, []float32{float32(i%17) / 17, float32(i%23) / 23, float32(i) / 300}))
	}
	return b.Bytes()
}
