// Package inspect describes the tensors of a file, compares those of two, and
// measures what each pathway layer takes from its auxiliary model.
//
// Vocabulary: a norm is the L2 norm of all elements of a tensor; a term is one
// λ·W′ of a layer. Elements are measured as float64. The package reads no files and
// prints nothing.
package inspect

import (
	"math"
	"strconv"

	"m2pt/checkpoint"
)

// Number is a float64 that JSON can hold: what is not finite becomes text, "NaN",
// "+Inf" or "-Inf".
type Number float64

// MarshalJSON implements [json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(n), 'g', -1, 64)
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		text = strconv.Quote(text)
	}
	return []byte(text), nil
}

// Tensor is what there is to say about one tensor. Norm, Min and Max are those of
// its finite elements; without any, Min and Max are NaN.
type Tensor struct {
	Name      string `json:"name"`
	Shape     []int  `json:"shape"`
	Dtype     string `json:"dtype"`
	Elements  int    `json:"elements"`
	Bytes     int    `json:"bytes"`
	Norm      Number `json:"norm"`
	Min       Number `json:"min"`
	Max       Number `json:"max"`
	NonFinite int    `json:"non_finite"`
}

// Total sums up a listing; Norm is that of all tensors as one.
type Total struct {
	Tensors   int    `json:"tensors"`
	Elements  int    `json:"elements"`
	Bytes     int    `json:"bytes"`
	Norm      Number `json:"norm"`
	NonFinite int    `json:"non_finite"`
}

// Listing describes tensors in the order of their file.
type Listing struct {
	Tensors []Tensor `json:"tensors"`
	Total   Total    `json:"total"`
}

// List describes the tensors whose names match.
func List(ts *checkpoint.Tensors, match func(name string) bool) Listing {
	l := Listing{Tensors: []Tensor{}}
	for t := range ts.All() {
		if match(t.Name) {
			l.add(describe(t))
		}
	}
	return l
}

func (l *Listing) add(t Tensor) {
	l.Tensors = append(l.Tensors, t)
	l.Total.Tensors++
	l.Total.Elements += t.Elements
	l.Total.Bytes += t.Bytes
	l.Total.Norm = Number(math.Hypot(float64(l.Total.Norm), float64(t.Norm)))
	l.Total.NonFinite += t.NonFinite
}

func describe(t checkpoint.Tensor) Tensor {
	d := Tensor{Name: t.Name, Shape: append([]int{}, t.Shape...), Dtype: t.Dtype.String(), Elements: t.Len(), Bytes: len(t.Data)}
	least, most := math.Inf(1), math.Inf(-1)
	values := t.Numbers()
	for _, v := range values {
		if !finite(v) {
			d.NonFinite++
			continue
		}
		least, most = min(least, v), max(most, v)
	}
	if d.NonFinite == len(values) {
		least, most = math.NaN(), math.NaN()
	}
	d.Min, d.Max, d.Norm = Number(least), Number(most), Number(norm(values))
	return d
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// norm is that of the finite values. They are divided by the largest, so that no
// square overflows or vanishes.
func norm(values []float64) float64 {
	largest := 0.0
	for _, v := range values {
		if finite(v) {
			largest = max(largest, math.Abs(v))
		}
	}
	if largest == 0 {
		return 0
	}
	s := 0.0
	for _, v := range values {
		if finite(v) {
			v /= largest
			s += v * v
		}
	}
	return largest * math.Sqrt(s)
}
