package opstest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"m2pt/engine"
	"m2pt/ops"
)

// Options say what Run holds a device to.
type Options struct {
	// Full is the largest error of a kernel whose operands are all kept in full, BF16
	// that of one with an operand in bfloat16.
	Full, BF16 float64
	// MaxElements leaves out the cases whose operands have more elements together, where
	// kernels are slow; 0 leaves out none. From 256 on every kind has a case.
	MaxElements int
}

// Run holds every kernel of dev, in float32, to the kind's Do in float64: the
// error of each output is small; nothing but the outputs is written, to
// the byte; what was in the outputs before does not matter; a second run gives
// the same bits; all this also where an output shares memory with an input as
// ops.InPlace allows.
//
// Where dev is an engine.Storer operands are kept as it wants them, given inputs in
// full and given all in bfloat16. Do gets the numbers that dev does: they are rounded
// before. Where dev is an engine.Fuser there are cases for what it does at once, too.
func Run(t *testing.T, dev engine.Device, o Options) {
	cases := Cases()
	if _, ok := dev.(engine.Storer); ok {
		cases = append(cases, casts()...)
	}
	if d, ok := dev.(engine.Fuser); ok {
		cases = append(cases, fusedBy(d)...)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.run(t, dev, o) })
	}
}

func (c Case) run(t *testing.T, dev engine.Device, o Options) {
	in := c.inputs(signature{})
	full := c.full(in)
	if n := full.elements(); o.MaxElements > 0 && n > o.MaxElements {
		t.Skipf("%d elements, at most %d are wanted", n, o.MaxElements)
	}
	signatures, err := c.signatures(dev, full)
	if err != nil {
		t.Errorf("%v on %s: %v", c.Kind, dev.Name(), err)
	}
	for _, s := range signatures {
		if s.halved() {
			c.conform(t, dev, s, c.inputs(s), o.BF16)
		} else {
			c.conform(t, dev, s, in, o.Full)
		}
	}
}

// conform checks a case with operands that are kept in one way.
func (c Case) conform(t *testing.T, dev engine.Device, s signature, in []ops.Buf, tol float64) {
	t.Helper()
	want := do(inFloat64(c.Kind), in)
	for _, shared := range sharings(c.Kind, s) {
		if err := check(dev, c.Kind, s, in, want, shared, tol); err != nil {
			t.Errorf("%v on %s, %v, %v: %v", c.Kind, dev.Name(), s, shared, err)
		}
	}
}

// sharing says in which input's memory each output lies; -1 is its own.
type sharing []int

func (s sharing) String() string { return fmt.Sprintf("outputs in inputs %v", []int(s)) }

// sharings are those a plan may choose: none, every allowed pair alone, and the
// first choice of every output together.
func sharings(k ops.Kind, sig signature) []sharing {
	none := slices.Repeat(sharing{-1}, len(sig.out))
	list, all := []sharing{none}, slices.Clone(none)
	place, ok := k.(ops.InPlace)
	for i := 0; ok && i < len(sig.out); i++ {
		for _, j := range place.InPlace(i) {
			if a, b := sig.in[j], sig.out[i]; a.Store != b.Store || a.Bytes() != b.Bytes() {
				continue
			}
			one := slices.Clone(none)
			one[i] = j
			list = append(list, one)
			if all[i] < 0 && !slices.Contains(all, j) {
				all[i] = j
			}
		}
	}
	if len(sig.out) > 1 && !slices.Equal(all, none) {
		list = append(list, all)
	}
	return list
}

// check runs the kernel of a kind twice over different garbage.
func check(dev engine.Device, kind ops.Kind, sig signature, in, want []ops.Buf, s sharing, tol float64) error {
	b, err := newBench(dev, kind, sig, in, s)
	if err != nil {
		return err
	}
	defer b.mem.Free()
	var first [][]byte
	for _, garbage := range []byte{0xff, 0x7f} { // NaN, and large numbers
		got, err := b.run(garbage)
		if err != nil {
			return err
		}
		for k := range got {
			if first != nil && !bytes.Equal(got[k], first[k]) {
				return fmt.Errorf("output %d: a second run gives other bits", k)
			}
			if err := agree(b.out[k], got[k], want[k], tol); err != nil {
				return fmt.Errorf("output %d: %w", k, err)
			}
		}
		first = got
	}
	return nil
}

// bench is one stretch of device memory that holds a kernel's operands with
// guard bytes around each.
type bench struct {
	dev     engine.Device
	mem     engine.Memory
	all     engine.Tensor // the memory as bytes
	image   []byte        // what it holds before a run
	shared  sharing
	in, out []engine.Tensor
	kernel  engine.Kernel
}

const guard = 0xa5

func newBench(dev engine.Device, k ops.Kind, sig signature, in []ops.Buf, s sharing) (*bench, error) {
	b := &bench{dev: dev, shared: s}
	for _, t := range sig.in {
		b.in = append(b.in, b.room(t))
	}
	for i, t := range sig.out {
		if s[i] >= 0 {
			t.Off = b.in[s[i]].Off
		} else {
			t = b.room(t)
		}
		b.out = append(b.out, t)
	}
	for i, t := range b.in {
		copy(b.image[t.Off:], encode(t, in[i]))
	}
	return b, b.bind(k)
}

// room adds guards and a tensor to the image, the next guard right behind it.
func (b *bench) room(t engine.Tensor) engine.Tensor {
	t.Off = len(b.image) + engine.Align
	end := t.Off + t.Bytes() + engine.Align
	end += -end & (engine.Align - 1)
	b.image = append(b.image, bytes.Repeat([]byte{guard}, end-len(b.image))...)
	return t
}

func (b *bench) bind(k ops.Kind) (err error) {
	if b.mem, err = b.dev.Alloc(len(b.image)); err != nil {
		return err
	}
	b.all = engine.Tensor{Spec: ops.Spec{Shape: []int{len(b.image)}, Dtype: ops.Uint8}, Mem: b.mem}
	for _, ts := range [][]engine.Tensor{b.in, b.out} {
		for i := range ts {
			ts[i].Mem = b.mem
		}
	}
	b.kernel, err = b.dev.Kernel(k, b.in, b.out)
	return err
}

// run runs the kernel over outputs full of garbage and returns the outputs'
// bytes.
func (b *bench) run(garbage byte) ([][]byte, error) {
	for k, t := range b.out {
		if b.shared[k] < 0 {
			copy(b.image[t.Off:], bytes.Repeat([]byte{garbage}, t.Bytes()))
		}
	}
	if err := b.dev.Upload(b.all, b.image); err != nil {
		return nil, err
	}
	if err := b.kernel(); err != nil {
		return nil, err
	}
	after := make([]byte, len(b.image))
	if err := b.dev.Download(after, b.all); err != nil {
		return nil, err
	}
	out := make([][]byte, len(b.out))
	for k, t := range b.out {
		written := after[t.Off:][:t.Bytes()]
		out[k] = bytes.Clone(written)
		copy(written, b.image[t.Off:])
	}
	for i := range after {
		if after[i] != b.image[i] {
			return nil, fmt.Errorf("writes outside its outputs, %s", b.where(i))
		}
	}
	return out, nil
}

func (b *bench) where(at int) string {
	for i, t := range b.in {
		if t.Off <= at && at < t.Off+t.Bytes() {
			return fmt.Sprintf("byte %d of input %d", at-t.Off, i)
		}
	}
	for k, t := range b.out {
		if past := at - t.Off - t.Bytes(); past >= -t.Bytes()-engine.Align && past < engine.Align {
			return fmt.Sprintf("%d bytes past output %d", past, k)
		}
	}
	return fmt.Sprintf("byte %d of the memory", at)
}

// agree compares an output with the oracle's; integers must be the same.
func agree(t engine.Tensor, got []byte, want ops.Buf, tol float64) error {
	b := decode(t, got)
	if t.Dtype == ops.Int32 {
		return compareInts(ops.Of[int32](b), ops.Of[int32](want))
	}
	return compare(ops.Of[float64](cast(b, ops.Float64)), ops.Of[float64](want), tol)
}

// compare fails where max|got - want| exceeds tol·max|want|; values that are
// not finite must be the same.
func compare(got, want []float64, tol float64) error {
	scale := 0.0
	for _, w := range want {
		if finite(w) {
			scale = max(scale, math.Abs(w))
		}
	}
	worst, at := 0.0, -1
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if same := got[i] == w || got[i] != got[i] && w != w; same {
			d = 0
		} else if !finite(d) {
			d = math.Inf(1)
		}
		if d > worst {
			worst, at = d, i
		}
	}
	if worst > tol*scale {
		return fmt.Errorf("element %d of %d is %g, want %g: error %.2g exceeds %g", at, len(want), got[at], want[at], worst/scale, tol)
	}
	return nil
}

func compareInts(got, want []int32) error {
	for i, w := range want {
		if got[i] != w {
			return fmt.Errorf("element %d of %d is %d, want %d", i, len(want), got[i], w)
		}
	}
	return nil
}

func finite(x float64) bool { return x-x == 0 }
