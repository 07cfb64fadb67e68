package opstest

import (
	"fmt"
	"slices"

	"m2pt/engine"
	"m2pt/ops"
)

// signature is the types of a kernel's operands and how they are kept: tensors without
// memory.
type signature struct{ in, out []engine.Tensor }

func (s signature) String() string {
	return fmt.Sprintf("kept %v -> %v", storages(s.in), storages(s.out))
}

func storages(ts []engine.Tensor) []engine.Storage {
	list := make([]engine.Storage, len(ts))
	for i, t := range ts {
		list[i] = t.Store
	}
	return list
}

// halved reports whether an operand is in less than full.
func (s signature) halved() bool {
	return slices.Contains(storages(slices.Concat(s.in, s.out)), engine.BF16)
}

// elements are those of all operands together.
func (s signature) elements() int {
	n := 0
	for _, t := range slices.Concat(s.in, s.out) {
		n += t.Len()
	}
	return n
}

// full is the signature of a case in float32 with such inputs, all in full.
func (c Case) full(inputs []ops.Buf) signature {
	var in []ops.Spec
	for _, b := range inputs {
		in = append(in, cast(b, ops.Float32).Spec)
	}
	return signature{tensors(in), tensors(infer(c.Kind, in))}
}

func tensors(specs []ops.Spec) []engine.Tensor {
	ts := make([]engine.Tensor, len(specs))
	for i, s := range specs {
		ts[i].Spec = s
	}
	return ts
}

// given is s with all float32 inputs kept in one storage.
func (s signature) given(as engine.Storage) signature {
	s.in = slices.Clone(s.in)
	for i, t := range s.in {
		if t.Dtype == ops.Float32 {
			s.in[i].Store = as
		}
	}
	return s
}

// wanted is how dev keeps the operands of k, given inputs kept as in s.
func (s signature) wanted(dev engine.Device, k ops.Kind) signature {
	want, made := engine.Storages(dev, k, s.in, s.out)
	s.in, s.out = slices.Clone(s.in), slices.Clone(s.out)
	for i := range s.in {
		s.in[i].Store = want[i]
	}
	for i := range s.out {
		s.out[i].Store = made[i]
	}
	return s
}

func (s signature) equal(o signature) bool {
	return slices.Equal(storages(s.in), storages(o.in)) && slices.Equal(storages(s.out), storages(o.out))
}

// signatures are those that dev has for the case where all inputs are given in full and
// where they are given in bfloat16: one on most devices. Given what it wants, dev must
// stay with it.
func (c Case) signatures(dev engine.Device, full signature) ([]signature, error) {
	var list []signature
	for _, given := range []engine.Storage{engine.Full, engine.BF16} {
		s := full.given(given).wanted(dev, c.Kind)
		if again := s.wanted(dev, c.Kind); !again.equal(s) {
			return nil, fmt.Errorf("operands %v: given these it wants them %v", s, again)
		}
		if !slices.ContainsFunc(list, s.equal) {
			list = append(list, s)
		}
	}
	return list, nil
}

// rounded makes numbers exact in a storage: float64 ones that are exact in float32.
func rounded(b ops.Buf, s engine.Storage) ops.Buf {
	if b.Dtype != ops.Float64 || s == engine.Full {
		return b
	}
	t := engine.Tensor{Spec: ops.F32(b.Shape...), Store: s}
	return cast(decode(t, encode(t, b)), ops.Float64)
}

// encode is how b is kept in t.
func encode(t engine.Tensor, b ops.Buf) []byte {
	b = cast(b, ops.Float32)
	if b.Dtype != ops.Float32 {
		return b.Raw()
	}
	kept := make([]byte, t.Bytes())
	t.Store.Encode(kept, ops.Of[float32](b))
	return kept
}

// decode is what is kept in t.
func decode(t engine.Tensor, kept []byte) ops.Buf {
	b := ops.NewBuf(t.Spec)
	if t.Dtype == ops.Float32 {
		t.Store.Decode(ops.Of[float32](b), kept)
	} else {
		copy(b.Raw(), kept)
	}
	return b
}
