// Package nn builds layers with parameters on a graph of package ops.
//
// Vocabulary: a [Scope] is a place in the model with a name ("blocks.3.attn");
// parameters and ops made in it carry that name. A [Registry] lists the
// parameters a model has declared, in PyTorch's state-dict order, with how each
// is initialised. Building the same model again, for evaluation or another
// batch size, declares the same parameters.
//
// Package nn knows neither files nor devices: values come to life in the
// engine's State, filled by the registry's initialisers or from a checkpoint.
package nn

import (
	"fmt"
	"slices"

	"m2pt/internal/philox"
	"m2pt/ops"
)

// Mode says what a graph is built for.
type Mode int

// The modes.
const (
	Eval  Mode = iota // deterministic, no drop-path
	Train             // with what is random in training
)

// Param is a declared parameter.
type Param struct {
	Name  string
	Shape []int
	Init  Init
	Fixed bool // not trained: tables, frozen weights, running statistics
	// Running is set where the forward pass of training changes the parameter: the
	// statistics of batch normalisation. Such a parameter is Fixed.
	Running bool
	// Derived is set where Init alone says what the values are, in every run: such
	// a table is in no checkpoint.
	Derived bool
	// Aux and Source tell where an auxiliary weight comes from: the tensor
	// Source of auxiliary model Aux, counted from 1. Aux is 0 otherwise.
	Aux    int
	Source string
}

// Len is the number of elements.
func (p Param) Len() int { return ops.F32(p.Shape...).Len() }

// Values are the parameter's initial values: a function of seed and name alone.
func (p Param) Values(seed uint64) []float32 {
	v := make([]float32, p.Len())
	if p.Init != nil {
		r := philox.New(seed, "init "+p.Name, 0, 0)
		p.Init(v, &r)
	}
	return v
}

// Registry lists declared parameters in order.
type Registry struct {
	params  []Param
	index   map[string]int
	updates []Running
}

// Running is the new value of a running statistic after a training batch.
type Running struct {
	Name string
	Node *ops.Node
}

// Updates are the new running statistics, in the order they are computed.
func (r *Registry) Updates() []Running { return r.updates }

// Params are the declared parameters in order.
func (r *Registry) Params() []Param { return r.params }

// Restart gives a declared parameter another initialiser.
func (r *Registry) Restart(name string, init Init) {
	if i, ok := r.index[name]; ok {
		r.params[i].Init = init
	}
}

// Lookup finds a parameter by name.
func (r *Registry) Lookup(name string) (Param, bool) {
	i, ok := r.index[name]
	if !ok {
		return Param{}, false
	}
	return r.params[i], true
}

// Scope is a named place in a model under construction.
type Scope struct {
	*ops.Graph
	Mode  Mode
	Batch int    // samples per micro-batch: shapes are static
	Seed  uint64 // of everything random in the graph
	// Frozen keeps what is declared through Param from training, and batch
	// normalisation to its running statistics.
	Frozen bool
	name   string
	reg    *Registry
}

// NewScope is the root scope of a new graph with the given floating-point type.
func NewScope(dt ops.Dtype, mode Mode, batch int, seed uint64) Scope {
	return Scope{Graph: ops.NewGraph(dt), Mode: mode, Batch: batch, Seed: seed, reg: &Registry{index: map[string]int{}}}
}

// Registry lists the parameters declared so far anywhere in the model.
func (s Scope) Registry() *Registry { return s.reg }

// Name is the full name of x in this scope.
func (s Scope) Name(x string) string {
	if s.name == "" {
		return x
	}
	return s.name + "." + x
}

// Path is the scope's own name, empty at the root.
func (s Scope) Path() string { return s.name }

// In runs build in the sub-scope with the given name.
func (s Scope) In(name string, build func(Scope) *ops.Node) *ops.Node {
	s.name = s.Name(name)
	defer s.Enter(s.name)()
	return build(s)
}

// Thaw is the scope without Frozen.
func (s Scope) Thaw() Scope {
	s.Frozen = false
	return s
}

// Param declares a parameter of this scope, trained unless the scope is frozen.
func (s Scope) Param(name string, init Init, shape ...int) *ops.Node {
	return s.Declare(Param{Name: s.Name(name), Shape: shape, Init: init, Fixed: s.Frozen})
}

// Declare declares a parameter by its full description.
func (s Scope) Declare(p Param) *ops.Node {
	if i, ok := s.reg.index[p.Name]; ok {
		if !slices.Equal(s.reg.params[i].Shape, p.Shape) {
			s.Fail("parameter %q declared with shapes %v and %v", p.Name, s.reg.params[i].Shape, p.Shape)
		}
	} else {
		s.reg.index[p.Name] = len(s.reg.params)
		s.reg.params = append(s.reg.params, p)
	}
	return s.Graph.Param(p.Name, p.Shape...)
}

// SampleKeyFeed is the feed that keys what is random per sample.
const SampleKeyFeed = "sample_key"

// SampleKey is the feed [B, 2] int32 of epoch and position in the epoch's order.
func (s Scope) SampleKey() *ops.Node {
	return s.Graph.Declare(SampleKeyFeed, ops.Spec{Shape: []int{s.Batch, 2}, Dtype: ops.Int32}, ops.PerBatch)
}

// DropPath is the residual connection x + r, in training with stochastic depth
// of the given rate; name tells the connections of a scope apart.
func (s Scope) DropPath(name string, x, r *ops.Node, rate float64) *ops.Node {
	if s.Mode == Eval || rate == 0 {
		return s.Add(x, r)
	}
	u := s.Uniform(s.SampleKey(), s.Seed, fmt.Sprintf("drop_path %s", s.Name(name)))
	return s.Graph.DropPath(x, r, u, rate)
}
