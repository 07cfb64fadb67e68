//go:build m2ptemu

// Package kerneltest launches one kernel on Go slices, for the tests of kernels.
package kerneltest

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"

	"m2pt/cuda/driver"
	"m2pt/cuda/emulated"
	"m2pt/engine"
)

// Storages are what activations may be kept in.
func Storages() []engine.Storage { return []engine.Storage{engine.Full, engine.BF16} }

// seeds are the orders of threads that each kernel runs in: the plain one and random ones.
func seeds() []uint64 { return []uint64{0, 1, 2} }

// Launch is a kernel call on slices.
type Launch struct {
	Kernel string
	Grid   [3]int
	Block  int
	Shared int
	// Args are slices of numbers, which the kernel may change; nil, a pointer to nothing;
	// int for a parameter of type long or int, and float32. A slice that occurs twice is
	// one memory.
	Args []any
}

// Run launches a kernel in several orders of its threads, each time on the arguments as
// they are, and fails where two orders differ in a bit of any slice. What the kernel wrote
// is then in the slices. Every slice lies in memory of its own.
func Run(t testing.TB, l Launch) {
	t.Helper()
	before := make([][]byte, len(l.Args))
	for i, a := range l.Args {
		before[i] = bytes.Clone(raw(a))
	}
	var first [][]byte
	for _, seed := range seeds() {
		after, err := Once(seed, l, before)
		if err != nil {
			t.Fatalf("%s in order %d: %v", l.Kernel, seed, err)
		}
		if first == nil {
			first = after
		}
		for i := range after {
			if !bytes.Equal(after[i], first[i]) {
				t.Fatalf("%s: argument %d depends on the order of threads (order %d)", l.Kernel, i, seed)
			}
		}
	}
	for i, a := range l.Args {
		copy(raw(a), first[i])
	}
}

// Once launches in one order on the given contents of the slices and returns what they
// are afterwards.
func Once(seed uint64, l Launch, contents [][]byte) (after [][]byte, err error) {
	d, err := emulated.Open(emulated.Options{Seed: seed})
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, d.Close()) }()
	at := make(map[*byte]driver.Pointer)
	cells := make([]uint64, len(l.Args))
	for i, a := range l.Args {
		switch v := a.(type) {
		case nil:
		case int:
			cells[i] = uint64(v)
		case float32:
			cells[i] = uint64(math.Float32bits(v))
		default:
			data := unsafe.SliceData(raw(a))
			if at[data] == 0 {
				if at[data], err = place(d, contents[i]); err != nil {
					return nil, err
				}
			}
			cells[i] = uint64(at[data])
		}
	}
	run, err := d.Launch(driver.Launch{Kernel: l.Kernel, Grid: l.Grid, Block: l.Block, Shared: l.Shared, Args: cells})
	if err != nil {
		return nil, err
	}
	if err := run(); err != nil {
		return nil, err
	}
	after = make([][]byte, len(l.Args))
	for i, a := range l.Args {
		if after[i] = make([]byte, len(contents[i])); len(after[i]) > 0 {
			if err := d.Read(after[i], at[unsafe.SliceData(raw(a))]); err != nil {
				return nil, err
			}
		}
	}
	return after, nil
}

func place(d driver.Driver, data []byte) (driver.Pointer, error) {
	p, err := d.Alloc(max(len(data), 1))
	if err != nil {
		return 0, err
	}
	return p, d.Write(p, data)
}

// raw is the memory of a slice, or nil of what is none.
func raw(a any) []byte {
	switch v := a.(type) {
	case nil, int, float32:
		return nil
	case []float32:
		return memory(v)
	case []uint16:
		return memory(v)
	case []int32:
		return memory(v)
	case []uint32:
		return memory(v)
	case []int64:
		return memory(v)
	case []uint64:
		return memory(v)
	case []uint8:
		return v
	}
	panic(fmt.Sprintf("kerneltest: an argument is a %T", a))
}

func memory[E any](v []E) []byte {
	var e E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(e)))
}

// Keep returns a copy of x as s keeps it: a []float32, or a []uint16 of upper halves.
func Keep(s engine.Storage, x []float32) any {
	if s == engine.Full {
		return slices.Clone(x)
	}
	half := make([]uint16, len(x))
	s.Encode(memory(half), x)
	return half
}

// Values widens what Keep returned.
func Values(kept any) []float32 {
	half, ok := kept.([]uint16)
	if !ok {
		return kept.([]float32)
	}
	x := make([]float32, len(half))
	engine.BF16.Decode(x, memory(half))
	return x
}

// Round is x as s keeps it.
func Round(s engine.Storage, x float32) float32 { return Values(Keep(s, []float32{x}))[0] }
