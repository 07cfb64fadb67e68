package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"m2pt/checkpoint/pickle"
)

// part finds what to load in the value that a PyTorch file holds.
type part func(root any) (any, error)

// whole is the part with everything in it.
func whole(root any) (any, error) { return root, nil }

// modelKeys are the keys under which training programs save the model beside the
// optimizer: MAE, AudioMAE and VideoMAE; DeepSpeed; timm and the model zoo of
// M2PT; Point-MAE; its segmentation.
func modelKeys() []string {
	return []string{"model", "module", "state_dict", "base_model", "model_state_dict"}
}

// AveragesKey is the key of [Tensors.Metadata] under which the tensors of a PyTorch
// file's model tell that there are averaged ones beside them: what the file calls
// those.
const AveragesKey = "averages"

// averagesKeys are what MAE and VideoMAE call averaged weights, and timm.
func averagesKeys() []string { return []string{"model_ema", "state_dict_ema"} }

// beside is the metadata of a part of a value.
func beside(root, part any) map[string]string {
	d, ok := root.(*pickle.Dict)
	if !ok || any(d) == part {
		return nil
	}
	for _, key := range averagesKeys() {
		if v, _ := d.Lookup(key); v != nil {
			return map[string]string{AveragesKey: key}
		}
	}
	return nil
}

// modelPart is the dict of the model: the first that there is under one of
// modelKeys, else the root where it holds tensors itself.
func modelPart(root any) (any, error) {
	d, ok := root.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("holds %s, want a dict of tensors: save model.state_dict()", describeValue(root))
	}
	instead := ""
	for _, key := range modelKeys() {
		switch v, _ := d.Lookup(key); v.(type) {
		case *pickle.Dict:
			return v, nil
		case *pickle.Object:
			instead = fmt.Sprintf(" (%q is %s)", key, describeValue(v))
		}
	}
	if slices.ContainsFunc(d.Entries, func(e pickle.Entry) bool { _, ok := e.Value.(*view); return ok }) {
		return d, nil
	}
	return nil, fmt.Errorf("none of its %d keys is a tensor or a dict called %s%s: save model.state_dict()",
		len(d.Entries), strings.Join(modelKeys(), ", "), instead)
}

func describeValue(v any) string {
	switch v := v.(type) {
	case *pickle.Object:
		return fmt.Sprintf("an object of class %.80q", v.Class)
	case *view:
		return "a bare tensor"
	}
	return fmt.Sprintf("a %s", strings.TrimPrefix(fmt.Sprintf("%T", v), "*"))
}

// named is a tensor under the keys that lead to it, joined by dots.
type named struct {
	name string
	*view
}

// search collects the tensors of a value. Its steps are as many as the pickle
// has bytes: more are only needed where a few parts are shared very often, which
// is how a small pickle stands for a huge value.
type search struct {
	steps int64
	found []named
}

const (
	maxDepth = 64
	maxName  = 1024 // bytes
)

func (s *search) step(depth int) error {
	s.steps--
	if s.steps < 0 || depth > maxDepth {
		return corrupt("values are shared too often or more than %d deep", maxDepth)
	}
	return nil
}

// tensors collects what lies in dicts, lists and tuples under name. Objects are
// passed over unless there are tensors in them, which have no name there.
func (s *search) tensors(name string, v any, depth int) error {
	if err := s.step(depth); err != nil {
		return err
	}
	switch v := v.(type) {
	case *view:
		return s.add(name, v)
	case *pickle.Dict:
		for _, e := range v.Entries {
			if err := s.entry(name, e, depth+1); err != nil {
				return err
			}
		}
	case *pickle.List:
		return s.items(name, v.Items, depth+1)
	case pickle.Tuple:
		return s.items(name, v, depth+1)
	case *pickle.Object:
		return s.none(name, v, depth)
	}
	return nil
}

func (s *search) entry(name string, e pickle.Entry, depth int) error {
	switch key := e.Key.(type) {
	case string:
		return s.tensors(join(name, key), e.Value, depth)
	case int64:
		return s.tensors(join(name, strconv.FormatInt(key, 10)), e.Value, depth)
	}
	return s.none(join(name, "?"), e.Value, depth)
}

func (s *search) items(name string, items []any, depth int) error {
	for i, v := range items {
		if err := s.tensors(join(name, strconv.Itoa(i)), v, depth); err != nil {
			return err
		}
	}
	return nil
}

// join puts a key behind a name; what is too long stays so.
func join(name, key string) string {
	if name == "" || len(name) > maxName {
		return name + key[:min(len(key), maxName+1)]
	}
	return name + "." + key[:min(len(key), maxName+1)]
}

func (s *search) add(name string, v *view) error {
	if len(name) > maxName || !utf8.ValidString(name) {
		return corrupt("tensor %.40q...: its name is no UTF-8 or has more than %d bytes", name, maxName)
	}
	s.found = append(s.found, named{name, v})
	return nil
}

// none fails where v, which has no named parts, has a tensor among them.
func (s *search) none(name string, v any, depth int) error {
	if err := s.step(depth); err != nil {
		return err
	}
	var parts []any
	switch v := v.(type) {
	case *view:
		return fmt.Errorf("key %q: tensors within an object, want a dict of tensors: save model.state_dict()", name)
	case *pickle.Object:
		parts = v.Parts
	case *pickle.List:
		parts = v.Items
	case pickle.Tuple:
		parts = v
	case *pickle.Dict:
		for _, e := range v.Entries {
			parts = append(parts, e.Key, e.Value)
		}
	}
	for _, p := range parts {
		if err := s.none(name, p, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pickledTensors reads the tensors in a part of a file of size bytes whose
// pickle has steps bytes.
func pickledTensors(root any, p part, size, steps int64) (*Tensors, error) {
	v, err := p(root)
	if err != nil {
		return nil, err
	}
	s := search{steps: steps}
	if err := s.tensors("", v, 0); err != nil {
		return nil, err
	}
	if len(s.found) == 0 {
		return nil, errors.New("holds no tensor: save model.state_dict()")
	}
	ts, err := materialize(s.found, size)
	if err != nil {
		return nil, err
	}
	ts.Metadata = beside(root, v)
	return ts, nil
}

// slack is what views may take beyond the size of their file, for tiny files.
const slack = 1 << 20 // bytes

// materialize makes tensors of views in a file of size bytes. A view whose elements
// lie in order shares the memory of its storage, others are copied. Storages are
// read on all processors, and let go of after their views: a file of transposed
// weights is not held twice.
func materialize(found []named, size int64) (*Tensors, error) {
	if err := checkCopies(found, size); err != nil {
		return nil, err
	}
	list := make([]Tensor, len(found))
	storages := byStorage(found)
	err := parallel(len(storages), func(i int) error {
		s := found[storages[i][0]]
		data, err := s.storage.read()
		if err != nil {
			return fmt.Errorf("tensor %q: storage: %w", s.name, err)
		}
		for _, k := range storages[i] {
			f := found[k]
			list[k] = Tensor{f.name, f.dtype, f.shape, f.elements(data)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ts, err := Collect(list...)
	if err != nil {
		return nil, corrupt("%w", err)
	}
	return ts, nil
}

// checkCopies fails where the copies that views need are together larger than the
// file: a storage repeated without end is an attack.
func checkCopies(found []named, size int64) error {
	room := size + slack
	for _, f := range found {
		room -= int64(len(f.name))
		if !f.contiguous() {
			room -= int64(f.bytes())
		}
		if room < 0 {
			return corrupt("tensor %.40q: shape %v with strides %v: views repeat more than the file holds", f.name, f.shape, f.strides)
		}
	}
	return nil
}

// byStorage groups the numbers of views by their storage, in the order in which
// storages appear.
func byStorage(found []named) [][]int {
	var groups [][]int
	place := make(map[*storage]int)
	for k, f := range found {
		i, ok := place[f.storage]
		if !ok {
			i = len(groups)
			place[f.storage], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], k)
	}
	return groups
}

// bytes is the size of the view's elements; [newView] has checked that it is one.
func (v *view) bytes() int {
	n := v.dtype.Size()
	for _, dim := range v.shape {
		n *= dim
	}
	return n
}

// elements returns those of the view, in order, out of the data of its storage.
func (v *view) elements(data []byte) []byte {
	n := v.bytes()
	switch at := v.offset * v.dtype.Size(); {
	case n == 0:
		return nil
	case v.contiguous():
		return data[at : at+n : at+n]
	default:
		return gather(data[at:], v.shape, v.strides, v.dtype.Size())
	}
}

// contiguous tells whether the elements lie in order, without holes.
func (v *view) contiguous() bool {
	stride := 1
	for d, dim := range slices.Backward(v.shape) {
		if dim != 1 && v.strides[d] != stride {
			return false
		}
		stride *= dim
	}
	return true
}
