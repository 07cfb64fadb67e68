package ops

import "fmt"

// Entries are the Count entries from entry From on of x [..., N, D]: [..., Count, D].
type Entries struct{ From, Count int }

// Entries cuts count entries from entry from on out of x.
func (g *Graph) Entries(x *Node, from, count int) *Node { return g.Apply(Entries{from, count}, x) }

func (k Entries) String() string { return fmt.Sprintf("entries(%d,%d)", k.From, k.Count) }

func (k Entries) Infer(in []Spec) ([]Spec, error) {
	if err := checkEntries(in[0], k.From, k.Count); err != nil {
		return nil, err
	}
	return []Spec{in[0].pooled().spread(k.Count)}, nil
}

// Reads is what the output has.
func (k Entries) Reads(_, out []Spec) int { return out[0].Len() }

func (k Entries) DiffWRT(int) bool { return true }

func (k Entries) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	_, N, _ := SpecOf(in[0]).entries()
	return []*Node{g.Apply(EntriesGrad{k.From, N}, grad)}
}

func (k Entries) Do(in, out []Buf) {
	groups, _, _ := in[0].entries()
	x, y := in[0].Raw(), out[0].Raw()
	row, count := len(x)/groups, len(y)/groups
	from := count / k.Count * k.From
	for i := range groups {
		copy(y[i*count:][:count], x[i*row+from:])
	}
}

// EntriesGrad puts the gradient of entries [..., Count, D] at entry From of N, zero
// elsewhere.
type EntriesGrad struct{ From, N int }

func (k EntriesGrad) String() string { return fmt.Sprintf("entries.grad(%d,%d)", k.From, k.N) }

func (k EntriesGrad) Infer(in []Spec) ([]Spec, error) {
	_, count, _ := in[0].entries()
	dx := in[0].pooled().spread(k.N)
	return []Spec{dx}, checkEntries(dx, k.From, count)
}

func (k EntriesGrad) Do(in, out []Buf) {
	groups, count, _ := in[0].entries()
	dy, dx := in[0].Raw(), out[0].Raw()
	n, row := len(dy)/groups, len(dx)/groups
	clear(dx)
	for i := range groups {
		copy(dx[i*row+n/count*k.From:], dy[i*n:][:n])
	}
}

// AppendMask puts one learned token [1, 1, D] Count times behind the tokens
// [B, V, D] of every sample: places for a decoder to fill.
type AppendMask struct{ Count int }

// AppendMask puts the mask token count times behind x.
func (g *Graph) AppendMask(x, token *Node, count int) *Node {
	return g.Apply(AppendMask{count}, x, token)
}

func (k AppendMask) String() string { return fmt.Sprintf("append_mask(%d)", k.Count) }

func (k AppendMask) Infer(in []Spec) ([]Spec, error) {
	x, t := in[0], in[1]
	if len(x.Shape) != 3 || !t.Equal(x.like(1, 1, x.Shape[2])) || k.Count < 1 {
		return nil, fmt.Errorf("%d times token %v does not fit tokens %v", k.Count, t, x)
	}
	return []Spec{x.like(x.Shape[0], x.Shape[1]+k.Count, x.Shape[2])}, nil
}

func (k AppendMask) DiffWRT(int) bool { return true }

func (k AppendMask) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	dx := g.Apply(AppendMaskGrad(k), grad)
	return []*Node{dx, g.Apply(SumBatch{}, g.Out(dx, 1))}
}

func (k AppendMask) Do(in, out []Buf) {
	B, x, t, y := in[0].Shape[0], in[0].Raw(), in[1].Raw(), out[0].Raw()
	n, row := len(x)/B, len(y)/B
	for b := range B {
		copy(y[b*row:], x[b*n:][:n])
		for i := b*row + n; i < (b+1)*row; i += len(t) {
			copy(y[i:], t)
		}
	}
}

// AppendMaskGrad cuts dy [B, V+Count, D] into the tokens' gradient [B, V, D] and the
// sum of the mask tokens' per sample [B, 1, D].
type AppendMaskGrad struct{ Count int }

func (k AppendMaskGrad) String() string { return fmt.Sprintf("append_mask.grad(%d)", k.Count) }

func (k AppendMaskGrad) Infer(in []Spec) ([]Spec, error) {
	s := in[0].Shape
	if len(s) != 3 || k.Count < 1 || k.Count >= s[1] {
		return nil, fmt.Errorf("%d mask tokens do not fit gradient %v", k.Count, s)
	}
	return []Spec{in[0].like(s[0], s[1]-k.Count, s[2]), in[0].like(s[0], 1, s[2])}, nil
}

func (k AppendMaskGrad) Do(in, out []Buf) {
	byDtype(k, in, out, appendMaskGrad[float32], appendMaskGrad[float64])
}

func appendMaskGrad[T Float](_ AppendMaskGrad, in, out []Buf) {
	dy, dx, dt := Of[T](in[0]), Of[T](out[0]), Of[T](out[1])
	B, N, D := in[0].entries()
	V := out[0].Shape[1]
	clear(dt)
	for b := range B {
		sample := dy[b*N*D:][:N*D]
		copy(dx[b*V*D:], sample[:V*D])
		for i, v := range sample[V*D:] {
			dt[b*D+i%D] += v
		}
	}
}
