package ridge

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"m2pt/internal/philox"
)

// samples are n samples of d features in classes groups, each feature shifted by its
// class as far as signal says; feature 1 is the same everywhere.
func samples(n, d, classes int, signal float64) (x []float64, labels []int) {
	r := philox.New(1, "ridge", uint64(n), uint64(d))
	for i := range n {
		labels = append(labels, i%classes)
		for j := range d {
			v := r.Norm()
			if j%classes == i%classes {
				v += signal
			}
			if j == 1 {
				v = 7
			}
			x = append(x, 3*v+float64(j))
		}
	}
	return x, labels
}

// TestLeaveOneOut compares with fits that really leave each sample out.
func TestLeaveOneOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		n, d, classes int
		signal        float64
	}{{"more samples", 40, 6, 3, 1}, {"more features", 12, 20, 2, 1}, {"no signal", 30, 5, 4, 0}} {
		x, labels := samples(c.n, c.d, c.classes, c.signal)
		got, err := LeaveOneOut(slices.Clone(x), labels, c.classes)
		if err != nil {
			t.Fatal(err)
		}
		if err := standardise(x, c.d); err != nil {
			t.Fatal(err)
		}
		for i := range labels {
			if right := anew(x, labels, c.d, c.classes, i, got.Penalty) == labels[i]; right != got.Right[i] {
				t.Errorf("%s: sample %d is right: %v, want %v (penalty %v)", c.name, i, got.Right[i], right, got.Penalty)
			}
		}
	}
}

// anew is the class of sample out by the fit to the others, from the normal equations.
func anew(x []float64, labels []int, d, classes, out int, penalty float64) int {
	n := len(labels)
	a, b, share := mat.NewDense(d, d, nil), mat.NewDense(d, classes, nil), make([]float64, classes)
	for _, k := range labels {
		share[k] += 1 / float64(n)
	}
	mean := make([]float64, d)
	for i := range n {
		for j := range d {
			if i != out {
				mean[j] += x[i*d+j] / float64(n-1)
			}
		}
	}
	row := func(i int) []float64 {
		r := slices.Clone(x[i*d:][:d])
		for j := range r {
			r[j] -= mean[j]
		}
		return r
	}
	for i := range n {
		if i == out {
			continue
		}
		for j, v := range row(i) { // centred, so the shares of Y are of no account
			for k, w := range row(i) {
				a.Set(j, k, a.At(j, k)+v*w)
			}
			b.Set(j, labels[i], b.At(j, labels[i])+v)
		}
	}
	for j := range d {
		a.Set(j, j, a.At(j, j)+float64(n)*penalty)
	}
	var w mat.Dense
	if err := w.Solve(a, b); err != nil {
		panic(err)
	}
	best, top := 0, math.Inf(-1)
	for k := range classes {
		s := share[k]
		for j, v := range row(out) {
			s += v * w.At(j, k)
		}
		if s > top {
			best, top = k, s
		}
	}
	return best
}

// TestAccuracy: features that tell nothing are right by chance, not less, and others
// always.
func TestAccuracy(t *testing.T) {
	t.Parallel()
	accuracy := func(signal float64) (p, err float64) {
		x, labels := samples(200, 10, 4, signal)
		s, failed := LeaveOneOut(x, labels, 4)
		if failed != nil {
			t.Fatal(failed)
		}
		return s.Accuracy()
	}
	if p, err := accuracy(0); p < 0.15 || p > 0.4 || math.Abs(err-math.Sqrt(p*(1-p)/200)) > 1e-12 {
		t.Errorf("accuracy %v, error %v without signal", p, err)
	}
	for _, d := range []int{96, 400} { // as many numbers as samples, or more, tell nothing either
		x, labels := samples(120, d, 6, 0)
		s, err := LeaveOneOut(x, labels, 6)
		if err != nil {
			t.Fatal(err)
		}
		if p, _ := s.Accuracy(); p < 0.05 || p > 0.35 {
			t.Errorf("accuracy %v of %d features without signal", p, d)
		}
	}
	if p, err := accuracy(8); p != 1 || err != 0 {
		t.Errorf("accuracy %v, error %v with much signal", p, err)
	}
}

// TestGain: of 10 samples 4 are right by one alone, 1 by the other alone.
func TestGain(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	a := Score{Right: []bool{yes, yes, yes, yes, no, yes, yes, no, no, no}}
	b := Score{Right: []bool{no, no, no, no, yes, yes, yes, no, no, no}}
	gain, err := a.Gain(b)
	if want := math.Sqrt(5-9./10) / 10; math.Abs(gain-0.3) > 1e-12 || math.Abs(err-want) > 1e-12 {
		t.Errorf("gain %v ± %v, want 0.3 ± %v", gain, err, want)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func() error{
		"few":      func() error { _, err := LeaveOneOut([]float64{1, 2}, []int{0, 1}, 2); return err },
		"ragged":   func() error { _, err := LeaveOneOut(make([]float64, 7), []int{0, 1, 0}, 2); return err },
		"infinite": func() error { _, err := LeaveOneOut([]float64{1, 2, math.Inf(1)}, []int{0, 1, 0}, 2); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
