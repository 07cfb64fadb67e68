package ops

import "fmt"

// Windows cut a grid of tokens, row after row, into windows of Size rows and columns,
// which divide the grid's, after the rows have moved up by Shift: the first ones come
// last, in windows with rows that are not beside them.
type Windows struct {
	Grid, Size [2]int // rows and columns
	Shift      int    // rows, fewer than the grid's
}

// Count is the number of windows.
func (w Windows) Count() int { return w.Grid[0] / w.Size[0] * (w.Grid[1] / w.Size[1]) }

// Len is the number of tokens of a window.
func (w Windows) Len() int { return w.Size[0] * w.Size[1] }

// Token is the place in the grid of token i of window n.
func (w Windows) Token(n, i int) int {
	across := w.Grid[1] / w.Size[1]
	row, column := n/across*w.Size[0]+i/w.Size[1], n%across*w.Size[1]+i%w.Size[1]
	return (row+w.Shift)%w.Grid[0]*w.Grid[1] + column
}

// Apart reports whether tokens i and j of window n come from opposite ends of the
// grid.
func (w Windows) Apart(n, i, j int) bool {
	top := n / (w.Grid[1] / w.Size[1]) * w.Size[0]
	moved := func(i int) bool { return top+i/w.Size[1] >= w.Grid[0]-w.Shift }
	return moved(i) != moved(j)
}

func (w Windows) check() error {
	for i, g := range w.Grid {
		if g < 1 || w.Size[i] < 1 || g%w.Size[i] != 0 {
			return fmt.Errorf("windows of %v tokens do not divide a grid of %v", w.Size, w.Grid)
		}
	}
	if w.Shift < 0 || w.Shift >= w.Grid[0] {
		return fmt.Errorf("windows shifted by %d of %d rows", w.Shift, w.Grid[0])
	}
	return nil
}

// Penalty is by how much the score of two tokens from opposite ends of the grid is
// lowered: neither sees the other.
const Penalty = 100

// WindowAttention is [Attention] within windows: packed qkv [B, N, 3D] of the tokens of
// a grid in their order, and a bias [B or 1, n·n, H] for each pair of places in a
// window, give o [B, N, D]. Per window and head o = softmax(q·kᵀ/√(D/H) + bias - m)·v,
// with m = 100 between tokens that [Windows] brought together, else 0.
type WindowAttention struct {
	Heads int
	Windows
}

// WindowAttention applies multi-head self-attention within windows.
func (g *Graph) WindowAttention(qkv, bias *Node, heads int, w Windows) *Node {
	return g.Apply(WindowAttention{heads, w}, qkv, bias)
}

func (k WindowAttention) String() string {
	return fmt.Sprintf("window_attention(heads=%d,grid=%v,size=%v,shift=%d)", k.Heads, k.Grid, k.Size, k.Shift)
}

func (k WindowAttention) Infer(in []Spec) ([]Spec, error) {
	out, err := Attention{k.Heads}.Infer(in)
	if err != nil {
		return nil, err
	}
	if err := k.check(); err != nil {
		return nil, err
	}
	qkv, bias := in[0], in[1]
	if N := k.Grid[0] * k.Grid[1]; qkv.Shape[1] != N {
		return nil, fmt.Errorf("qkv %v is not of a grid of %v", qkv, k.Grid)
	}
	pairs := k.Len() * k.Len()
	if !bias.Equal(qkv.like(1, pairs, k.Heads)) && !bias.Equal(qkv.like(qkv.Shape[0], pairs, k.Heads)) {
		return nil, fmt.Errorf("bias %v, want %v, or such a table for each sample", bias, qkv.like(1, pairs, k.Heads))
	}
	return out[:1], nil
}

func (k WindowAttention) FLOPs(_, out []Spec) int64 {
	return 4 * int64(out[0].Len()) * int64(k.Len()) // q·kᵀ and p·v
}

func (k WindowAttention) DiffWRT(int) bool { return true }

func (k WindowAttention) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	dqkv := g.Apply(WindowAttentionGrad(k), in[0], in[1], grad)
	return []*Node{dqkv, g.Out(dqkv, 1)}
}

func (k WindowAttention) Do(in, out []Buf) {
	byDtype(k, in, out, windowAttention[float32], windowAttention[float64])
}

// windowHeads walks over sample, head, window and query.
type windowHeads[T Float] struct {
	WindowAttention
	heads[T]
	tables int // of biases
	bias   []T
}

func newWindowHeads[T Float](k WindowAttention, qkv, bias Buf) windowHeads[T] {
	return windowHeads[T]{k, newHeads[T](qkv, k.Heads), bias.Shape[0], Of[T](bias)}
}

// pair is the place of the bias between places i and j.
func (a windowHeads[T]) pair(b, h, i, j int) int {
	n := a.Len()
	return ((b%a.tables*n+i)*n+j)*a.Heads + h
}

// each calls f with the weights p of query i in window w.
func (a windowHeads[T]) each(samples int, f func(b, h, w, i int, p []T)) {
	n := a.Len()
	p := make([]T, n)
	for t := range samples * a.Heads * a.Count() * n {
		b, h, w, i := t/n/a.Count()/a.Heads, t/n/a.Count()%a.Heads, t/n%a.Count(), t%n
		for j := range p {
			p[j] = a.score(b, h, a.Token(w, i), a.Token(w, j)) + a.bias[a.pair(b, h, i, j)]
			if a.Apart(w, i, j) {
				p[j] -= Penalty
			}
		}
		softmaxRow(p, p)
		f(b, h, w, i, p)
	}
}

func windowAttention[T Float](k WindowAttention, in, out []Buf) {
	a, o := newWindowHeads[T](k, in[0], in[1]), Of[T](out[0])
	clear(o)
	a.each(in[0].Shape[0], func(b, h, w, i int, p []T) {
		for j, v := range p {
			addScaled(a.out(o, b, h, a.Token(w, i)), v, a.row(a.qkv, b, h, 2, a.Token(w, j)))
		}
	})
}

// WindowAttentionGrad takes qkv, bias, do to dqkv and dbias. The weights p are
// recomputed; with δ = Σ p·(do·v) per row, ds = p·(do·vᵀ - δ), which dbias sums over
// windows, and over samples where they share one table.
type WindowAttentionGrad WindowAttention

func (k WindowAttentionGrad) String() string { return WindowAttention(k).String() + ".grad" }

func (k WindowAttentionGrad) Infer(in []Spec) ([]Spec, error) {
	if _, err := WindowAttention(k).Infer(in); err != nil {
		return nil, err
	}
	return in[:2], nil
}

func (k WindowAttentionGrad) FLOPs(in, _ []Spec) int64 {
	return 10 * int64(in[2].Len()) * int64(k.Len()) // s, dp, dv, dq, dk
}

func (k WindowAttentionGrad) Do(in, out []Buf) {
	byDtype(k, in, out, windowAttentionGrad[float32], windowAttentionGrad[float64])
}

func windowAttentionGrad[T Float](k WindowAttentionGrad, in, out []Buf) {
	a := newWindowHeads[T](WindowAttention(k), in[0], in[1])
	do, d, dbias := Of[T](in[2]), Of[T](out[0]), Of[T](out[1])
	clear(d)
	clear(dbias)
	dp := make([]T, k.Len())
	a.each(in[0].Shape[0], func(b, h, w, i int, p []T) {
		query := a.Token(w, i)
		g := a.out(do, b, h, query)
		for j := range dp {
			dp[j] = inner(g, a.row(a.qkv, b, h, 2, a.Token(w, j)))
		}
		delta := inner(p, dp)
		for j, v := range p {
			key, ds := a.Token(w, j), v*(dp[j]-delta)
			dbias[a.pair(b, h, i, j)] += ds
			addScaled(a.row(d, b, h, 2, key), v, g)
			addScaled(a.row(d, b, h, 0, query), a.scale*ds, a.row(a.qkv, b, h, 1, key))
			addScaled(a.row(d, b, h, 1, key), a.scale*ds, a.row(a.qkv, b, h, 0, query))
		}
	})
}
