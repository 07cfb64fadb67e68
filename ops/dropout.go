package ops

import (
	"fmt"
	"math"
	"slices"

	"m2pt/internal/philox"
)

// Dropout zeroes elements of x [B, ...] at random and divides those it keeps by
// 1 - Rate. Element i of a sample is kept when its number
// Philox(Seed and Purpose; sample key, i), uniform in [0, 1), is at least Rate,
// the key [B, 2] int32 being that of Uniform. Its own gradient: applied to dy it
// keeps the same elements. A table x [1, ...] is every sample's, and loses others in
// each: y is [B, ...].
type Dropout struct {
	Rate    float64
	Seed    uint64
	Purpose string // names the layer
}

// Dropout drops elements of x at the given rate; at rate 0 it is x.
func (g *Graph) Dropout(x, sampleKey *Node, rate float64, seed uint64, purpose string) *Node {
	if rate == 0 {
		return x
	}
	return g.Apply(Dropout{rate, seed, purpose}, x, sampleKey)
}

func (k Dropout) String() string { return fmt.Sprintf("dropout(%g,%d,%s)", k.Rate, k.Seed, k.Purpose) }

func (k Dropout) Infer(in []Spec) ([]Spec, error) {
	switch x, key := in[0], in[1]; {
	case k.Rate <= 0 || k.Rate >= 1:
		return nil, fmt.Errorf("rate %g is outside (0, 1)", k.Rate)
	case key.Shape[0] != x.Shape[0] && x.Shape[0] != 1:
		return nil, fmt.Errorf("sample keys %v do not fit input %v", key.Shape, x.Shape)
	}
	y := slices.Clone(in[0].Shape)
	y[0] = in[1].Shape[0]
	return []Spec{in[0].like(y...)}, checkSampleKey(in[1])
}

func (k Dropout) InPlace(int) []int { return []int{0} }

func (k Dropout) DiffWRT(i int) bool { return i == 0 }

func (k Dropout) SymDiff(g *Graph, in []*Node, _, grad *Node) []*Node {
	dx := g.Apply(k, grad, in[1])
	if SpecOf(in[0]).Shape[0] != SpecOf(grad).Shape[0] {
		dx = g.Apply(SumBatch{}, dx)
	}
	return []*Node{dx, nil}
}

func (k Dropout) Do(in, out []Buf) { byDtype(k, in, out, dropout[float32], dropout[float64]) }

func dropout[T Float](k Dropout, in, out []Buf) {
	x, keys, y := Of[T](in[0]), Of[int32](in[1]), Of[T](out[0])
	n, mask := len(x)/in[0].Shape[0], k.Mask()
	for i := range y {
		y[i] = x[i%len(x)] * T(mask.Block(keys[i/n*2:], i%n/4)[i%n%4]) / T(1-k.Rate)
	}
}

// Mask says which elements a dropout keeps.
type Mask struct {
	key   uint64
	least uint32 // of the upper 24 bits of a kept element's word
}

// Mask of the layer.
func (k Dropout) Mask() Mask {
	return Mask{philox.Key(k.Seed, k.Purpose), uint32(math.Ceil(k.Rate * (1 << 24)))}
}

// Block is 1 for those of elements 4i to 4i+3 of a sample that are kept, else 0.
// There is no branch that random words would mislead: below is all ones or zero.
func (m Mask) Block(sampleKey []int32, i int) (kept [4]float32) {
	words := philox.Block(m.key, [4]uint32{uint32(i), 0, uint32(sampleKey[0]), uint32(sampleKey[1])})
	for j, w := range words {
		below := uint32(int32(w>>8-m.least) >> 31)
		kept[j] = math.Float32frombits(math.Float32bits(1) &^ below)
	}
	return kept
}
