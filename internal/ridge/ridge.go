// Package ridge is the linear probe of features: ridge regression of the classes,
// judged on every sample by the fit to all others.
//
// With standardised features X [n, D] and one-hot classes Y [n, K] less their shares ȳ,
//
//	W = (XᵀX + n·α·I)⁻¹ XᵀY
//
// and the prediction for sample i of the fit without it, its means included, follows
// from the fit to all, without fitting anew (Hastie, Tibshirani, Friedman, The Elements
// of Statistical Learning, 7.10):
//
//	ŷ₋ᵢ = yᵢ - (yᵢ - ŷᵢ) / (1 - hᵢᵢ),   H = 1/n + X (XᵀX + n·α·I)⁻¹ Xᵀ
//
// Among the others a sample's own class is the rarest: with their shares, features that
// tell nothing would name every sample wrongly. So the score of a class is what the
// features add to its share of all samples, ŷ₋ᵢ - ȳ₋ᵢ + ȳ.
package ridge

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Score is how well the classes of samples follow from the features of others.
type Score struct {
	Right   []bool  // [n]: whether the class of a sample scores highest
	Penalty float64 // α, of Penalties the one with the smallest squared error
}

// Accuracy is the share p of samples that are named rightly, and its standard error
// √(p·(1-p)/n).
func (s Score) Accuracy() (p, err float64) {
	n, hits := float64(len(s.Right)), 0
	for _, right := range s.Right {
		if right {
			hits++
		}
	}
	p = float64(hits) / n
	return p, math.Sqrt(p * (1 - p) / n)
}

// Gain is the accuracy of s over that of other features of the same samples, and its
// standard error: √(b + c - (b-c)²/n) / n, where b samples are right by s alone and c
// by the other alone (McNemar).
func (s Score) Gain(other Score) (gain, err float64) {
	var b, c, n = 0.0, 0.0, float64(len(s.Right))
	for i, right := range s.Right {
		switch {
		case right && !other.Right[i]:
			b++
		case !right && other.Right[i]:
			c++
		}
	}
	return (b - c) / n, math.Sqrt(b+c-(b-c)*(b-c)/n) / n
}

// Penalties are the values of α that are tried. Features are standardised, so 1 weighs
// as much as a feature's variance does on average.
func Penalties() []float64 { return []float64{1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100} }

// LeaveOneOut scores the features x [n, D] of samples with labels [n] below classes.
// Features that are the same everywhere tell nothing. x is overwritten.
func LeaveOneOut(x []float64, labels []int, classes int) (Score, error) {
	n := len(labels)
	if n < 3 || len(x) == 0 || len(x)%n != 0 || classes < 2 {
		return Score{}, fmt.Errorf("ridge: %d features of %d samples of %d classes: want three samples and two classes", len(x), n, classes)
	}
	d := len(x) / n
	if err := standardise(x, d); err != nil {
		return Score{}, err
	}
	f, err := newFit(mat.NewDense(n, d, x), labels, classes)
	if err != nil {
		return Score{}, err
	}
	best, least := Score{}, math.Inf(1)
	for _, penalty := range Penalties() {
		if right, squares := f.leaveOneOut(penalty, labels); squares < least {
			best, least = Score{right, penalty}, squares
		}
	}
	return best, nil
}

// standardise gives every feature mean 0 and variance 1.
func standardise(x []float64, d int) error {
	n := float64(len(x) / d)
	for j := range d {
		mean, squares := 0.0, 0.0
		for i := j; i < len(x); i += d {
			mean += x[i] / n
		}
		for i := j; i < len(x); i += d {
			x[i] -= mean
			squares += x[i] * x[i] / n
		}
		if squares-squares != 0 {
			return errors.New("ridge: a feature is not finite")
		}
		scale := 0.0
		if deviation := math.Sqrt(squares); deviation > 1e-9*math.Abs(mean) {
			scale = 1 / deviation
		}
		for i := j; i < len(x); i += d {
			x[i] *= scale
		}
	}
	return nil
}

// fit holds what the fits for all penalties share: with XᵀX/n = V·diag(v)·Vᵀ,
// z = X·V and zy = zᵀ·Y.
type fit struct {
	share    []float64 // of each class, the mean of Y
	y, z, zy *mat.Dense
	values   []float64 // v
}

// newFit decomposes standardised features for the classes of labels.
func newFit(x *mat.Dense, labels []int, classes int) (*fit, error) {
	n, _ := x.Dims()
	var gram mat.SymDense
	gram.SymOuterK(1/float64(n), x.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(&gram, true) {
		return nil, errors.New("ridge: the features' covariance has no decomposition")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	f := &fit{share: make([]float64, classes), y: mat.NewDense(n, classes, nil), z: new(mat.Dense), zy: new(mat.Dense), values: eigen.Values(nil)}
	for i, k := range labels {
		f.share[k] += 1 / float64(n)
		f.y.Set(i, k, 1)
	}
	f.y.Apply(func(_, k int, v float64) float64 { return v - f.share[k] }, f.y)
	f.z.Mul(x, &vectors)
	f.zy.Mul(f.z.T(), f.y)
	return f, nil
}

// leaveOneOut tells of which samples the label scores highest in the fit without them,
// and sums the squared errors of the scores.
func (f *fit) leaveOneOut(penalty float64, labels []int) (right []bool, squares float64) {
	n, d := f.z.Dims()
	inverse := make([]float64, d)
	for j, v := range f.values {
		inverse[j] = 1 / (float64(n) * (math.Max(v, 0) + penalty))
	}
	var w, fitted mat.Dense
	w.Apply(func(j, _ int, v float64) float64 { return inverse[j] * v }, f.zy)
	fitted.Mul(f.z, &w)
	for i, label := range labels {
		h := 1 / float64(n)
		for j, z := range f.z.RawRowView(i) {
			h += inverse[j] * z * z
		}
		scores := fitted.RawRowView(i)
		for k, y := range f.y.RawRowView(i) {
			e := (y - scores[k]) / (1 - h)
			scores[k] = f.share[k] + y - e + y/float64(n-1) // ȳ - ȳ₋ᵢ = yᵢ/(n-1)
			squares += e * e
		}
		right = append(right, floats.MaxIdx(scores) == label)
	}
	return right, squares
}
