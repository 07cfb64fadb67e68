package ops

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"
	"strings"
	"unsafe"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Kind is what an operation computes.
type Kind interface {
	// String names the operation with the attributes that change its result.
	String() string
	// Infer is the shape rule: the outputs for these inputs, or what is wrong.
	Infer(in []Spec) (out []Spec, err error)
	// Do is the plain reference; out is not cleared before the call.
	Do(in, out []Buf)
}

// Differentiable is a Kind with a gradient.
type Differentiable interface {
	Kind
	// DiffWRT reports whether there is a gradient for input i.
	DiffWRT(i int) bool
	// SymDiff builds the gradients of the inputs from that of output 0, nil
	// where DiffWRT is false.
	SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node
}

// InPlace is a Kind some of whose outputs may share memory with an input that
// nobody reads afterwards: element i of the output depends on element i of that
// input alone, or on sums that are taken before anything is written.
type InPlace interface {
	// InPlace lists the inputs output k may overwrite, best first.
	InPlace(k int) []int
}

// Costed is a Kind whose arithmetic is worth counting.
type Costed interface {
	// FLOPs counts multiplications and additions.
	FLOPs(in, out []Spec) int64
}

// Selective is a Kind that reads a part of input 0 only.
type Selective interface {
	// Reads counts the elements of input 0 that it reads.
	Reads(in, out []Spec) int
}

// Name is what k is called without its attributes: "linear", "attention.grad".
func Name(k Kind) string {
	text := k.String()
	name, _, _ := strings.Cut(text, "(")
	if strings.Contains(text, ".grad") && !strings.HasSuffix(name, ".grad") {
		name += ".grad"
	}
	return name
}

// Node is a node of a gorgonia graph.
type Node = gorgonia.Node

// Op is a Kind at work in one graph: the adapter to gorgonia's op contract.
type Op struct {
	Kind    Kind
	Scope   string // where in the model it was built, e.g. "blocks.3.attn"
	In, Out []Spec

	g     *Graph
	id    uint64           // see WriteHash
	saved []gorgonia.Value // all outputs of the last Do, for Alias.Do
}

var _ gorgonia.SDOp = (*Op)(nil)

func (o *Op) Arity() int           { return len(o.In) }
func (o *Op) ReturnsPtr() bool     { return true }
func (o *Op) CallsExtern() bool    { return false }
func (o *Op) OverwritesInput() int { return -1 }
func (o *Op) String() string       { return o.Kind.String() }

// WriteHash includes a number unique in the graph: gorgonia merges nodes whose
// hash and shape agree without comparing their children.
func (o *Op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%s#%d", o.Kind, o.id) }

// Hashcode is the 32-bit hash gorgonia identifies ops by.
func (o *Op) Hashcode() uint32 { return hashcode(o) }

func hashcode(o interface{ WriteHash(hash.Hash) }) uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// Type is made afresh on each call: gorgonia returns it to a pool.
func (o *Op) Type() hm.Type { return fnType(o.In, o.Out[0]) }

func fnType(in []Spec, out Spec) hm.Type {
	types := make([]hm.Type, 0, len(in)+1)
	for _, s := range in {
		types = append(types, hmType(s))
	}
	return hm.NewFnType(append(types, hmType(out))...)
}

// hmType is concrete and a value, not a pointer: gorgonia compares with ==.
func hmType(s Spec) hm.Type { return gorgonia.TensorType{Dims: len(s.Shape), Of: s.Dtype} }

// InferShape repeats what Graph.Apply has already checked.
func (o *Op) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	return inferShape(o.Kind, o.In, o.Out[0], ds)
}

func inferShape(what fmt.Stringer, in []Spec, out Spec, ds []gorgonia.DimSizer) (tensor.Shape, error) {
	for i, d := range ds {
		if s, ok := d.(tensor.Shape); !ok || !slices.Equal(s, in[i].Shape) {
			return nil, fmt.Errorf("%v: input %d has shape %v, want %v", what, i, d, in[i].Shape)
		}
	}
	return slices.Clone(out.Shape), nil
}

// DiffWRT returns one entry per input, never nil: gorgonia indexes it.
func (o *Op) DiffWRT(n int) []bool {
	wrt := make([]bool, n)
	if d, ok := o.Kind.(Differentiable); ok {
		for i := range wrt {
			wrt[i] = d.DiffWRT(i)
		}
	}
	return wrt
}

// SymDiff hands over to the Kind.
func (o *Op) SymDiff(in gorgonia.Nodes, out, grad *Node) (gorgonia.Nodes, error) {
	d, ok := o.Kind.(Differentiable)
	if !ok {
		return nil, fmt.Errorf("%v has no gradient", o.Kind)
	}
	defer o.g.Enter(o.Scope)()
	ns := d.SymDiff(o.g, in, out, grad)
	return ns, o.g.Err()
}

// Do runs the reference on gorgonia's values and keeps all outputs for the
// aliases.
func (o *Op) Do(vs ...gorgonia.Value) (gorgonia.Value, error) {
	in := make([]Buf, len(vs))
	for i, v := range vs {
		b, err := BufOf(v)
		if err != nil {
			return nil, fmt.Errorf("%v: input %d: %w", o.Kind, i, err)
		}
		in[i] = b
	}
	out := make([]Buf, len(o.Out))
	o.saved = make([]gorgonia.Value, len(o.Out))
	for i, s := range o.Out {
		o.saved[i] = tensor.New(tensor.Of(s.Dtype), tensor.WithShape(s.Shape...))
		var err error
		if out[i], err = BufOf(o.saved[i]); err != nil {
			return nil, fmt.Errorf("%v: output %d: %w", o.Kind, i, err)
		}
	}
	o.Kind.Do(in, out)
	return o.saved[0], nil
}

// BufOf is the memory of one of gorgonia's values, which must be a dense tensor.
func BufOf(v gorgonia.Value) (Buf, error) {
	t, ok := v.(*tensor.Dense)
	if !ok {
		return Buf{}, fmt.Errorf("a %T, want a dense tensor", v)
	}
	s := Spec{t.Shape(), t.Dtype()}
	switch s.Dtype {
	case Float32:
		return View(s, unsafe.Pointer(unsafe.SliceData(t.Float32s()))), nil
	case Float64:
		return View(s, unsafe.Pointer(unsafe.SliceData(t.Float64s()))), nil
	case Int32:
		return View(s, unsafe.Pointer(unsafe.SliceData(t.Int32s()))), nil
	case Uint8:
		return View(s, unsafe.Pointer(unsafe.SliceData(t.Uint8s()))), nil
	}
	return Buf{}, fmt.Errorf("element type %v", s.Dtype)
}

// Alias is the op of a node that stands for output K of its only child.
type Alias struct {
	K    int
	From *Op
}

var _ gorgonia.SDOp = Alias{}

func (a Alias) Arity() int            { return 1 }
func (a Alias) Type() hm.Type         { return fnType(a.From.Out[:1], a.From.Out[a.K]) }
func (a Alias) ReturnsPtr() bool      { return true }
func (a Alias) CallsExtern() bool     { return false }
func (a Alias) OverwritesInput() int  { return -1 }
func (a Alias) String() string        { return fmt.Sprintf("%v.%d", a.From.Kind, a.K) }
func (a Alias) WriteHash(h hash.Hash) { fmt.Fprintf(h, "alias %d of ", a.K); a.From.WriteHash(h) }
func (a Alias) Hashcode() uint32      { return hashcode(a) }
func (a Alias) DiffWRT(n int) []bool  { return make([]bool, n) }

// InferShape gives the shape of the output it stands for.
func (a Alias) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	return inferShape(a, a.From.Out[:1], a.From.Out[a.K], ds)
}

// SymDiff is never reached: saved outputs carry no gradient.
func (a Alias) SymDiff(gorgonia.Nodes, *Node, *Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("%v has no gradient", a)
}

// Do returns what the op behind it computed last.
func (a Alias) Do(...gorgonia.Value) (gorgonia.Value, error) { return a.From.saved[a.K], nil }
