package point

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"m2pt/internal/philox"
)

// crashEnv makes the child do something else than its work.
const crashEnv = "M2PT_TEST_CRASH"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" && os.Getenv(crashEnv) != "" {
		os.Exit(crash(os.Getenv(crashEnv)))
	}
	if handled, code := H5Child(); handled {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// crash is a child that goes wrong.
func crash(how string) int {
	var job h5Job
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		return 1
	}
	fmt.Println("/data/train.h5")
	switch how {
	case "memory":
		if err := limitMemory(job.Limit); err != nil {
			return 1
		}
		for hold := [][]byte{}; len(hold) < 64; { // 4 GiB
			hold = append(hold, bytes.Repeat([]byte{1}, 64<<20))
		}
	case "panic":
		go func() { panic("wild") }()
		time.Sleep(time.Minute)
	case "killed":
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		time.Sleep(time.Minute)
	case "hang":
		time.Sleep(time.Minute)
	}
	return 0 // as a program that knows no H5Child
}

const h5Limit = 512 << 20

// convertH5 converts files to a new folder.
func convertH5(t testing.TB, files ...string) (string, map[string]int, error) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	counts, err := ConvertH5(t.Context(), files, out, h5Limit)
	return out, counts, err
}

func TestConvertH5(t *testing.T) {
	out, counts, err := convertH5(t, "testdata/train.h5", "testdata/test.h5", "testdata/train.h5")
	if err != nil || !maps.Equal(counts, map[string]int{"train": 6, "test": 2}) {
		t.Fatalf("%v (%v)", counts, err)
	}
	at := func(split string, i, k int) []float32 {
		if split == "train" {
			i %= 3 // the file comes twice
			return []float32{float32(i), float32(k), float32(i*k) / 4}
		}
		return []float32{float32(-i), float32(k), 0.5}
	}
	for split, labels := range map[string][]int32{"train": {2, 0, 1, 2, 0, 1}, "val": {1, 2}} {
		s, err := OpenShards(out, split)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.Len() != len(labels) || !slices.Equal(s.Classes(), []string{"0", "1", "2"}) {
			t.Errorf("%s: %d clouds of classes %q", split, s.Len(), s.Classes())
		}
		var c Cloud
		for i := range labels {
			label, err := s.Load(i, &c)
			if err != nil || label != labels[i] || c.Len() != 8 {
				t.Fatalf("%s %d: label %d, %d points (%v)", split, i, label, c.Len(), err)
			}
			for k := range c.Len() {
				if want := at(split, i, k); !slices.Equal(c.XYZ[3*k:][:3], want) {
					t.Fatalf("%s %d: point %d at %v, want %v", split, i, k, c.XYZ[3*k:][:3], want)
				}
			}
		}
	}
}

// copyH5 copies a file of testdata to a folder, changed by edit.
func copyH5(t testing.TB, dir, name string, edit func([]byte) []byte) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, edit(b), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// replace puts the 64-bit numbers from where to stand, which must be in one place.
func replace(t testing.TB, from, to []uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		old, _ := binary.Append(nil, binary.LittleEndian, from)
		put, _ := binary.Append(nil, binary.LittleEndian, to)
		if !bytes.Contains(b, old) {
			t.Fatalf("the file does not have %v", from)
		}
		return bytes.ReplaceAll(b, old, put)
	}
}

func same(b []byte) []byte { return b }

func TestH5Classes(t *testing.T) {
	for _, c := range []struct {
		name, file, text, err string
		want                  []string
	}{
		{"ModelNet's", "shape_names.txt", "a\nb\nc\nd\n", "", []string{"a", "b", "c", "d"}},
		{"ours", "classes.txt", "x\ny\nz", "", []string{"x", "y", "z"}},
		{"too few", "classes.txt", "x\ny\n", "2 names, but label 2 is in use", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			out, _, err := convertH5(t, copyH5(t, dir, "train.h5", same))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s, err := OpenShards(out, "train")
			if err != nil || !slices.Equal(s.Classes(), c.want) {
				t.Errorf("%v (%v)", s, err)
			}
		})
	}
}

// TestH5Damaged: a clear error, and nothing is written.
func TestH5Damaged(t *testing.T) {
	nan := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN())))
	for _, c := range []struct {
		name, file, err string
		edit            func([]byte) []byte
	}{
		{"empty", "test.h5", "not an HDF5 file", func([]byte) []byte { return nil }},
		{"text", "test.h5", "not an HDF5 file", func([]byte) []byte { return []byte(strings.Repeat("text\n", 99)) }},
		{"truncated", "test.h5", "", func(b []byte) []byte { return b[:len(b)/2] }},
		{"truncated in a chunk", "train.h5", "", func(b []byte) []byte { return b[:len(b)*3/4] }},
		{"only its head", "train.h5", "", func(b []byte) []byte { return b[:100] }},
		{"absurdly many clouds", "test.h5", "takes more memory than the limit of 512 MB", replace(t, []uint64{2, 8, 3}, []uint64{1 << 40, 8, 3})},
		{"a size beyond all numbers", "test.h5", "want positive numbers of a reasonable size", replace(t, []uint64{2, 8, 3}, []uint64{1 << 40, 1 << 40, 3})},
		{"no points", "test.h5", "want positive numbers", replace(t, []uint64{2, 8, 3}, []uint64{2, 0, 3})},
		{"pairs of numbers", "test.h5", "want [clouds, points, 3 or more]", replace(t, []uint64{2, 8, 3}, []uint64{2, 8, 2})},
		{"fewer clouds than labels", "test.h5", "label has shape [2] for 1 clouds", replace(t, []uint64{2, 8, 3}, []uint64{1, 8, 3})},
		{"no label", "test.h5", `no dataset "label" at its root, which has`, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("label\x00"), []byte("lapel\x00")) }},
		{"negative label", "test.h5", "label of cloud 0 is -1", func(b []byte) []byte {
			at := bytes.Index(b, []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"))
			return slices.Concat(b[:at], bytes.Repeat([]byte{255}, 8), b[at+8:])
		}},
		{"not a number", "test.h5", "cloud 0: point 3 is at", func(b []byte) []byte {
			at := bytes.Index(b, []byte("\x00\x00\x40\x40\x00\x00\x00\x3f")) // y = 3, z = .5
			return slices.Concat(b[:at], nan, b[at+4:])
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := copyH5(t, t.TempDir(), c.file, c.edit)
			out, _, err := convertH5(t, path)
			if err == nil || !strings.HasPrefix(err.Error(), "convert "+path) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want one of %s: %q", err, path, c.err)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestH5Mutated converts files with some bytes changed: whatever the reader does,
// there is a folder or an error.
func TestH5Mutated(t *testing.T) {
	r := philox.New(1, "test", 0, 0)
	for n := range 16 {
		file := []string{"train.h5", "test.h5"}[n%2]
		path := copyH5(t, t.TempDir(), file, func(b []byte) []byte {
			for range 8 {
				b[r.IntN(min(len(b), 3000))] = byte(r.Uint32())
			}
			return b
		})
		out, counts, err := convertH5(t, path)
		if _, missing := os.Stat(out); (missing == nil) != (err == nil) || (counts == nil) != (err != nil) {
			t.Errorf("%v, error %v, folder %v", counts, err, missing)
		}
	}
}

func TestH5Crash(t *testing.T) {
	for _, c := range []struct{ how, want string }{
		{"memory", "convert /data/train.h5: reading it takes more than 512 MB of memory"},
		{"panic", "convert /data/train.h5: the reader crashed"},
		{"killed", "convert /data/train.h5: reading it takes more than 512 MB of memory"},
		{"unaware", "does not call point.H5Child"},
	} {
		t.Run(c.how, func(t *testing.T) {
			if c.how == "memory" && runtime.GOOS != "linux" {
				t.Skip("memory is not limited on " + runtime.GOOS)
			}
			t.Setenv(crashEnv, c.how)
			out, _, err := convertH5(t, "testdata/train.h5")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("there is a folder")
			}
		})
	}
}

func TestH5Refused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		name, want string
		files      []string
		limit      int64
	}{
		{"no split", "want one of train, test and val in its name", []string{"testdata/h5.py"}, h5Limit},
		{"two splits", `which has ["train" "test"]`, []string{"testdata/pretrained_test.h5"}, h5Limit},
		{"no more than a word", `which has ["test" "val"]`, []string{"testdata/latest_val.h5"}, h5Limit},
		{"no files", "no files", nil, h5Limit},
		{"no memory", "want at least 134217728", []string{"testdata/train.h5"}, 1 << 20},
		{"missing", "no such file", []string{"testdata/train9.h5"}, h5Limit},
		{"folder", "not a file", nil, h5Limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "folder" {
				dir := filepath.Join(t.TempDir(), "train.h5")
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				c.files = []string{dir}
			}
			if _, err := ConvertH5(t.Context(), c.files, out, c.limit); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	t.Setenv(childEnv, "1")
	if _, err := ConvertH5(t.Context(), []string{"testdata/train.h5"}, out, h5Limit); err == nil {
		t.Error("a child has children")
	}
}

func TestH5Stopped(t *testing.T) {
	t.Setenv(crashEnv, "hang")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	parent := t.TempDir()
	if _, err := ConvertH5(ctx, []string{"testdata/train.h5"}, filepath.Join(parent, "out"), h5Limit); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func FuzzH5Shape(f *testing.F) {
	f.Add("Dataset: float (size=4 bytes), 3D array [3 8 3], chunked (chunks=[2 4 3 4])")
	f.Add("2D array [3 x 1]")
	f.Fuzz(func(t *testing.T, info string) {
		shape, err := h5Shape(info)
		if err != nil {
			return
		}
		size := 1
		for _, d := range shape {
			if d < 1 || d > math.MaxInt/size {
				t.Fatalf("%q: shape %v", info, shape)
			}
			size *= d
		}
	})
}
