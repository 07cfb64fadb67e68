package engine

import (
	"fmt"
	"slices"

	"m2pt/ops"
)

// Fuser is a Device with kernels that do the work of two steps at once.
type Fuser interface {
	// Fuses reports whether there is a kernel for f.
	Fuses(f Fused) bool
}

// Fused is two kinds, one after the other. Its inputs are those of First, then those of
// Second that are neither among them nor made by First; its outputs are those of First
// that others read as well, then those of Second. Only plans have fused kinds.
type Fused struct {
	First, Second ops.Kind
	// Inputs counts those of First. Keep has an entry for each of its outputs: whether it
	// is one of the fused kind.
	Inputs int
	Keep   []bool
	// From tells what Second's inputs are: input p of the fused kind, or for p < 0 output
	// ^p of First.
	From []int
}

// Is reports whether f is the pair of kinds with these names; see [ops.Name].
func (f Fused) Is(first, second string) bool {
	return ops.Name(f.First) == first && ops.Name(f.Second) == second
}

func (f Fused) String() string { return fmt.Sprintf("%v + %v", f.First, f.Second) }

// Infer gives the outputs of both.
func (f Fused) Infer(in []ops.Spec) ([]ops.Spec, error) {
	made, err := f.First.Infer(in[:f.Inputs])
	if err != nil {
		return nil, err
	}
	out, err := f.Second.Infer(pick(f, in, made))
	return append(f.kept(made), out...), err
}

// pick are Second's inputs, given those of f and what First makes.
func pick[T any](f Fused, in, made []T) []T {
	list := make([]T, len(f.From))
	for i, p := range f.From {
		if p < 0 {
			list[i] = made[^p]
		} else {
			list[i] = in[p]
		}
	}
	return list
}

func (f Fused) kept(made []ops.Spec) (list []ops.Spec) {
	for i, s := range made {
		if f.Keep[i] {
			list = append(list, s)
		}
	}
	return list
}

// Do runs one reference after the other.
func (f Fused) Do(in, out []ops.Buf) {
	specs := make([]ops.Spec, f.Inputs)
	for i := range specs {
		specs[i] = in[i].Spec
	}
	made, err := f.First.Infer(specs)
	if err != nil {
		panic(err) // checked when f was made
	}
	bufs := make([]ops.Buf, len(made))
	for i, s := range made {
		if f.Keep[i] {
			bufs[i], out = out[0], out[1:]
		} else {
			bufs[i] = ops.NewBuf(s)
		}
	}
	f.First.Do(in[:f.Inputs], bufs)
	f.Second.Do(pick(f, in, bufs), out)
}

// FLOPs are those of both.
func (f Fused) FLOPs(in, out []ops.Spec) int64 {
	made, err := f.First.Infer(in[:f.Inputs])
	if err != nil {
		return 0
	}
	return flops(f.First, in[:f.Inputs], made) + flops(f.Second, pick(f, in, made), out[len(f.kept(made)):])
}

func flops(k ops.Kind, in, out []ops.Spec) int64 {
	if c, ok := k.(ops.Costed); ok {
		return c.FLOPs(in, out)
	}
	return 0
}

// InPlace allows what either allows, except memory that the other reads as well.
func (f Fused) InPlace(k int) []int {
	if i, ok := f.first(k); ok {
		return f.unread(inPlace(f.First, i))
	}
	var list []int
	for _, j := range inPlace(f.Second, k-f.keeps()) {
		switch p := f.From[j]; {
		case p >= f.Inputs:
			list = append(list, p)
		case p < 0 && !f.Keep[^p]:
			list = append(list, f.unread(inPlace(f.First, ^p))...)
		}
	}
	return list
}

// first is the output of First that is output k.
func (f Fused) first(k int) (int, bool) {
	for i, keep := range f.Keep {
		if keep {
			if k == 0 {
				return i, true
			}
			k--
		}
	}
	return 0, false
}

func (f Fused) keeps() (n int) {
	for _, keep := range f.Keep {
		if keep {
			n++
		}
	}
	return n
}

// unread are those of First's inputs that Second does not read.
func (f Fused) unread(inputs []int) []int {
	return slices.DeleteFunc(slices.Clone(inputs), func(p int) bool { return slices.Contains(f.From, p) })
}

// fuse joins steps that follow one another and have a kernel in common.
func (t *tracer) fuse() {
	dev, ok := t.state.dev.(Fuser)
	if !ok {
		return
	}
	readers := t.readers()
	var steps []*step
	for _, s := range t.steps {
		if n := len(steps); n > 0 {
			if both := steps[n-1].with(s, readers); both != nil && dev.Fuses(both.kind.(Fused)) {
				steps[n-1] = both
				continue
			}
		}
		steps = append(steps, s)
	}
	t.steps = steps
}

// readers counts how often each value is read, by steps, fetches and assigns.
func (t *tracer) readers() map[*value]int {
	count := map[*value]int{}
	for _, s := range t.steps {
		for _, v := range s.in {
			count[v]++
		}
	}
	for _, f := range t.job.Fetches {
		count[t.values[f.Node]]++
	}
	for _, v := range t.assigned {
		count[v]++
	}
	return count
}

// with is s and the step after it as one, nil where they have nothing to do with each
// other or s reads a value twice: InPlace could not tell which of the two is read on.
func (s *step) with(next *step, readers map[*value]int) *step {
	if s.stage != next.stage || s.recompute != next.recompute || s.sum || next.sum || twice(s.in) {
		return nil
	}
	f := Fused{First: s.kind, Second: next.kind, Inputs: len(s.in)}
	both := &step{scope: s.scope, stage: s.stage, recompute: s.recompute, in: slices.Clone(s.in)}
	taken := map[*value]int{} // how often next reads what s makes
	for _, v := range next.in {
		if made := slices.Index(s.out, v); made >= 0 {
			f.From = append(f.From, ^made)
			taken[v]++
			continue
		}
		p := slices.Index(both.in, v)
		if p < 0 {
			p, both.in = len(both.in), append(both.in, v)
		}
		f.From = append(f.From, p)
	}
	if !slices.ContainsFunc(f.From, func(p int) bool { return p < f.Inputs }) {
		return nil
	}
	for _, v := range s.out {
		keep := readers[v] > taken[v]
		f.Keep = append(f.Keep, keep)
		if keep {
			both.out = append(both.out, v)
		}
	}
	both.out = append(both.out, next.out...)
	both.kind = f
	return both
}

func twice(values []*value) bool {
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return true
		}
	}
	return false
}

// fusedStorages is [Storages] of a fused kind: each of the two keeps its operands as it
// does alone, and what the one hands to the other is not cast in between. Where inputs as
// they are kept do not lead to that, they are wanted all in one storage.
func fusedStorages(dev Device, f Fused, in, out []Tensor) (want, made []Storage) {
	for _, given := range []func(Storage) Storage{
		func(s Storage) Storage { return s },
		func(Storage) Storage { return Full },
		func(Storage) Storage { return BF16 },
	} {
		kept := slices.Clone(in)
		for i, t := range in {
			if t.Dtype == ops.Float32 {
				kept[i].Store = given(t.Store)
			}
		}
		if want, made, ok := f.storages(dev, kept, out); ok {
			return want, made
		}
	}
	return nil, nil // dev must not fuse f
}

func (f Fused) storages(dev Device, in, out []Tensor) (want, made []Storage, ok bool) {
	specs, err := f.First.Infer(specsOf(in[:f.Inputs]))
	if err != nil {
		return nil, nil, false
	}
	between := make([]Tensor, len(specs)) // what First makes
	for i, s := range specs {
		between[i].Spec = s
	}
	want, first := Storages(dev, f.First, in[:f.Inputs], between)
	for i, s := range first {
		between[i].Store = s
		if f.Keep[i] {
			made = append(made, s)
		}
	}
	wants, second := Storages(dev, f.Second, pick(f, in, between), out[f.keeps():])
	want = append(want, make([]Storage, len(in)-f.Inputs)...)
	ok = true
	for i, p := range f.From {
		switch {
		case p >= f.Inputs:
			want[p] = wants[i]
		case p < 0:
			ok = ok && wants[i] == first[^p]
		default:
			ok = ok && wants[i] == want[p]
		}
	}
	return want, append(made, second...), ok
}
