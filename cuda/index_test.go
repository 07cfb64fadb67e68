//go:build m2ptemu || m2ptcuda

package cuda_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"m2pt/engine"
	"m2pt/ops"
)

// TestIndexOutside: an index outside its range reads and writes nothing outside, and what it
// should have named is not a number, which the check of a step's numbers finds.
func TestIndexOutside(t *testing.T) {
	d := open(t, engine.Full)
	f := ops.F32
	ints := func(shape ...int) ops.Spec { return ops.Spec{Shape: shape, Dtype: ops.Int32} }
	for _, c := range []struct {
		kind ops.Kind
		in   []ops.Spec // the last is the index
		bad  int        // outputs that are not numbers
	}{
		{ops.Gather{}, []ops.Spec{f(3, 5, 4), ints(3, 5)}, 4},
		{ops.Gather{}, []ops.Spec{f(1, 5, 4), ints(3, 5)}, 4},
		{ops.Scatter{N: 5}, []ops.Spec{f(3, 5, 4), ints(3, 5)}, 5 * 4},
		{ops.Scatter{N: 5, Shared: true}, []ops.Spec{f(3, 5, 4), ints(3, 5)}, 5 * 4},
		{ops.MaxPoolGrad{N: 5}, []ops.Spec{f(3, 4), ints(3, 4)}, 5},
		{ops.OneHot{Classes: 5, To: ops.Float32}, []ops.Spec{ints(3, 5)}, 5},
	} {
		for index, bad := range map[int32]int{-1: c.bad, 5: c.bad, 4: 0, 1 << 30: c.bad} {
			got, err := notNumbers(d, c.kind, c.in, index)
			if err != nil {
				t.Fatal(err)
			}
			if got != bad {
				t.Errorf("%v: index %d of 5: %d of the outputs are not numbers, want %d", c.kind, index, got, bad)
			}
		}
	}
}

// notNumbers runs a kind on zeros, and zero indices but for one, and counts the elements of
// its output that are no numbers.
func notNumbers(d engine.Device, k ops.Kind, in []ops.Spec, index int32) (n int, err error) {
	out, err := k.Infer(in)
	if err != nil {
		return 0, err
	}
	place := func(s ops.Spec) engine.Tensor {
		m, e := d.Alloc(s.Bytes())
		if err == nil {
			err = e
		}
		return engine.Tensor{Spec: s, Mem: m}
	}
	var args []engine.Tensor
	for _, s := range in {
		args = append(args, place(s))
	}
	y := place(out[0])
	if err != nil {
		return 0, err
	}
	defer func() {
		for _, a := range append(args, y) {
			a.Mem.Free()
		}
	}()
	run, err := d.Kernel(k, args, []engine.Tensor{y})
	if err != nil {
		return 0, err
	}
	list := args[len(args)-1]
	bytes := make([]byte, list.Bytes())
	binary.NativeEndian.PutUint32(bytes[4*7:], uint32(index))
	if err := d.Upload(list, bytes); err != nil {
		return 0, err
	}
	if err := run(); err != nil {
		return 0, fmt.Errorf("%v: %w", k, err)
	}
	result := make([]byte, y.Bytes())
	if err := d.Download(result, y); err != nil {
		return 0, err
	}
	for i := 0; i < len(result); i += 4 {
		if v := math.Float32frombits(binary.NativeEndian.Uint32(result[i:])); v != v {
			n++
		}
	}
	return n, nil
}
