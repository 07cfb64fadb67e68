//go:build unix

package data_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/data/video"
	"m2pt/tokenizers/grouping"
	"m2pt/tokenizers/spectrogram"
)

// BenchmarkInput works through the inputs in the folder that M2PT_INPUT names and
// writes what it made of them there; scripts/bench_input.sh compares that, and the
// time of processors, with Pillow's, torchaudio's, numpy's and PyAV's.
func BenchmarkInput(b *testing.B) {
	dir := os.Getenv("M2PT_INPUT")
	if dir == "" {
		b.Skip("M2PT_INPUT names no folder of scripts/bench_input.sh")
	}
	lib, err := image.OpenTurbo()
	if err != nil {
		b.Log(err)
	}
	b.Run("image", func(b *testing.B) {
		src := must(image.OpenFolder(filepath.Join(dir, "image"), "val", []string{"all"}))
		src.UseTurbo(lib)
		read(b, dir, image.NewDataset(src, image.Eval{Short: 256, Crop: 224, Filter: image.Bicubic}))
	})
	for _, kind := range []string{"video", "frames"} {
		b.Run(kind, func(b *testing.B) {
			src := must(video.OpenFolder(filepath.Join(dir, kind), "val"))
			src.UseTurbo(lib)
			read(b, dir, must(video.NewDataset(src, video.Options{Frames: 16, Size: 224, Rate: 4, Short: 256, Filter: image.Bilinear})))
		})
	}
	b.Run("audio", func(b *testing.B) {
		a, wave := must(spectrogram.NewBank(16000, 128)).NewAnalyzer(), floats(b, filepath.Join(dir, "audio.f32"))
		dst := make([]float32, 998*128)
		measure(b, func(int) error { a.LogMel(dst, wave); return nil })
		save(b, dir, dst)
	})
	for _, file := range must(filepath.Glob(filepath.Join(dir, "cloud_*.f32"))) {
		name := strings.TrimSuffix(filepath.Base(file), ".f32") // cloud_<points>_<groups>_<size of a group>
		b.Run(name, func(b *testing.B) { group(b, dir, floats(b, file), strings.Split(name, "_")) })
	}
}

// read makes all samples in turn.
func read(b *testing.B, dir string, ds data.Dataset) {
	r, s := ds.NewReader(), ds.Layout().NewSample()
	var all []uint8
	for i := range ds.Len() {
		if err := r.Read(data.Key{Sample: i}, s); err != nil {
			b.Fatal(err)
		}
		all = append(all, s.Pixels...)
	}
	measure(b, func(i int) error { return r.Read(data.Key{Sample: i % ds.Len()}, s) })
	save(b, dir, all)
}

func group(b *testing.B, dir string, xyz []float32, name []string) {
	n, groups, size := must(strconv.Atoi(name[1])), must(strconv.Atoi(name[2])), must(strconv.Atoi(name[3]))
	row, clouds := groups*(1+size), len(xyz)/3/n
	var g grouping.Grouper
	all := make([]int32, clouds*row)
	one := func(i int) error {
		i %= clouds
		return g.Group(xyz[i*3*n:(i+1)*3*n], size, all[i*row:(i+1)*row])
	}
	for i := range clouds {
		must(0, one(i))
	}
	measure(b, one)
	save(b, dir, all)
}

// measure reports the time of processors of this process and of those that it
// started, ffmpeg's.
func measure(b *testing.B, do func(i int) error) {
	b.ReportAllocs()
	start := busy(b)
	for i := 0; b.Loop(); i++ {
		if err := do(i); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((busy(b)-start)/float64(b.N), "cpu-s/op")
}

func busy(b *testing.B) (seconds float64) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		seconds += float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	return seconds
}

func floats(b *testing.B, path string) []float32 {
	raw, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

// save writes results, little endian, into the folder, named by the benchmark.
func save(b *testing.B, dir string, v any) {
	f, err := os.Create(filepath.Join(dir, filepath.Base(b.Name())+".out"))
	if err != nil {
		b.Fatal(err)
	}
	if err = binary.Write(f, binary.LittleEndian, v); err == nil {
		err = f.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
}
