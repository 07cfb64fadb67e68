package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"m2pt/internal/fixture"
	"m2pt/internal/philox"
)

// wantSound fails on tensors that no reader should return.
func wantSound(t *testing.T, data []byte, p part) {
	ts, err := parsePyTorch(data, p)
	if err != nil {
		return
	}
	for x := range ts.All() {
		if err := x.check(); err != nil {
			t.Error(err)
		}
	}
}

// seeds are small files of each form, and the recorded ones.
func seeds(t testing.TB) map[string][]byte {
	storages := map[string][]byte{"0": counting(12)}
	value := pyDict(pyString("model"), pyDict(pyString("w"), pyVector(12), pyString("v"), pyTensor(12, 1, []int64{2, 3}, []int64{1, 2})),
		pyString("args"), pyGlobal("argparse", "Namespace")+")\x81"+pyDict(pyString("lr"), "K\x01")+"b")
	files := map[string][]byte{"zip": zipFile(t, value, storages), "legacy": legacyFile(value, storages)}
	for _, path := range slices.Concat(fixture.Recorded(t, "*.pth"), fixture.Recorded(t, "*.pkl")) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

func FuzzPyTorchZip(f *testing.F)    { fuzzPyTorch(f, false) }
func FuzzPyTorchLegacy(f *testing.F) { fuzzPyTorch(f, true) }

func fuzzPyTorch(f *testing.F, legacy bool) {
	for _, data := range seeds(f) {
		if len(data) < 10_000 && isPickle(string(data[:min(len(data), 9)])) == legacy {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		wantSound(t, data, modelPart)
		wantSound(t, data, whole)
	})
}

// FuzzPyTorchPickle keeps the archive around the pickle whole, which blind
// changes mostly break.
func FuzzPyTorchPickle(f *testing.F) {
	f.Add([]byte(pickled(pyDict(pyString("w"), pyVector(12)))))
	f.Add([]byte(pickled(pyDict(pyString("model"), pyDict(pyString("w"), pyCall("torch._utils", "_rebuild_parameter", pyTensor(12, 1, []int64{2, 3}, []int64{1, 2}), "\x88", "N"))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := archive(t, member{"x/data.pkl", data, 0}, member{"x/data/0", counting(12), 0})
		wantSound(t, file, modelPart)
		wantSound(t, file, whole)
	})
}

// corruptions is how often TestCorruptedPyTorch damages a small file; one that is
// larger than 10 kB takes longer and is damaged less often.
const corruptions = 2000

// TestCorruptedPyTorch flips, cuts and overwrites bytes at random.
func TestCorruptedPyTorch(t *testing.T) {
	rounds := corruptions
	if testing.Short() {
		rounds = 200
	}
	for name, data := range seeds(t) {
		t.Run(name, func(t *testing.T) {
			most, limit := uint64(0), uint64(3<<20+3*len(data))
			for i := range rounds * 10_000 / (10_000 + len(data)) {
				r := philox.New(1, "corruption of "+name, uint64(i), 0)
				file := corrupted(data, &r)
				most = max(most, allocation(func() { wantSound(t, file, whole) }))
			}
			if t.Logf("at most %d bytes allocated for a file of %d", most, len(data)); most > limit {
				t.Errorf("%d bytes allocated, want at most %d", most, limit)
			}
		})
	}
}

// corrupted is data with one to four random faults.
func corrupted(data []byte, r *philox.Rand) []byte {
	data = bytes.Clone(data)
	for range 1 + r.IntN(4) {
		if len(data) == 0 {
			return data
		}
		switch at := r.IntN(len(data)); r.IntN(8) {
		case 0:
			data = data[:at]
		case 1, 2:
			data[at] = 0xff
		case 3:
			data = slices.Insert(data, at, data[:at/2+1]...)
		case 4:
			copy(data[at:], data[r.IntN(len(data)):])
		default:
			data[at] ^= 1 << r.IntN(8)
		}
	}
	return data
}
