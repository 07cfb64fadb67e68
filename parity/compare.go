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
func throughMax() rule { return rule{5e-3, relative} }  // gradients through maxima and ReLU: an argmax may flip
func running() rule    { return rule{1e-5, relative} }  // running statistics
func table() rule      { return rule{1e-5, absolute} }  // position tables, interpolation
func exact64() rule    { return rule{1e-9, relative} }  // schedules, rates, accuracies
func exact32() rule    { return rule{1e-5, relative} }  // the same in float32, optimizer steps
func precision() rule  { return rule{1e-6, relative} }  // average precision
func logMel() rule     { return rule{1e-3, fromFloor} } // log-mel spectrograms
func equal() rule      { return rule{0, absolute} }     // pixels, sizes, counts
func trajectory() rule { return rule{1e-4, pointwise} } // losses at every iteration
func weight() rule     { return rule{1e-3, absolute} }  // weights after a run

// Gradients that are zero in theory, as shares of the largest gradient of the
// file: what they may be, and what the reference's float64 made of them.
const (
	zeroShare     = 1e-4
	recordedShare = 1e-12
)

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

// Worst are the checks nearest to their limits, or furthest beyond, among
// gradients and among all other results.
type Worst struct{ Forward, Gradient Check }

// worse keeps the check that takes the larger share of its limit.
func (c *Check) worse(d Check) {
	if d.Tensor != "" && (c.Tensor == "" || d.Use() > c.Use()) {
		*c = d
	}
}

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

// channelsFirst turns entries [B, N, D] into [B, D, ...], N being the product of
// the dimensions left out, where that is how they are recorded.
func (r *replay) channelsFirst(t checkpoint.Tensor) checkpoint.Tensor {
	shape := r.tensor(t.Name).Shape
	if len(t.Shape) != 3 || len(shape) < 3 || slices.Equal(shape, t.Shape) || shape[0] != t.Shape[0] || shape[1] != t.Shape[2] {
		return t // check says what differs
	}
	return checkpoint.New(t.Name, shape, transposed(r.numbers(t), t.Shape[1], t.Shape[2]))
}

// transposed turns each matrix [N, D] of v into [D, N].
func transposed[T any](v []T, N, D int) []T {
	out := make([]T, len(v))
	for i, x := range v {
		b, n, d := i/(N*D), i/D%N, i%D
		out[(b*D+d)*N+n] = x
	}
	return out
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
	worst := &r.worst.Forward
	if isGradient(name) {
		worst = &r.worst.Gradient
	}
	worst.worse(Check{name, err, limit})
	if !(err <= limit) {
		r.failures = append(r.failures, fmt.Errorf("%q is off by %.3g, limit %.3g", name, err, limit))
	}
}

// checkGradients compares gradients. Where the exact gradient is zero, got is
// measured against the largest gradient of the file instead: in tensors recorded
// as all zero (W′ at λ = 0) or as rounding errors (shifts that a following batch
// normalisation takes out) and in the key part of qkv biases, a shift that softmax
// does not see, but where it is of cosines.
func (r *replay) checkGradients(got []checkpoint.Tensor) {
	top := r.largestGradient()
	zero := func(name string, got []float64) { r.note(name, quotient(largest(got), top), zeroShare) }
	for _, t := range got {
		t = r.channelsFirst(t)
		want := r.numbers(r.tensor(t.Name))
		if largest(want) <= recordedShare*top && len(want) == t.Len() {
			r.compared[t.Name] = true
			zero(t.Name, r.numbers(t))
			continue
		}
		if isQKVBias(t.Name) && len(want) == t.Len() && !r.ofCosines(t.Name) {
			r.compared[t.Name] = true
			keys, rest := splitKeys(r.numbers(t))
			_, wantRest := splitKeys(want)
			zero(t.Name+" (keys)", keys)
			r.note(t.Name, relative(rest, wantRest), gradient().limit)
			continue
		}
		r.check(r.gradientRule(), t)
	}
}

// gradientRule is that of the kind: networks of point clouds take maxima.
func (r *replay) gradientRule() rule {
	if strings.HasPrefix(r.Kind, "point_") {
		return throughMax()
	}
	return gradient()
}

func isGradient(name string) bool { return strings.HasPrefix(name, "grad") }

func (r *replay) largestGradient() float64 {
	top := 0.0
	for t := range r.All() {
		if isGradient(t.Name) {
			top = max(top, largest(r.numbers(t)))
		}
	}
	return top
}

func isQKVBias(name string) bool { return strings.HasSuffix(name, "attn.qkv.bias") }

// ofCosines reports whether the qkv bias with gradient grad/<name> is that of a cosine
// attention.
func (r *replay) ofCosines(name string) bool {
	_, layer, _ := strings.Cut(strings.TrimSuffix(name, "qkv.bias"), "/")
	return r.has("param/" + layer + "tau")
}

// splitKeys takes the middle third of a qkv bias out.
func splitKeys[T any](v []T) (keys, rest []T) {
	n := len(v) / 3
	return v[n : 2*n], slices.Concat(v[:n], v[2*n:])
}
