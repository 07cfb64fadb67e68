package parity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"m2pt/checkpoint"
)

// rule is how near a result must come to the recorded one.
type rule struct {
	limit   float64
	measure func(got, want []float64) float64
}

// The tolerances of the reference's README.
func forward() rule    { return rule{1e-4, relative} }  // forward values, losses
func gradient() rule   { return rule{1e-3, relative} }  // gradients and their norm
func table() rule      { return rule{1e-5, absolute} }  // position tables, interpolation
func exact64() rule    { return rule{1e-9, relative} }  // schedules, rates, accuracies
func exact32() rule    { return rule{1e-5, relative} }  // the same in float32, optimizer steps
func precision() rule  { return rule{1e-6, relative} }  // average precision
func logMel() rule     { return rule{1e-3, fromFloor} } // log-mel spectrograms
func equal() rule      { return rule{0, absolute} }     // pixels, sizes, counts
func trajectory() rule { return rule{1e-4, pointwise} } // losses at every iteration
func weight() rule     { return rule{1e-3, absolute} }  // weights after a run

// zeroShare is the limit of gradients that are exactly zero in theory, as a
// share of the largest gradient of the file.
const zeroShare = 1e-4

// relative is max|got-want| / max|want|.
func relative(got, want []float64) float64 { return quotient(absolute(got, want), largest(want)) }

// absolute is max|got-want|, infinite where anything is not a number.
func absolute(got, want []float64) float64 {
	worst := 0.0
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst
}

// fromFloor is max|got-want|, where values up to -10 may be off 50 times as far:
// cancellation near the floor.
func fromFloor(got, want []float64) float64 {
	worst := 0.0
	for i, w := range want {
		d := absolute(got[i:i+1], want[i:i+1])
		if w <= -10 {
			d /= 50
		}
		worst = max(worst, d)
	}
	return worst
}

// pointwise is max(|got-want| / |want|).
func pointwise(got, want []float64) float64 {
	worst := 0.0
	for i := range want {
		worst = max(worst, relative(got[i:i+1], want[i:i+1]))
	}
	return worst
}

func largest(v []float64) float64 { return absolute(v, make([]float64, len(v))) }

// quotient is a/b, 0 where both are.
func quotient(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return a / b
}

// Check is one comparison: the error by the measure of its tensor, and the most
// it may be.
type Check struct {
	Tensor     string
	Err, Limit float64
}

// Use is the share of the limit that the error takes; above 1 it fails.
func (c Check) Use() float64 { return quotient(c.Err, c.Limit) }

// check compares a result with the recorded tensor of its name.
func (r *replay) check(l rule, got checkpoint.Tensor) {
	want := r.tensor(got.Name)
	r.compared[got.Name] = true
	if !slices.Equal(got.Shape, want.Shape) {
		r.failures = append(r.failures, fmt.Errorf("%q has shape %v, recorded %v", got.Name, got.Shape, want.Shape))
		return
	}
	r.note(got.Name, l.measure(r.numbers(got), r.numbers(want)), l.limit)
}

// checkAll compares several results by one rule.
func (r *replay) checkAll(l rule, got []checkpoint.Tensor) {
	for _, t := range got {
		r.check(l, t)
	}
}

// checkValues compares values computed on the host, of the recorded shape.
func checkValues[T checkpoint.Element](r *replay, l rule, name string, values []T) {
	want := r.tensor(name)
	if len(values) != want.Len() {
		r.stop(fmt.Errorf("%q has %d values, recorded %v", name, len(values), want.Shape))
	}
	r.check(l, checkpoint.New(name, want.Shape, values))
}

func (r *replay) note(name string, err, limit float64) {
	c := Check{name, err, limit}
	if c.Use() > r.worst.Use() || r.worst.Tensor == "" {
		r.worst = c
	}
	if !(err <= limit) {
		r.failures = append(r.failures, fmt.Errorf("%q is off by %.3g, limit %.3g", name, err, limit))
	}
}

// checkGradients compares gradients. Where the exact gradient is zero, got is
// measured against the largest gradient of the file instead: in tensors recorded
// as all zero (W′ at λ = 0) and in the key part of qkv biases, a shift that
// softmax does not see.
func (r *replay) checkGradients(got []checkpoint.Tensor) {
	limit := zeroShare * r.largestGradient()
	for _, t := range got {
		want := r.numbers(r.tensor(t.Name))
		if largest(want) == 0 && len(want) == t.Len() {
			r.compared[t.Name] = true
			r.note(t.Name, largest(r.numbers(t)), limit)
			continue
		}
		if isQKVBias(t.Name) && len(want) == t.Len() {
			r.compared[t.Name] = true
			keys, rest := splitKeys(r.numbers(t))
			_, wantRest := splitKeys(want)
			r.note(t.Name+" (keys)", largest(keys), limit)
			r.note(t.Name, relative(rest, wantRest), gradient().limit)
			continue
		}
		r.check(gradient(), t)
	}
}

func (r *replay) largestGradient() float64 {
	top := 0.0
	for t := range r.All() {
		if strings.HasPrefix(t.Name, "grad") {
			top = max(top, largest(r.numbers(t)))
		}
	}
	return top
}

func isQKVBias(name string) bool { return strings.HasSuffix(name, "attn.qkv.bias") }

// splitKeys takes the middle third of a qkv bias out.
func splitKeys[T any](v []T) (keys, rest []T) {
	n := len(v) / 3
	return v[n : 2*n], slices.Concat(v[:n], v[2*n:])
}
