package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/internal/fixture"
)

// TestRecordedPyTorch compares every recorded file, in both parts, with the
// tensors that PyTorch found in it.
func TestRecordedPyTorch(t *testing.T) {
	paths := slices.Concat(fixture.Recorded(t, "ckpt_*.pth"), fixture.Recorded(t, "crafted_ok*.pth"))
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := recordedTensors(t, strings.TrimSuffix(path, ".pth")+"_expected.npz")
			got, err := LoadAll(path)
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, got, want)
			model, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			for w := range model.All() {
				if !slices.ContainsFunc(slices.Collect(want.All()), func(x Tensor) bool {
					return strings.HasSuffix("."+x.Name, "."+w.Name) && bytes.Equal(x.Data, w.Data)
				}) {
					t.Errorf("%q of the model is not recorded", w.Name)
				}
			}
		})
	}
}

// recordedTensors are the tensors in a file of what PyTorch found, with the
// dtypes and shapes that npz could not hold.
func recordedTensors(t *testing.T, path string) *Tensors {
	ts, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var meta struct {
		Tensors map[string]struct {
			Dtype string
			Shape []int
		}
	}
	text, _ := ts.Lookup("meta/json")
	if err := json.Unmarshal(text.Data, &meta); err != nil {
		t.Fatal(err)
	}
	want := new(Tensors)
	for w := range ts.All() {
		was, ok := meta.Tensors[w.Name]
		if !ok {
			continue
		}
		w.Name, w.Shape = strings.ReplaceAll(w.Name, "/", "."), was.Shape
		d, ok := dtypeOfPyTorch(was.Dtype)
		if !ok {
			t.Fatalf("dtype %q", was.Dtype)
		}
		switch {
		case d == Float16 || d == BFloat16:
			w.Data = narrow(t, w, d)
		case d.Size() != w.Dtype.Size():
			t.Fatalf("%v stored as %v", d, w.Dtype)
		}
		w.Dtype = d
		if err := want.Add(w); err != nil {
			t.Fatal(err)
		}
	}
	return want
}

// narrow undoes the exact widening of 16-bit floats, by trying all of them.
func narrow(t *testing.T, w Tensor, d Dtype) []byte {
	widen := map[Dtype]func(uint16) float32{Float16: float16ToFloat32, BFloat16: bfloat16ToFloat32}[d]
	narrowed := make(map[uint32]uint16)
	for h := range 1 << 16 {
		narrowed[math.Float32bits(widen(uint16(h)))] = uint16(h)
	}
	var out []byte
	for _, v := range valuesOf[uint32](w.Data) {
		h, ok := narrowed[v]
		if !ok {
			t.Fatalf("%#x is no widened %v", v, d)
		}
		out = binary.LittleEndian.AppendUint16(out, h)
	}
	return out
}

// TestRecordedAttacks: files that do harm when trusted give an error, execute
// nothing and take no memory.
func TestRecordedAttacks(t *testing.T) {
	pwned := filepath.Join(os.TempDir(), "pwned")
	if _, err := os.Stat(pwned); err == nil {
		t.Fatalf("%s is there already: remove it", pwned)
	}
	for _, path := range slices.Concat(fixture.Recorded(t, "refuse_*"), fixture.Recorded(t, "malformed_*")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, load := range []func(string) (*Tensors, error){Load, LoadAll} {
				allocated := allocation(func() {
					ts, err := load(path)
					wantError(t, err, path)
					if ts != nil {
						t.Errorf("%d tensors beside the error", ts.Len())
					}
				})
				if limit := 1<<20 + 2*uint64(info.Size()); allocated > limit {
					t.Errorf("%d bytes allocated, want at most %d", allocated, limit)
				}
			}
		})
	}
	if _, err := os.Stat(pwned); err == nil {
		t.Errorf("%s was made", pwned)
	}
}
