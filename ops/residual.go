package ops

import (
	"fmt"
	"math"

	"m2pt/internal/philox"
)

// Add is x + y of one shape: the residual connection.
type Add struct{}

// Add is x + y.
func (g *Graph) Add(x, y *Node) *Node { return g.Apply(Add{}, x, y) }

func (k Add) String() string { return "add" }

func (k Add) Infer(in []Spec) ([]Spec, error) {
	if !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("operands %v and %v differ", in[0], in[1])
	}
	return in[:1], nil
}

func (k Add) InPlace(int) []int { return []int{0, 1} }

func (k Add) DiffWRT(int) bool { return true }

func (k Add) SymDiff(_ *Graph, _ []*Node, _, grad *Node) []*Node { return []*Node{grad, grad} }

func (k Add) Do(in, out []Buf) { byDtype(k, in, out, add[float32], add[float64]) }

func add[T Float](_ Add, in, out []Buf) {
	y, r := Of[T](out[0]), Of[T](in[1])
	for i, x := range Of[T](in[0]) {
		y[i] = x + r[i]
	}
}

// DropPath is the residual connection with stochastic depth: sample b of
// branch r is kept when ⌊1 - p + u_b⌋ = 1 and then divided by 1 - p; inputs
// x, r [B, ...] and u [B] uniform in [0, 1).
type DropPath struct{ Rate float64 }

// DropPath is x + r, or for rate > 0 with r dropped per sample as u decides.
func (g *Graph) DropPath(x, r, u *Node, rate float64) *Node {
	if rate == 0 {
		return g.Add(x, r)
	}
	return g.Apply(DropPath{rate}, x, r, u)
}

func (k DropPath) String() string { return fmt.Sprintf("drop_path(%g)", k.Rate) }

func (k DropPath) Infer(in []Spec) ([]Spec, error) {
	switch x, r, u := in[0], in[1], in[2]; {
	case k.Rate <= 0 || k.Rate >= 1:
		return nil, fmt.Errorf("rate %g is outside (0, 1)", k.Rate)
	case !x.Equal(r) || u.Len() != x.Shape[0]:
		return nil, fmt.Errorf("operands %v, %v and %v do not fit", x, r, u)
	}
	return in[:1], nil
}

func (k DropPath) InPlace(int) []int { return []int{0, 1} }

func (k DropPath) DiffWRT(i int) bool { return i < 2 }

func (k DropPath) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	return []*Node{grad, g.Apply(DropPathGrad(k), grad, in[2]), nil}
}

func (k DropPath) Do(in, out []Buf) { byDtype(k, in, out, dropPath[float32], dropPath[float64]) }

func dropPath[T Float](k DropPath, in, out []Buf) {
	x, r, y := Of[T](in[0]), Of[T](in[1]), Of[T](out[0])
	n := len(x) / in[0].Shape[0]
	for i := range y {
		y[i] = x[i] + keep(k.Rate, Of[T](in[2])[i/n])*r[i]
	}
}

// keep is the factor of a sample's branch.
func keep[T Float](rate float64, u T) T {
	return T(math.Floor(1-rate+float64(u)) / (1 - rate))
}

// DropPathGrad takes dy, u to the branch's gradient.
type DropPathGrad DropPath

func (k DropPathGrad) String() string { return DropPath(k).String() + ".grad" }

func (k DropPathGrad) Infer(in []Spec) ([]Spec, error) { return in[:1], nil }

func (k DropPathGrad) Do(in, out []Buf) {
	byDtype(k, in, out, dropPathGrad[float32], dropPathGrad[float64])
}

func dropPathGrad[T Float](k DropPathGrad, in, out []Buf) {
	dy, dr := Of[T](in[0]), Of[T](out[0])
	n := len(dy) / in[0].Shape[0]
	for i, d := range dy {
		dr[i] = keep(k.Rate, Of[T](in[1])[i/n]) * d
	}
}

// Uniform draws u [B] in [0, 1), one number per sample:
// Philox(Seed and Purpose; sample key), the key [B, 2] int32 being epoch and
// position in the epoch's order. A sample's draw thus depends neither on its
// row in the batch nor on the batch.
type Uniform struct {
	Seed    uint64
	Purpose string // names the layer
	To      Dtype
}

// Uniform draws one number per sample.
func (g *Graph) Uniform(sampleKey *Node, seed uint64, purpose string) *Node {
	return g.Apply(Uniform{seed, purpose, g.Dtype}, sampleKey)
}

func (k Uniform) String() string { return fmt.Sprintf("uniform(%d,%s,%v)", k.Seed, k.Purpose, k.To) }

func (k Uniform) Infer(in []Spec) ([]Spec, error) {
	if err := checkSampleKey(in[0]); err != nil {
		return nil, err
	}
	return []Spec{{in[0].Shape[:1], k.To}}, nil
}

func checkSampleKey(s Spec) error {
	if len(s.Shape) != 2 || s.Shape[1] != 2 || s.Dtype != Int32 {
		return fmt.Errorf("sample key is %v, want int32 [B 2]", s)
	}
	return nil
}

func (k Uniform) Do(in, out []Buf) { byDtype(k, in, out, uniform[float32], uniform[float64]) }

func uniform[T Float](k Uniform, in, out []Buf) {
	key, u := Of[int32](in[0]), Of[T](out[0])
	for b := range u {
		u[b] = T(philox.Uniform(sampleBlock(k.Seed, k.Purpose, key[2*b:], 0)[0]))
	}
}

// sampleBlock is block i of the random words of one sample.
func sampleBlock(seed uint64, purpose string, sampleKey []int32, i int) [4]uint32 {
	return philox.Block(philox.Key(seed, purpose), [4]uint32{uint32(i), 0, uint32(sampleKey[0]), uint32(sampleKey[1])})
}
