package ops

import "fmt"

// Columns are the Count columns from column From on of a weight [out, ...]
// whose trailing dimensions together are its columns, as in Linear:
// [out, Count]. W·[a; b] is then W_a·a + W_b·b, without a and b side by side in
// memory, and a part of the input that many rows share is multiplied once. Of a
// parameter, columns depend on state alone and are cut once per update.
type Columns struct{ From, Count int }

// Columns cuts count columns from column from on out of the weight w.
func (g *Graph) Columns(w *Node, from, count int) *Node { return g.Apply(Columns{from, count}, w) }

func (k Columns) String() string { return fmt.Sprintf("columns(%d,%d)", k.From, k.Count) }

func (k Columns) Infer(in []Spec) ([]Spec, error) {
	w := in[0]
	if len(w.Shape) < 2 || k.From < 0 || k.Count < 1 || k.From+k.Count > w.Len()/w.Shape[0] {
		return nil, fmt.Errorf("no such columns in weight %v", w.Shape)
	}
	return []Spec{w.like(w.Shape[0], k.Count)}, nil
}

// Reads is what the output has.
func (k Columns) Reads(_, out []Spec) int { return out[0].Len() }

func (k Columns) DiffWRT(int) bool { return true }

func (k Columns) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{g.Apply(ColumnsGrad{k.From, SpecOf(in[0]).Shape}, grad)}
}

func (k Columns) Do(in, out []Buf) {
	R, size := out[0].Shape[0], int(in[0].Dtype.Size())
	w, y := in[0].Raw(), out[0].Raw()
	from, count, row := k.From*size, k.Count*size, len(w)/R
	for r := range R {
		copy(y[r*count:][:count], w[r*row+from:])
	}
}

// ColumnsGrad puts the gradient of columns [out, count] at column From of a
// weight of the given shape, zero elsewhere.
type ColumnsGrad struct {
	From  int
	Shape []int
}

func (k ColumnsGrad) String() string { return fmt.Sprintf("columns.grad(%d,%v)", k.From, k.Shape) }

func (k ColumnsGrad) Infer(in []Spec) ([]Spec, error) {
	dy, w := in[0], in[0].like(k.Shape...)
	if dy.Shape[0] != w.Shape[0] || k.From < 0 || k.From+dy.Shape[1] > w.Len()/w.Shape[0] {
		return nil, fmt.Errorf("gradient %v does not fit weight %v", dy.Shape, k.Shape)
	}
	return []Spec{w}, nil
}

func (k ColumnsGrad) Do(in, out []Buf) {
	R, size := in[0].Shape[0], int(in[0].Dtype.Size())
	dy, dw := in[0].Raw(), out[0].Raw()
	count, row := len(dy)/R, len(dw)/R
	clear(dw)
	for r := range R {
		copy(dw[r*row+k.From*size:], dy[r*count:][:count])
	}
}
