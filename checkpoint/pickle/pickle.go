// Package pickle reads Python pickles as data, in a closed world: it knows the
// containers and scalars of Python and nothing else.
//
// A pickle is a program for a small stack machine that names classes and
// functions and calls them. Here a name stays a name ([Global]), an instance of
// a class stays the parts that it was made of ([Object]), and every call goes to
// the caller's [Hooks], which refuse what they do not know. Nothing is looked
// up, loaded or executed, whatever the pickle says.
//
// Python's values become these in Go:
//
//	None, bool, float          nil, bool, float64
//	int                        int64, or [Long] where it does not fit
//	str, bytes                 string, []byte
//	tuple, list, dict          [Tuple], [*List], [*Dict]
//	class or function          [Global]
//	set, and anything else     [*Object]
//
// Pickles of protocol 2 and later are read, those that programs of this century
// write; of older protocols only what they share. Memory is bounded: what a
// pickle says about lengths is compared with the bytes that are left, and it may
// have 4 million instructions, each of which takes at most some 150 bytes beside
// the text that it holds. Values may share parts and contain themselves, as in
// Python: whoever walks them has to bound the walk.
package pickle

import (
	"errors"
	"fmt"
	"slices"
)

// ErrMalformed marks pickles that no program writes.
var ErrMalformed = errors.New("malformed pickle")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

// Hooks is what a pickle may ask of its reader. A hook that is nil refuses.
type Hooks struct {
	// Call returns f(args...), or an error where f is not known to be harmless.
	Call func(f Global, args Tuple) (any, error)
	// Persistent returns what lies outside the pickle under that id.
	Persistent func(id any) (any, error)
}

// Global is a class or function by name.
type Global struct{ Module, Name string }

// String is "module.name".
func (g Global) String() string { return g.Module + "." + g.Name }

// Tuple is a Python tuple.
type Tuple []any

// List is a Python list.
type List struct{ Items []any }

// Dict is a Python dict, or a class of dicts that a hook knows. Entries are in
// the order in which they were set; a key may appear twice.
type Dict struct{ Entries []Entry }

// Entry is a key of a [Dict] with its value.
type Entry struct{ Key, Value any }

// Lookup returns the value last set under a string, and whether there is one.
func (d *Dict) Lookup(key string) (any, bool) {
	for _, e := range slices.Backward(d.Entries) {
		if e.Key == any(key) {
			return e.Value, true
		}
	}
	return nil, false
}

// Object is an inert instance of a class: what it was called with, given as its
// state, and filled with, in that order.
type Object struct {
	Class Global
	Parts []any
}

// Long is an integer that does not fit an int64: two's complement, little endian.
type Long string

// maxInstructions is far above the 40 per tensor that a checkpoint with the
// state of its optimizer takes.
const maxInstructions = 1 << 22

// Read reads one pickle from in, up to and with its last instruction, and
// returns the value that it stands for.
func Read(in *Reader, hooks Hooks) (any, error) {
	m := machine{in: in, hooks: hooks, memo: make(map[uint32]any)}
	instructions := instructions()
	for range maxInstructions {
		at := in.Pos()
		code, err := in.byte()
		if err != nil {
			return nil, err
		}
		if code == stop {
			return m.result()
		}
		do := instructions[code]
		if do == nil {
			return nil, fmt.Errorf("pickle byte %d: instruction %q is unknown or of protocol 0 or 1: save the file anew with protocol 2", at, code)
		}
		if err := do(&m); err != nil {
			return nil, fmt.Errorf("pickle byte %d: %w", at, err)
		}
	}
	return nil, malformed("more than %d instructions", maxInstructions)
}
