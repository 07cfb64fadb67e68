package audio

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio"

	"m2pt/data"
)

// TestStoredFilterbanks reads spectrograms instead of clips, mixes and pads them.
func TestStoredFilterbanks(t *testing.T) {
	dir := t.TempDir()
	opt := plain()
	opt.Mels, opt.Frames, opt.Mean, opt.Std, opt.Filterbanks = 2, 3, 0, .5, dir
	for name, rows := range map[string][]float32{"a": {1, 2, 3, 4}, "b": {10, 20, 30, 40, 50, 60, 70, 80}} {
		writeNPY(t, filepath.Join(dir, name+".npy"), rows)
	}
	src := &tones{n: 2}
	for i, want := range [][]float32{{1, 2, 3, 4, 0, 0}, {10, 20, 30, 40, 50, 60}} {
		got := room(3, 2)
		got.Values[5] = 7 // of another sample
		if err := newDataset(t, src, opt).NewReader().Read(data.Key{Sample: i}, got); err != nil || !slices.Equal(got.Values, want) {
			t.Errorf("clip %d: %v, error %v, want %v", i, got.Values, err, want)
		}
	}
	opt.Targets, opt.Augment.Mixup = true, 1
	for i, other := range [][]float32{{10, 20, 30, 40, 0, 0}, {1, 2, 3, 4, 0, 0}} {
		s := sample(t, newDataset(t, src, opt), data.Key{Sample: i})
		own, lam := [][]float32{{1, 2, 3, 4, 0, 0}, {10, 20, 30, 40, 50, 60}}[i], s.Targets[i]
		for k, v := range s.Values {
			if want := lam*own[k] + (1-lam)*other[k]; math.Abs(float64(v-want)) > 1e-5 {
				t.Errorf("mixture %d: value %d is %g, want %g", i, k, v, want)
			}
		}
	}
	if err := newDataset(t, &tones{n: 3}, opt).NewReader().Read(data.Key{Sample: 2}, room(3, 2)); err == nil || !strings.Contains(err.Error(), "c.npy") {
		t.Errorf("error %v does not name the missing file", err)
	}
}

// npy is a .npy file of rows of two values.
func npy[T any](t testing.TB, rows [][2]T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := npyio.Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeNPY(t testing.TB, path string, values []float32) {
	t.Helper()
	var rows [][2]float32
	for row := range slices.Chunk(values, 2) {
		rows = append(rows, [2]float32(row))
	}
	if err := os.WriteFile(path, npy(t, rows), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestDecodeNPY(t *testing.T) {
	good := npy(t, [][2]float32{{1, 2}, {3, 4}})
	doubles := npy(t, [][2]float64{{1, 2}, {3, 4}})
	for name, file := range map[string][]byte{"float32": good, "float64": doubles} {
		got, err := decodeNPY(nil, file, 2)
		if err != nil || !slices.Equal(got, []float32{1, 2, 3, 4}) {
			t.Errorf("%s: %v, error %v", name, got, err)
		}
	}
	long := slices.Clone(good)
	long[6], long[11] = 2, 0x7f // version 2: 32 bits of header length
	for name, file := range map[string][]byte{
		"empty": nil, "text": []byte("some text, no array"), "cut off": good[:len(good)-1], "cut off in the header": good[:40],
		"integers": npy(t, [][2]int32{{1, 2}}), "long header": long,
		"not a number": npy(t, [][2]float32{{1, float32(math.NaN())}}), "too large": npy(t, [][2]float64{{1, 1e300}}),
		"Fortran":  bytes.Replace(good, []byte("False, 'shape': (2, 2), }"), []byte("True, 'shape': (2, 2), } "), 1),
		"no shape": bytes.Replace(good, []byte("shape"), []byte("shapo"), 1),
		"negative": bytes.Replace(good, []byte("(2, 2)"), []byte("(-2,2)"), 1),
		"huge":     bytes.Replace(good, []byte("(2, 2)"), []byte("(9999,2)"), 1),
	} {
		if _, err := decodeNPY(nil, file, 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := decodeNPY(nil, good, 4); err == nil {
		t.Error("another number of bands: no error")
	}
}

func FuzzDecodeNPY(f *testing.F) {
	f.Add(npy(f, [][2]float32{{1, 2}, {3, 4}}))
	f.Add(npy(f, [][2]float64{{1, 2}, {3, 4}}))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := decodeNPY(nil, file, 2)
		if err == nil && (len(got) == 0 || len(got)%2 != 0 || len(got) > len(file)) {
			t.Fatalf("%d values from %d bytes", len(got), len(file))
		}
	})
}
