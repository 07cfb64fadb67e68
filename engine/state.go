package engine

import (
	"fmt"
	"unsafe"

	"m2pt/ops"
)

// State is what lives between steps, by name, in device memory. It is made once
// and outlives the programs compiled against it: training, evaluation and other
// batch sizes share it.
type State struct {
	dev     Device
	tensors map[string]Tensor
	names   []string
	version uint64 // rises whenever a value may have changed
}

// NewState returns an empty State on dev.
func NewState(dev Device) *State { return &State{dev: dev, tensors: map[string]Tensor{}} }

// Device is where the state lives.
func (s *State) Device() Device { return s.dev }

// Add makes room for a tensor, zeroed.
func (s *State) Add(name string, spec ops.Spec) error {
	if _, ok := s.tensors[name]; ok {
		return fmt.Errorf("state %q exists already", name)
	}
	mem, err := s.dev.Alloc(spec.Bytes())
	if err != nil {
		return fmt.Errorf("state %q: %w", name, err)
	}
	s.tensors[name] = Tensor{Spec: spec, Mem: mem}
	s.names = append(s.names, name)
	return nil
}

// Names are the tensors' names in the order they were added.
func (s *State) Names() []string { return s.names }

// Has reports whether there is a tensor of that name.
func (s *State) Has(name string) bool { _, ok := s.tensors[name]; return ok }

// Spec is the type of a tensor, zero when there is none.
func (s *State) Spec(name string) ops.Spec { return s.tensors[name].Spec }

// Bytes is the memory of all tensors.
func (s *State) Bytes() int {
	n := 0
	for _, t := range s.tensors {
		n += t.Bytes()
	}
	return n
}

// Close frees all tensors.
func (s *State) Close() {
	for _, t := range s.tensors {
		t.Mem.Free()
	}
	clear(s.tensors)
	s.names = nil
}

// Set writes a tensor from the host.
func Set[T any](s *State, name string, values []T) error {
	t, ok := s.tensors[name]
	if !ok {
		return fmt.Errorf("set state %q: no such tensor", name)
	}
	if err := checkElems[T](t.Spec, len(values)); err != nil {
		return fmt.Errorf("set state %q: %w", name, err)
	}
	s.version++
	return s.dev.Upload(t, bytesOf(values))
}

// Get reads a tensor to the host.
func Get[T any](s *State, name string) ([]T, error) {
	t, ok := s.tensors[name]
	if !ok {
		return nil, fmt.Errorf("get state %q: no such tensor", name)
	}
	values := make([]T, t.Len())
	if err := checkElems[T](t.Spec, len(values)); err != nil {
		return nil, fmt.Errorf("get state %q: %w", name, err)
	}
	return values, s.dev.Download(bytesOf(values), t)
}

func checkElems[T any](s ops.Spec, n int) error {
	var zero T
	if s.Len() != n || s.Dtype.Size() != unsafe.Sizeof(zero) {
		return fmt.Errorf("%d elements of %T for %v", n, zero, s)
	}
	return nil
}

func bytesOf[T any](v []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
}
