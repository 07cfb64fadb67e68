package ops

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
)

// Role says where the value of a graph input comes from.
type Role int

// The roles of inputs.
const (
	State     Role = iota // lives between steps on the device: parameters, optimizer slots
	PerBatch              // written by the host before every micro-step
	PerUpdate             // written by the host before every update
)

// Input is a declared input of a graph.
type Input struct {
	Name string
	Spec Spec
	Role Role
	Node *Node
}

// Graph is a gorgonia graph under construction. The first error sticks: after
// it every method returns nil nodes and Err says what went wrong and where, so
// that model code can be written without error checks. A Graph is not safe for
// concurrent use.
type Graph struct {
	*gorgonia.ExprGraph
	Dtype   Dtype // of all floating-point values; float64 in tests only
	inputs  []Input
	byName  map[string]int
	summed  map[*Node]bool
	scope   string
	lastID  uint64
	derived bool // whether Grad has been called
	err     error
}

// NewGraph returns an empty graph whose floating-point values have the given
// type.
func NewGraph(dt Dtype) *Graph {
	return &Graph{ExprGraph: gorgonia.NewGraph(), Dtype: dt, byName: map[string]int{}, summed: map[*Node]bool{}}
}

// Err is the first error of the construction.
func (g *Graph) Err() error { return g.err }

// Fail records an error unless one is recorded already.
func (g *Graph) Fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf(format, args...)
		if g.scope != "" {
			g.err = fmt.Errorf("%s: %w", g.scope, g.err)
		}
	}
}

// Enter makes name the scope of the ops built until the returned function is
// called.
func (g *Graph) Enter(name string) (leave func()) {
	old := g.scope
	g.scope = name
	return func() { g.scope = old }
}

// Inputs are the inputs declared so far, in order.
func (g *Graph) Inputs() []Input { return g.inputs }

// Declare adds an input. Declaring a name again with the same Spec and Role
// returns the same node.
func (g *Graph) Declare(name string, s Spec, r Role) *Node {
	if g.err != nil {
		return nil
	}
	if i, ok := g.byName[name]; ok {
		if old := g.inputs[i]; !old.Spec.Equal(s) || old.Role != r {
			g.Fail("input %q declared as %v and as %v", name, old.Spec, s)
		}
		return g.inputs[i].Node
	}
	if name == "" || len(s.Shape) == 0 || s.Len() <= 0 {
		g.Fail("input %q: shape %v has no elements", name, s.Shape)
		return nil
	}
	n := gorgonia.NewTensor(g.ExprGraph, s.Dtype, len(s.Shape), gorgonia.WithShape(s.Shape...), gorgonia.WithName(name))
	g.byName[name] = len(g.inputs)
	g.inputs = append(g.inputs, Input{name, s, r, n})
	return n
}

// Param declares floating-point state of the graph's type.
func (g *Graph) Param(name string, shape ...int) *Node {
	return g.Declare(name, Spec{shape, g.Dtype}, State)
}

// Feed declares a floating-point input of the graph's type that is written
// before every micro-step.
func (g *Graph) Feed(name string, shape ...int) *Node {
	return g.Declare(name, Spec{shape, g.Dtype}, PerBatch)
}

// Apply adds an operation on the given inputs and returns the node of its
// output 0.
func (g *Graph) Apply(k Kind, in ...*Node) *Node {
	if g.err != nil {
		return nil
	}
	o := &Op{Kind: k, Scope: g.scope, g: g}
	for _, n := range in {
		o.In = append(o.In, SpecOf(n))
	}
	var err error
	if o.Out, err = infer(k, o.In); err != nil {
		g.Fail("%v: %w", k, err)
		return nil
	}
	g.lastID++
	o.id = g.lastID
	return g.apply(o, in...)
}

// infer guards the shape rule, which may expect other operands.
func infer(k Kind, in []Spec) (out []Spec, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("operands %v: %v", in, r)
		}
	}()
	return k.Infer(in)
}

// Out is the node for output k of the operation behind n.
func (g *Graph) Out(n *Node, k int) *Node {
	if g.err != nil || k == 0 {
		return n
	}
	o, ok := n.Op().(*Op)
	if !ok || k >= len(o.Out) {
		g.Fail("node %v has no output %d", n, k)
		return nil
	}
	return g.apply(Alias{k, o}, n)
}

// apply guards gorgonia.ApplyOp, which panics on some misuse.
func (g *Graph) apply(op gorgonia.Op, in ...*Node) (n *Node) {
	defer func() {
		if r := recover(); r != nil {
			g.Fail("gorgonia: %v: %v", op, r)
			n = nil
		}
	}()
	n, err := gorgonia.ApplyOp(op, in...)
	if err != nil {
		g.Fail("gorgonia: %v: %w", op, err)
		return nil
	}
	return n
}

// Grad derives the gradients of Σᵢ ⟨seedᵢ, outᵢ⟩ for the nodes wrt, in their
// order. It may be called once per graph.
func (g *Graph) Grad(outs, seeds, wrt []*Node) []*Node {
	if g.derived {
		g.Fail("gradient: derived already; gorgonia would answer with the first one's nodes")
	}
	if g.err != nil {
		return nil
	}
	g.derived = true
	defer func() {
		if r := recover(); r != nil {
			g.Fail("gradient: gorgonia: %v", r)
		}
	}()
	grads, err := gorgonia.Backpropagate(outs, seeds, wrt)
	if err = errors.Join(g.err, err); err != nil {
		g.err = fmt.Errorf("gradient: %w", err)
		return nil
	}
	return grads
}

// SpecOf is the type of a node's value.
func SpecOf(n *Node) Spec {
	shape := n.Shape()
	return Spec{shape, n.Dtype()}
}

// Children are a node's operands in order.
func (g *Graph) Children(n *Node) []*Node {
	it := g.From(n.ID())
	out := make([]*Node, 0, it.Len())
	for it.Next() {
		out = append(out, it.Node().(*Node))
	}
	return out
}
