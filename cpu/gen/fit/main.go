// Command fit prints the coefficients of P and Q in
//
//	Phi(x) - 1/2 = x*P(x^2)/Q(x^2),  |x| <= bound,
//
// the normal distribution of GELU, and the largest error of the fit. They are
// copied into gen/vector.
//
// Linear least squares for P - h*Q = 0, h = (Phi-1/2)/x, is repeated with two
// weights: 1/Q of the turn before, which makes the residue that of P/Q (Sanathanan
// and Koerner), and the error of the turn before, which moves least squares to the
// smallest maximum (Lawson). The normal equations take 300 bits.
package main

import (
	"fmt"
	"math"
	"math/big"
)

const (
	degree = 5 // of P and of Q
	bound  = 6
	points = 600 // Chebyshev nodes in (0, bound)
	turns  = 200
	terms  = 2*degree + 1 // unknown; Q starts with 1
	bits   = 300
)

// sample is one node: s = (x/bound)^2, h = (Phi(x)-1/2)/x.
type sample struct{ x, s, h, weight, q, err float64 }

func main() {
	nodes := newSamples()
	var best [terms]float64
	least := math.Inf(1)
	for turn := range turns {
		c := solve(normalEquations(nodes))
		if worst := update(nodes, c, turn > 5); worst < least {
			least, best = worst, c
		}
	}
	fmt.Println("largest error", least)
	fmt.Println("P", unscale(best[:degree+1], 0))
	fmt.Println("Q 1", unscale(best[degree+1:], 1))
}

func newSamples() []sample {
	nodes := make([]sample, points)
	for i := range nodes {
		x := bound / 2. * (1 - math.Cos(math.Pi*(float64(i)+0.5)/points))
		nodes[i] = sample{x: x, s: x * x / (bound * bound), h: math.Erf(x/math.Sqrt2) / (2 * x), weight: 1, q: 1}
	}
	return nodes
}

// update evaluates the fit, sets the weights of the next turn and returns the
// largest error.
func update(nodes []sample, c [terms]float64, lawson bool) (worst float64) {
	for i := range nodes {
		n := &nodes[i]
		n.q = 1 + n.s*horner(c[degree+1:], n.s)
		n.err = math.Abs(n.x * (horner(c[:degree+1], n.s)/n.q - n.h))
		worst = max(worst, n.err)
	}
	for i := range nodes {
		if lawson { // a little more than the error, lest a weight vanish for good
			nodes[i].weight *= nodes[i].err/worst + 1e-3
		}
	}
	return worst
}

// normalEquations are those of weight*x/q * (P(s) - h*(Q(s)-1)) = weight*x/q * h.
func normalEquations(nodes []sample) (a [terms][terms + 1]*big.Float) {
	for i := range a {
		for j := range a[i] {
			a[i][j] = number(0)
		}
	}
	for _, n := range nodes {
		var row [terms + 1]*big.Float
		w := math.Sqrt(n.weight) * n.x / n.q
		for i := range degree + 1 {
			row[i] = number(w * math.Pow(n.s, float64(i)))
		}
		for i := 1; i <= degree; i++ {
			row[degree+i] = number(-w * n.h * math.Pow(n.s, float64(i)))
		}
		row[terms] = number(w * n.h)
		for i := range a {
			for j := range a[i] {
				a[i][j].Add(a[i][j], number(0).Mul(row[i], row[j]))
			}
		}
	}
	return a
}

// solve eliminates; the matrix is positive definite and needs no pivots.
func solve(a [terms][terms + 1]*big.Float) (x [terms]float64) {
	for i := range a {
		for r := range a {
			if r == i {
				continue
			}
			f := number(0).Quo(a[r][i], a[i][i])
			for c := i; c <= terms; c++ {
				a[r][c].Sub(a[r][c], number(0).Mul(f, a[i][c]))
			}
		}
	}
	for i := range x {
		x[i], _ = number(0).Quo(a[i][terms], a[i][i]).Float64()
	}
	return x
}

func number(x float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(x) }

func horner(c []float64, s float64) (y float64) {
	for i := len(c) - 1; i >= 0; i-- {
		y = y*s + c[i]
	}
	return y
}

// unscale turns coefficients of powers of (x/bound)^2, from power first, into
// those of x^2.
func unscale(c []float64, first int) []float64 {
	out := make([]float64, len(c))
	for i := range c {
		out[i] = c[i] / math.Pow(bound, float64(2*(first+i)))
	}
	return out
}
