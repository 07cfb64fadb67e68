package parity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"m2pt/checkpoint"
)

// Fixture is one recorded file: an npz archive with its tensors and the text
// meta/json, or a json object.
type Fixture struct {
	Dir  string // of the file
	Name string // of the file in it
	Kind string
	Meta []byte // JSON: the hyper-parameters, or the whole of a json file
	*checkpoint.Tensors
}

// metaName is the tensor that holds the meta text.
const metaName = "meta/json"

// unlabelled are the kinds of files that carry none, by how their names begin.
func unlabelled(name string) (kind string, ok bool) {
	for _, f := range []struct{ prefix, kind string }{
		{"timm_vit_base_patch16_224_keys.json", "timm_vit_keys"},
		{"ckpt_", "ckpt_*"},
		{"refuse_", "refuse_*"},
		{"malformed_", "malformed_*"},
		{"crafted_ok", "crafted_ok*"},
	} {
		if strings.HasPrefix(name, f.prefix) {
			return f.kind, true
		}
	}
	return "", false
}

// isFixture tells fixtures from what else lies in their folder.
func isFixture(name string) bool {
	_, known := unlabelled(name)
	return known || labelled(name)
}

// labelled are the files that say of what kind they are.
func labelled(name string) bool {
	return slices.Contains([]string{".npz", ".json"}, filepath.Ext(name))
}

// Open reads a fixture. Files of foreign formats, which only their name tells
// the kind of, are not read.
func Open(path string) (*Fixture, error) {
	f := &Fixture{Dir: filepath.Dir(path), Name: filepath.Base(path), Tensors: &checkpoint.Tensors{}}
	if !labelled(f.Name) {
		f.Kind, _ = unlabelled(f.Name)
		return f, nil
	}
	if err := f.read(path); err != nil {
		return nil, fmt.Errorf("read fixture %q: %w", f.Name, err)
	}
	return f, f.label()
}

func (f *Fixture) read(path string) (err error) {
	if filepath.Ext(path) == ".json" {
		f.Meta, err = os.ReadFile(path)
		return err
	}
	if f.Tensors, err = checkpoint.Load(path); err != nil {
		return err
	}
	if t, ok := f.Lookup(metaName); ok {
		f.Meta, err = t.Bytes()
	}
	return err
}

// label finds the kind: the member of the meta, else by the file's name.
func (f *Fixture) label() error {
	var meta struct{ Kind string }
	if f.Meta != nil {
		if err := json.Unmarshal(f.Meta, &meta); err != nil {
			return fmt.Errorf("read fixture %q: meta: %w", f.Name, err)
		}
	}
	f.Kind = meta.Kind
	if f.Kind != "" {
		return nil
	}
	var ok bool
	if f.Kind, ok = unlabelled(f.Name); !ok {
		return fmt.Errorf("read fixture %q: no kind: %s has no member \"kind\"", f.Name, metaName)
	}
	return nil
}

// isResult reports whether a recorded tensor is something to reproduce.
func isResult(name string) bool {
	group, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{"out", "loss", "state", "state_after", "final"}, group) || isGradient(group)
}

// meta fills v from the hyper-parameters.
func (r *replay) meta(v any) {
	if err := json.Unmarshal(r.Meta, v); err != nil {
		r.stop(fmt.Errorf("meta: %w", err))
	}
}

// has reports whether the file holds a tensor.
func (r *replay) has(name string) bool { _, ok := r.Lookup(name); return ok }

// tensor is a tensor that the file must hold.
func (r *replay) tensor(name string) checkpoint.Tensor {
	t, err := r.Get(name)
	r.must(err)
	return t
}

// numbers are the elements of any tensor as float64.
func (r *replay) numbers(t checkpoint.Tensor) []float64 {
	switch t.Dtype {
	case checkpoint.Float32, checkpoint.Float64:
		v, err := t.Float64s()
		r.must(err)
		return v
	}
	ints, err := t.Int64s()
	r.must(err)
	return convert[float64](ints)
}

// floats are the elements of a floating tensor as float32.
func (r *replay) floats(name string) []float32 {
	v, err := r.tensor(name).Float32s()
	r.must(err)
	return v
}

// ints are the elements of an integer tensor as int32, the engine's integers.
func (r *replay) ints(name string) []int32 {
	v, err := r.tensor(name).Int64s()
	r.must(err)
	return convert[int32](v)
}

type number interface {
	~float32 | ~float64 | ~int | ~int32 | ~int64 | ~uint8
}

func convert[To, From number](v []From) []To {
	out := make([]To, len(v))
	for i, x := range v {
		out[i] = To(x)
	}
	return out
}

// below yields what follows prefix in the names of the file's tensors, in order.
func (r *replay) below(prefix string) []string {
	var names []string
	for t := range r.All() {
		if name, ok := strings.CutPrefix(t.Name, prefix); ok {
			names = append(names, name)
		}
	}
	return names
}

// match lists the tensors whose names match a pattern, with its groups.
func (r *replay) match(pattern string) [][]string {
	re := regexp.MustCompile("^" + pattern + "$")
	var found [][]string
	for t := range r.All() {
		if m := re.FindStringSubmatch(t.Name); m != nil {
			found = append(found, m)
		}
	}
	return found
}
