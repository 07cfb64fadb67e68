package inspect

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"m2pt/checkpoint"
)

// Delta is how far two tensors of one name, shape and dtype are apart.
type Delta struct {
	Name string `json:"name"`
	// Max is the largest |a-b|. Equal infinities and two NaN are 0 apart, an element
	// that is not finite is infinitely far from any other.
	Max Number `json:"max"`
	// Relative is ‖a-b‖/‖b‖, 0 where a and b are equal.
	Relative Number `json:"relative"`
}

// Mismatch is a name under which shapes or dtypes differ: "float32 [64 3]".
type Mismatch struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Comparison is how the tensors of two files differ. Names are in A's order, those
// only in B in B's.
type Comparison struct {
	OnlyA      []string   `json:"only_a"`
	OnlyB      []string   `json:"only_b"`
	Mismatched []Mismatch `json:"mismatched"`
	Deltas     []Delta    `json:"deltas"` // of all others, those without difference too
	Max        Number     `json:"max"`    // of all Deltas
	Differing  int        `json:"differing"`
	Equal      bool       `json:"equal"`
}

// Diff compares the tensors of a and b. Differing counts the Deltas whose Max is
// above tolerance; a and b are Equal where there are none and nothing else differs.
func Diff(a, b *checkpoint.Tensors, tolerance float64) Comparison {
	c := Comparison{OnlyA: missing(a, b), OnlyB: missing(b, a), Mismatched: []Mismatch{}, Deltas: []Delta{}}
	for x := range a.All() {
		y, ok := b.Lookup(x.Name)
		switch {
		case !ok:
		case x.Dtype != y.Dtype || !slices.Equal(x.Shape, y.Shape):
			c.Mismatched = append(c.Mismatched, Mismatch{x.Name, form(x), form(y)})
		default:
			c.add(delta(x, y), tolerance)
		}
	}
	c.Equal = c.Differing+len(c.OnlyA)+len(c.OnlyB)+len(c.Mismatched) == 0
	return c
}

func (c *Comparison) add(d Delta, tolerance float64) {
	c.Deltas = append(c.Deltas, d)
	c.Max = max(c.Max, d.Max)
	if float64(d.Max) > tolerance {
		c.Differing++
	}
}

// missing lists the names in a that b lacks.
func missing(a, b *checkpoint.Tensors) []string {
	names := []string{}
	for name := range a.Names() {
		if _, ok := b.Lookup(name); !ok {
			names = append(names, name)
		}
	}
	return names
}

func form(t checkpoint.Tensor) string { return fmt.Sprintf("%v %v", t.Dtype, t.Shape) }

func delta(a, b checkpoint.Tensor) Delta {
	d := Delta{Name: a.Name}
	if bytes.Equal(a.Data, b.Data) {
		return d
	}
	x, y := a.Numbers(), b.Numbers()
	apart := make([]float64, len(x))
	for i := range x {
		apart[i] = distance(x[i], y[i])
		d.Max = max(d.Max, Number(apart[i]))
	}
	if _, err := a.Float64s(); err != nil { // float64 rounds beyond 2^53, but integers that differ do so by 1 or more
		d.Max = max(d.Max, 1)
	}
	switch scale := norm(y); {
	case math.IsInf(float64(d.Max), 0), scale == 0 && d.Max > 0:
		d.Relative = Number(math.Inf(1))
	case d.Max > 0:
		d.Relative = Number(norm(apart) / scale)
	}
	return d
}

// distance is |a-b| as Delta.Max counts it.
func distance(a, b float64) float64 {
	switch {
	case a == b || math.IsNaN(a) && math.IsNaN(b):
		return 0
	case !finite(a) || !finite(b):
		return math.Inf(1)
	}
	return math.Abs(a - b)
}
