package ops

import (
	"fmt"
	"slices"
)

// entries are the parts of a tensor [..., N, D]: how many groups, the N entries
// of each, their width D.
func (s Spec) entries() (groups, N, D int) {
	N, D = s.Shape[len(s.Shape)-2], s.last()
	return s.Len() / (N * D), N, D
}

// pooled is [..., D] of a Spec [..., N, D], spread the reverse.
func (s Spec) pooled() Spec {
	n := len(s.Shape)
	return s.like(append(slices.Clone(s.Shape[:n-2]), s.last())...)
}

func (s Spec) spread(N int) Spec {
	return s.like(slices.Insert(slices.Clone(s.Shape), len(s.Shape)-1, N)...)
}

// checkEntries refuses a range of entries that [..., N, D] does not have.
func checkEntries(s Spec, from, count int) error {
	if n := len(s.Shape); n < 3 || from < 0 || count < 1 || from+count > s.Shape[n-2] {
		return fmt.Errorf("no such tokens in %v", s.Shape)
	}
	return nil
}

// Pool reduces tokens [..., N, D] to one vector per sample or group [..., D]:
// the mean of the Count tokens from token From on. Count 1 picks a single token.
type Pool struct{ From, Count int }

// Pool averages count tokens of x from token from on.
func (g *Graph) Pool(x *Node, from, count int) *Node { return g.Apply(Pool{from, count}, x) }

func (k Pool) String() string { return fmt.Sprintf("pool(%d,%d)", k.From, k.Count) }

func (k Pool) Infer(in []Spec) ([]Spec, error) {
	if err := checkEntries(in[0], k.From, k.Count); err != nil {
		return nil, err
	}
	return []Spec{in[0].pooled()}, nil
}

// Reads is Count tokens of each group.
func (k Pool) Reads(_, out []Spec) int { return k.Count * out[0].Len() }

func (k Pool) DiffWRT(int) bool { return true }

func (k Pool) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	_, N, _ := SpecOf(in[0]).entries()
	return []*Node{g.Apply(PoolGrad{k, N}, grad)}
}

func (k Pool) Do(in, out []Buf) { byDtype(k, in, out, pool[float32], pool[float64]) }

func pool[T Float](k Pool, in, out []Buf) {
	x, y := Of[T](in[0]), Of[T](out[0])
	groups, N, D := in[0].entries()
	clear(y)
	for b := range groups {
		for n := k.From; n < k.From+k.Count; n++ {
			addScaled(y[b*D:][:D], 1/T(k.Count), x[(b*N+n)*D:][:D])
		}
	}
}

// PoolGrad spreads dy [..., D] over the pooled ones of N tokens.
type PoolGrad struct {
	Pool Pool
	N    int
}

func (k PoolGrad) String() string { return fmt.Sprintf("%v.grad(%d)", k.Pool, k.N) }

func (k PoolGrad) Infer(in []Spec) ([]Spec, error) {
	dx := in[0].spread(k.N)
	return []Spec{dx}, checkEntries(dx, k.Pool.From, k.Pool.Count)
}

func (k PoolGrad) Do(in, out []Buf) { byDtype(k, in, out, poolGrad[float32], poolGrad[float64]) }

func poolGrad[T Float](k PoolGrad, in, out []Buf) {
	dy, dx, D := Of[T](in[0]), Of[T](out[0]), in[0].last()
	clear(dx)
	for b := range in[0].rows() {
		for n := k.Pool.From; n < k.Pool.From+k.Pool.Count; n++ {
			addScaled(dx[(b*k.N+n)*D:][:D], 1/T(k.Pool.Count), dy[b*D:][:D])
		}
	}
}

// MaxPool reduces tokens [..., N, D] to [..., D]: of each feature the largest
// value among the Count tokens from token From on. Not-a-number counts as
// largest, so that a bad value is not hidden. Outputs the maximum and, saved for
// the gradient, the int32 index (among all N) of the first token that has it.
type MaxPool struct{ From, Count int }

// MaxPool takes the maximum of count tokens of x from token from on.
func (g *Graph) MaxPool(x *Node, from, count int) *Node { return g.Apply(MaxPool{from, count}, x) }

func (k MaxPool) String() string { return fmt.Sprintf("max_pool(%d,%d)", k.From, k.Count) }

func (k MaxPool) Infer(in []Spec) ([]Spec, error) {
	if err := checkEntries(in[0], k.From, k.Count); err != nil {
		return nil, err
	}
	y := in[0].pooled()
	return []Spec{y, {y.Shape, Int32}}, nil
}

// Reads is Count tokens of each group.
func (k MaxPool) Reads(_, out []Spec) int { return k.Count * out[0].Len() }

func (k MaxPool) DiffWRT(int) bool { return true }

func (k MaxPool) SymDiff(g *Graph, in []*Node, out, grad *Node) []*Node {
	_, N, _ := SpecOf(in[0]).entries()
	return []*Node{g.Apply(MaxPoolGrad{N}, grad, g.Out(out, 1))}
}

func (k MaxPool) Do(in, out []Buf) { byDtype(k, in, out, maxPool[float32], maxPool[float64]) }

func maxPool[T Float](k MaxPool, in, out []Buf) {
	x, y, index := Of[T](in[0]), Of[T](out[0]), Of[int32](out[1])
	_, N, D := in[0].entries()
	for i := range y {
		group := x[i/D*N*D:]
		y[i], index[i] = group[k.From*D+i%D], int32(k.From)
		for n := k.From + 1; n < k.From+k.Count; n++ {
			if v := group[n*D+i%D]; v > y[i] || v != v && y[i] == y[i] {
				y[i], index[i] = v, int32(n)
			}
		}
	}
}

// MaxPoolGrad hands dy [..., D] to those of N tokens that index [..., D] int32
// names, feature by feature.
type MaxPoolGrad struct{ N int }

func (k MaxPoolGrad) String() string { return fmt.Sprintf("max_pool.grad(%d)", k.N) }

func (k MaxPoolGrad) Infer(in []Spec) ([]Spec, error) {
	dy, index := in[0], in[1]
	if !index.Equal(Spec{dy.Shape, Int32}) {
		return nil, fmt.Errorf("index %v does not fit gradient %v", index, dy)
	}
	return []Spec{dy.spread(k.N)}, nil
}

func (k MaxPoolGrad) Do(in, out []Buf) {
	byDtype(k, in, out, maxPoolGrad[float32], maxPoolGrad[float64])
}

func maxPoolGrad[T Float](k MaxPoolGrad, in, out []Buf) {
	dy, dx, D := Of[T](in[0]), Of[T](out[0]), in[0].last()
	clear(dx)
	for i, n := range Of[int32](in[1]) {
		dx[(i/D*k.N+int(n))*D+i%D] = dy[i]
	}
}
