// Package logreg is softmax regression on raw samples: the yardstick that a
// model has to leave behind before its accuracy means anything. It supports
// tests only.
package logreg

import (
	"fmt"
	"math"

	"m2pt/data"
	"m2pt/internal/philox"
)

// Accuracy fits a softmax regression on the pixels or values of train, read once as epoch
// 0 with seed 0, by epochs passes of Adam in batches of 64 with a step size that
// falls linearly to zero, and returns the shares of train and of test that it
// names rightly.
func Accuracy(train, test data.Dataset, epochs int) (onTrain, onTest float64, err error) {
	a, err := load(train)
	if err != nil {
		return 0, 0, err
	}
	b, err := load(test)
	if err != nil {
		return 0, 0, err
	}
	m := newModel(len(a[0].x), len(train.Classes()))
	order := make([]int32, len(a))
	for epoch := range epochs {
		r := philox.New(0, "logreg", uint64(epoch), 0)
		r.Perm(order)
		for at := 0; at < len(order); at += batch {
			for _, i := range order[at:min(at+batch, len(order))] {
				m.accumulate(a[i])
			}
			m.step(1e-3 * (1 - float64(epoch)/float64(epochs)))
		}
	}
	return m.accuracy(a), m.accuracy(b), nil
}

const batch = 64

// sample is what the model sees of a sample, pixels in -1..1, and a constant 1.
type sample struct {
	x     []float32
	label int
}

func load(ds data.Dataset) ([]sample, error) {
	out := make([]sample, ds.Len())
	buf, r := ds.Layout().NewSample(), ds.NewReader()
	for i := range out {
		if err := r.Read(data.Key{Sample: i}, buf); err != nil {
			return nil, fmt.Errorf("logreg: %w", err)
		}
		x := make([]float32, 0, len(buf.Pixels)+len(buf.Values)+1)
		for _, p := range buf.Pixels {
			x = append(x, float32(p)/127.5-1)
		}
		x = append(append(x, buf.Values...), 1)
		out[i] = sample{x, int(buf.Label)}
	}
	return out, nil
}

// model holds a weight row per class, and Adam's slots.
type model struct {
	w, grad, m, v [][]float32
	p             []float64 // class probabilities of the last sample
	steps         int
}

func newModel(inputs, classes int) *model {
	rows := func() [][]float32 {
		r := make([][]float32, classes)
		for k := range r {
			r[k] = make([]float32, inputs)
		}
		return r
	}
	return &model{w: rows(), grad: rows(), m: rows(), v: rows(), p: make([]float64, classes)}
}

// predict leaves softmax(W x) in m.p and returns the likeliest class.
func (m *model) predict(x []float32) int {
	best := 0
	for k, w := range m.w {
		s := float32(0)
		for j, v := range x {
			s += v * w[j]
		}
		m.p[k] = float64(s)
		if m.p[k] > m.p[best] {
			best = k
		}
	}
	top, sum := m.p[best], 0.0
	for k, s := range m.p {
		m.p[k] = math.Exp(s - top)
		sum += m.p[k]
	}
	for k := range m.p {
		m.p[k] /= sum
	}
	return best
}

// accumulate adds the gradient of one sample's cross-entropy: (p - onehot) x.
func (m *model) accumulate(s sample) {
	m.predict(s.x)
	for k, g := range m.grad {
		d := m.p[k]
		if k == s.label {
			d--
		}
		scale := float32(d / batch)
		for j, v := range s.x {
			g[j] += scale * v
		}
	}
}

// step is one step of Adam.
func (m *model) step(lr float64) {
	m.steps++
	c1 := 1 - math.Pow(0.9, float64(m.steps))
	c2 := 1 - math.Pow(0.999, float64(m.steps))
	rate, unbias := float32(lr/c1), float32(1/c2)
	for k, g := range m.grad {
		w, m1, m2 := m.w[k], m.m[k], m.v[k]
		for j, d := range g {
			m1[j] += 0.1 * (d - m1[j])
			m2[j] += 0.001 * (d*d - m2[j])
			w[j] -= rate * m1[j] / (float32(math.Sqrt(float64(m2[j]*unbias))) + 1e-8)
			g[j] = 0
		}
	}
}

func (m *model) accuracy(samples []sample) float64 {
	right := 0
	for _, s := range samples {
		if m.predict(s.x) == s.label {
			right++
		}
	}
	return float64(right) / float64(len(samples))
}
