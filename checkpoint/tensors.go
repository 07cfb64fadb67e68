package checkpoint

import (
	"fmt"
	"iter"
	"slices"
)

// Tensors is an ordered collection of tensors with unique names: the content
// of one file. The zero value is empty and ready to use.
type Tensors struct {
	// Metadata is free text beside the tensors ("format": "pt"). Safetensors
	// files keep it, npz files do not.
	Metadata map[string]string

	source string // the file they came from, for messages
	list   []Tensor
	index  map[string]int
}

// Collect returns the tensors of list in that order, or the error of the first
// that [Tensors.Add] refuses.
func Collect(list ...Tensor) (*Tensors, error) {
	ts := new(Tensors)
	for _, t := range list {
		if err := ts.Add(t); err != nil {
			return nil, err
		}
	}
	return ts, nil
}

// Add appends t, which it borrows. A name that is empty or taken, and data that
// does not fit dtype and shape, are errors.
func (ts *Tensors) Add(t Tensor) error {
	if err := t.check(); err != nil {
		return err
	}
	if _, taken := ts.index[t.Name]; taken {
		return fmt.Errorf("tensor %q: name appears twice", t.Name)
	}
	if ts.index == nil {
		ts.index = make(map[string]int)
	}
	ts.index[t.Name] = len(ts.list)
	ts.list = append(ts.list, t)
	return nil
}

// Lookup returns the tensor called name, and whether there is one.
func (ts *Tensors) Lookup(name string) (Tensor, bool) {
	i, ok := ts.index[name]
	if !ok {
		return Tensor{}, false
	}
	return ts.list[i], true
}

// Get is Lookup with an error that names the file and the tensor.
func (ts *Tensors) Get(name string) (Tensor, error) {
	t, ok := ts.Lookup(name)
	if !ok {
		return t, fmt.Errorf("%stensor %q: not among the %d there", ts.where(), name, ts.Len())
	}
	return t, nil
}

// where begins a message about tensors that came from a file.
func (ts *Tensors) where() string {
	if ts.source == "" {
		return ""
	}
	return fmt.Sprintf("%q: ", ts.source)
}

// Len is the number of tensors.
func (ts *Tensors) Len() int { return len(ts.list) }

// All yields the tensors in order.
func (ts *Tensors) All() iter.Seq[Tensor] { return slices.Values(ts.list) }

// Names yields their names in order.
func (ts *Tensors) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range ts.list {
			if !yield(t.Name) {
				return
			}
		}
	}
}
