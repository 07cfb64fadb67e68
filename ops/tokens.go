package ops

import (
	"fmt"
	"slices"
)

// Prepend puts one learned token [1, 1, D] in front of the tokens [B, N, D] of
// every sample.
type Prepend struct{}

// Prepend puts the class token in front of x.
func (g *Graph) Prepend(x, token *Node) *Node { return g.Apply(Prepend{}, x, token) }

func (k Prepend) String() string { return "prepend" }

func (k Prepend) Infer(in []Spec) ([]Spec, error) {
	x, t := in[0].Shape, in[1]
	if len(x) != 3 || t.Len() != x[2] {
		return nil, fmt.Errorf("token %v does not fit tokens %v", t.Shape, x)
	}
	return []Spec{in[0].like(x[0], x[1]+1, x[2])}, nil
}

func (k Prepend) DiffWRT(int) bool { return true }

func (k Prepend) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	dx := g.Apply(PrependGrad{}, grad)
	return []*Node{dx, g.Apply(SumBatch{}, g.Out(dx, 1))}
}

func (k Prepend) Do(in, out []Buf) {
	x, t, y := in[0].Raw(), in[1].Raw(), out[0].Raw()
	n := len(x) / in[0].Shape[0]
	for b := range in[0].Shape[0] {
		row := y[b*(n+len(t)):]
		copy(row, t)
		copy(row[len(t):], x[b*n:][:n])
	}
}

// PrependGrad cuts dy [B, N+1, D] into the tokens' gradient [B, N, D] and the
// first token's per sample [B, 1, D].
type PrependGrad struct{}

func (k PrependGrad) String() string { return "prepend.grad" }

func (k PrependGrad) Infer(in []Spec) ([]Spec, error) {
	s := in[0].Shape
	return []Spec{in[0].like(s[0], s[1]-1, s[2]), in[0].like(s[0], 1, s[2])}, nil
}

func (k PrependGrad) Do(in, out []Buf) {
	dy, dx, dt := in[0].Raw(), out[0].Raw(), out[1].Raw()
	B := in[0].Shape[0]
	n, t := len(dx)/B, len(dt)/B
	for b := range B {
		row := dy[b*(n+t):]
		copy(dt[b*t:], row[:t])
		copy(dx[b*n:], row[t:][:n])
	}
}

// SumBatch sums [B, ...] over the batch to [1, ...].
type SumBatch struct{}

func (k SumBatch) String() string { return "sum_batch" }

func (k SumBatch) Infer(in []Spec) ([]Spec, error) {
	shape := slices.Clone(in[0].Shape)
	shape[0] = 1
	return []Spec{in[0].like(shape...)}, nil
}

func (k SumBatch) Do(in, out []Buf) { byDtype(k, in, out, sumBatch[float32], sumBatch[float64]) }

func sumBatch[T Float](_ SumBatch, in, out []Buf) {
	s := Of[T](out[0])
	clear(s)
	for i, v := range Of[T](in[0]) {
		s[i%len(s)] += v
	}
}

// AddPos adds a table [1, N, D], say of positions, to every sample of a batch
// [B, N, D].
type AddPos struct{}

// AddPos adds the position table to x.
func (g *Graph) AddPos(x, table *Node) *Node { return g.Apply(AddPos{}, x, table) }

func (k AddPos) String() string { return "add_pos" }

func (k AddPos) Infer(in []Spec) ([]Spec, error) {
	x, p := in[0], in[1]
	if p.Shape[0] != 1 || !slices.Equal(x.Shape[1:], p.Shape[1:]) {
		return nil, fmt.Errorf("table %v does not fit tokens %v", p.Shape, x.Shape)
	}
	return in[:1], nil
}

func (k AddPos) InPlace(int) []int { return []int{0} }

func (k AddPos) DiffWRT(int) bool { return true }

func (k AddPos) SymDiff(g *Graph, _ []*Node, _, grad *Node) []*Node {
	return []*Node{grad, g.Apply(SumBatch{}, grad)}
}

func (k AddPos) Do(in, out []Buf) { byDtype(k, in, out, addPos[float32], addPos[float64]) }

func addPos[T Float](_ AddPos, in, out []Buf) {
	y, p := Of[T](out[0]), Of[T](in[1])
	for i, v := range Of[T](in[0]) {
		y[i] = v + p[i%len(p)]
	}
}

// AddEach adds a row [..., D] to each of the M entries of x [..., M, D]: what
// all points of a group, or all tokens of a sample, share.
type AddEach struct{}

// AddEach adds r to each entry of x.
func (g *Graph) AddEach(x, r *Node) *Node { return g.Apply(AddEach{}, x, r) }

func (k AddEach) String() string { return "add_each" }

func (k AddEach) Infer(in []Spec) ([]Spec, error) {
	x, r := in[0], in[1]
	if len(x.Shape) < 2 || !x.pooled().Equal(r) {
		return nil, fmt.Errorf("rows %v do not fit entries %v", r, x)
	}
	return in[:1], nil
}

func (k AddEach) InPlace(int) []int { return []int{0} }

func (k AddEach) DiffWRT(int) bool { return true }

func (k AddEach) SymDiff(g *Graph, _ []*Node, _, grad *Node) []*Node {
	return []*Node{grad, g.SumEach(grad)}
}

func (k AddEach) Do(in, out []Buf) { byDtype(k, in, out, addEach[float32], addEach[float64]) }

func addEach[T Float](_ AddEach, in, out []Buf) {
	r, y := Of[T](in[1]), Of[T](out[0])
	_, M, D := in[0].entries()
	for i, v := range Of[T](in[0]) {
		y[i] = v + r[i/(M*D)*D+i%D]
	}
}

// SumEach sums the M entries of x [..., M, D] to [..., D], the adjoint of
// AddEach.
type SumEach struct{}

// SumEach sums the entries of x.
func (g *Graph) SumEach(x *Node) *Node { return g.Apply(SumEach{}, x) }

func (k SumEach) String() string { return "sum_each" }

func (k SumEach) Infer(in []Spec) ([]Spec, error) {
	if len(in[0].Shape) < 2 {
		return nil, fmt.Errorf("input %v has no entries to sum", in[0].Shape)
	}
	return []Spec{in[0].pooled()}, nil
}

func (k SumEach) Do(in, out []Buf) { byDtype(k, in, out, sumEach[float32], sumEach[float64]) }

func sumEach[T Float](_ SumEach, in, out []Buf) {
	s := Of[T](out[0])
	_, M, D := in[0].entries()
	clear(s)
	for i, v := range Of[T](in[0]) {
		s[i/(M*D)*D+i%D] += v
	}
}

// Gather picks tokens, or other entries: y[b, m] = x[b, index[b, m]] with x
// [B, N, ...], index [B, M] int32. A table x [1, N, ...] is every sample's.
type Gather struct{}

// Gather picks the tokens of x that index names.
func (g *Graph) Gather(x, index *Node) *Node { return g.Apply(Gather{}, x, index) }

func (k Gather) String() string { return "gather" }

func (k Gather) Infer(in []Spec) ([]Spec, error) {
	x, i := in[0].Shape, in[1]
	if len(x) < 3 || len(i.Shape) != 2 || i.Shape[0] != x[0] && x[0] != 1 || i.Dtype != Int32 {
		return nil, fmt.Errorf("index %v does not fit tokens %v", i, x)
	}
	return []Spec{in[0].like(slices.Concat(i.Shape, x[2:])...)}, nil
}

// Reads is what the output has, or all of a table that is smaller.
func (k Gather) Reads(in, out []Spec) int { return min(in[0].Len(), out[0].Len()) }

func (k Gather) DiffWRT(i int) bool { return i == 0 }

func (k Gather) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	x := SpecOf(in[0]).Shape
	return []*Node{g.Apply(Scatter{x[1], x[0] == 1}, grad, in[1]), nil}
}

func (k Gather) Do(in, out []Buf) { byDtype(k, in, out, gather[float32], gather[float64]) }

func gather[T Float](_ Gather, in, out []Buf) {
	x, y, D := Of[T](in[0]), Of[T](out[0]), out[0].Len()/in[1].Len()
	N, M := in[0].Shape[1], in[1].Len()/in[0].Shape[0] // M of all samples where they share x
	for j, i := range Of[int32](in[1]) {
		copy(y[j*D:][:D], x[(j/M*N+int(i))*D:])
	}
}

// Scatter is the adjoint of Gather: y[b, index[b, m]] += x[b, m], with N tokens
// in y and zero where no index points. Shared adds all samples up in one table
// [1, N, ...].
type Scatter struct {
	N      int
	Shared bool
}

func (k Scatter) String() string { return fmt.Sprintf("scatter(%d,shared=%v)", k.N, k.Shared) }

func (k Scatter) Infer(in []Spec) ([]Spec, error) {
	x, i := in[0], in[1]
	if len(x.Shape) < 3 || !i.Equal(Spec{x.Shape[:2], Int32}) {
		return nil, fmt.Errorf("index %v does not fit tokens %v", i, x)
	}
	y := x.like(slices.Clone(x.Shape)...)
	y.Shape[1] = k.N
	if k.Shared {
		y.Shape[0] = 1
	}
	return []Spec{y}, nil
}

func (k Scatter) DiffWRT(i int) bool { return i == 0 }

func (k Scatter) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Apply(Gather{}, grad, in[1]), nil}
}

func (k Scatter) Do(in, out []Buf) { byDtype(k, in, out, scatter[float32], scatter[float64]) }

func scatter[T Float](k Scatter, in, out []Buf) {
	x, y, D := Of[T](in[0]), Of[T](out[0]), in[0].Len()/in[1].Len()
	M := in[1].Len() / out[0].Shape[0]
	clear(y)
	for j, i := range Of[int32](in[1]) {
		addScaled(y[(j/M*k.N+int(i))*D:][:D], 1, x[j*D:][:D])
	}
}
