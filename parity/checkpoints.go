package parity

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/checkpoint"
)

// expected ends the names of files that record what PyTorch found in the
// checkpoint beside them.
const expected = "_expected.npz"

// recordedCheckpoint replays checkpoint_*: every tensor of a PyTorch file, with
// its keys joined by "/". 16-bit floats are recorded as float32, bool as uint8 and
// scalars as vectors; what they were says the meta.
func recordedCheckpoint(r *replay) {
	var meta struct {
		Tensors map[string]struct {
			Dtype string
			Shape []int
		}
	}
	r.meta(&meta)
	got, err := checkpoint.LoadAll(filepath.Join(r.Dir, strings.TrimSuffix(r.Name, expected)+".pth"))
	r.must(err)
	if got.Len() != len(meta.Tensors) {
		r.failures = append(r.failures, fmt.Errorf("%d tensors, recorded %d", got.Len(), len(meta.Tensors)))
	}
	for name, want := range meta.Tensors {
		t, err := got.Get(strings.ReplaceAll(name, "/", "."))
		r.must(err)
		if t.Dtype.String() != want.Dtype || !slices.Equal(t.Shape, want.Shape) {
			r.failures = append(r.failures, fmt.Errorf("%q is %v %v, recorded %v %v", name, t.Dtype, t.Shape, want.Dtype, want.Shape))
		}
		r.compared[name] = true
		if !slices.Equal(bits(r.elements(t)), bits(r.elements(r.tensor(name)))) {
			r.failures = append(r.failures, fmt.Errorf("%q has other elements than recorded", name))
		}
	}
}

// elements are those of a tensor of any dtype, exactly but for integers beyond 2^53.
func (r *replay) elements(t checkpoint.Tensor) []float64 {
	if v, err := t.Float64s(); err == nil {
		return v
	}
	v, err := t.Int64s()
	r.must(err)
	return convert[float64](v)
}

// bits tells NaNs of different payloads and zeros of different signs apart.
func bits(v []float64) []uint64 {
	out := make([]uint64, len(v))
	for i, x := range v {
		out[i] = math.Float64bits(x)
	}
	return out
}

// readableCheckpoint replays ckpt_* and crafted_ok*: the file has a model, whose
// tensors are among those of the whole file.
func readableCheckpoint(r *replay) {
	path := filepath.Join(r.Dir, r.Name)
	model, err := checkpoint.Load(path)
	r.must(err)
	all, err := checkpoint.LoadAll(path)
	r.must(err)
	for t := range model.All() {
		r.compared[t.Name] = true
		if !slices.ContainsFunc(slices.Collect(all.All()), func(a checkpoint.Tensor) bool {
			return strings.HasSuffix("."+a.Name, "."+t.Name) && bytes.Equal(a.Data, t.Data)
		}) {
			r.failures = append(r.failures, fmt.Errorf("%q of the model is not in the file", t.Name))
		}
	}
}

// harmfulCheckpoint replays refuse_* and malformed_*: the file is refused, and
// nothing in it is executed. What tries to be makes the file pwned.
func harmfulCheckpoint(r *replay) {
	r.compared[r.Name] = true
	for _, load := range []func(string) (*checkpoint.Tensors, error){checkpoint.Load, checkpoint.LoadAll} {
		if ts, err := load(filepath.Join(r.Dir, r.Name)); err == nil {
			r.failures = append(r.failures, fmt.Errorf("was read, with %d tensors: want an error", ts.Len()))
		}
	}
	pwned := filepath.Join(os.TempDir(), "pwned")
	if _, err := os.Stat(pwned); !errors.Is(err, fs.ErrNotExist) {
		r.failures = append(r.failures, fmt.Errorf("%s is there: the file was executed", pwned))
	}
}
