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
		hits := 0
		for i := range labels {
			if anew(x, labels, c.d, c.classes, i, got.Penalty) == labels[i] {
				hits++
			}
		}
		if want := float64(hits) / float64(c.n); math.Abs(got.Accuracy-want) > 1e-12 {
			t.Errorf("%s: accuracy %v, %v by fits that leave out (penalty %v)", c.name, got.Accuracy, want, got.Penalty)
		}
	}
}

// anew is the class of sample i by the fit to the others, from the normal equations
// with an intercept that has no penalty.
func anew(x []float64, labels []int, d, classes, out int, penalty float64) int {
	n := len(labels)
	a, b := mat.NewDense(d+1, d+1, nil), mat.NewDense(d+1, classes, nil)
	row := func(i int) []float64 { return append(slices.Clone(x[i*d:][:d]), 1) }
	for i := range n {
		if i == out {
			continue
		}
		for j, v := range row(i) {
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
		s := 0.0
		for j, v := range row(out) {
			s += v * w.At(j, k)
		}
		if s > top {
			best, top = k, s
		}
	}
	return best
}

func TestScores(t *testing.T) {
	t.Parallel()
	accuracy := func(signal float64) float64 {
		x, labels := samples(200, 10, 4, signal)
		s, err := LeaveOneOut(x, labels, 4)
		if err != nil {
			t.Fatal(err)
		}
		return s.Accuracy
	}
	if chance, sure := accuracy(0), accuracy(8); chance > 0.4 || sure != 1 {
		t.Errorf("accuracy %v without signal, %v with", chance, sure)
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
