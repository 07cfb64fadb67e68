package engine

import (
	"encoding/binary"
	"fmt"
	"math"

	"m2pt/ops"
)

// Storage is how a device keeps float32 values. Values of other types are always
// kept in Full.
type Storage uint8

// The storages.
const (
	Full Storage = iota // as the Spec says
	BF16                // as bfloat16: the upper half of a float32, rounded to nearest, ties to even
)

func (s Storage) String() string { return [...]string{"full", "bf16"}[s] }

// Bytes is the memory that a tensor takes.
func (s Storage) Bytes(spec ops.Spec) int {
	if s == BF16 {
		return spec.Bytes() / 2
	}
	return spec.Bytes()
}

// Encode writes values to dst as they are kept.
func (s Storage) Encode(dst []byte, values []float32) {
	if s == Full {
		copy(dst, bytesOf(values))
		return
	}
	for i, x := range values {
		binary.NativeEndian.PutUint16(dst[2*i:], bfloat16(x))
	}
}

// bfloat16 is the upper half of x, rounded; what is no number stays none.
func bfloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Decode reads values that are kept in src, which may be the end of their own memory.
func (s Storage) Decode(values []float32, src []byte) {
	if s == Full {
		copy(bytesOf(values), src)
		return
	}
	for i := range values {
		values[i] = math.Float32frombits(uint32(binary.NativeEndian.Uint16(src[2*i:])) << 16)
	}
}

// Storer is a Device that keeps some float32 values in less than their precision.
type Storer interface {
	// Storage tells in which storage k wants each input, given how the inputs are kept,
	// and in which it then makes each output. What a list leaves out, and what is not
	// float32, is Full. Given inputs as it wants them it gives the same answer. It is not
	// asked about a Cast.
	Storage(k ops.Kind, in []Storage) (want, out []Storage)
}

// Storages tells how dev keeps the operands of k: in which storage it wants each input,
// given those that the inputs are kept in, and in which it makes each output. On a device
// that is no Storer all is Full.
func Storages(dev Device, k ops.Kind, in, out []Tensor) (want, made []Storage) {
	want, made = make([]Storage, len(in)), make([]Storage, len(out))
	kept := make([]Storage, len(in))
	for i, t := range in {
		kept[i] = t.Store
	}
	if c, ok := k.(Cast); ok {
		return kept, []Storage{c.To}
	}
	if f, ok := k.(Fused); ok {
		return fusedStorages(dev, f, in, out)
	}
	d, ok := dev.(Storer)
	if !ok {
		return want, made
	}
	wants, makes := d.Storage(k, kept)
	settle(want, wants, in)
	settle(made, makes, out)
	return want, made
}

// settle copies a device's answer about ts, as far as it counts.
func settle(to, answer []Storage, ts []Tensor) {
	copy(to, answer)
	for i, t := range ts {
		if t.Dtype != ops.Float32 {
			to[i] = Full
		}
	}
}

// Cast keeps its operand in another storage; the values are the same but for rounding.
// Only plans have casts: no graph knows of storage.
type Cast struct{ To Storage }

func (k Cast) String() string { return fmt.Sprintf("cast(%v)", k.To) }

// Infer is the operand's type.
func (k Cast) Infer(in []ops.Spec) ([]ops.Spec, error) { return in[:1], nil }

// Do copies the operand: on the host values are in full.
func (k Cast) Do(in, out []ops.Buf) { copy(out[0].Raw(), in[0].Raw()) }
