package kernel

import "math"

// The plain twins of the functions on vectors, by the formulas of the
// assembly.

func expGo(dst, src []float32) {
	for i, x := range src {
		dst[i] = exp(x)
	}
}

func expSumGo(dst, src []float32, scale, shift float32) float32 {
	var sum float64
	for i, x := range src {
		dst[i] = exp(scale*x - shift)
		sum += float64(dst[i])
	}
	return float32(sum)
}

// rounder moves the fraction of a float32 below 2^22 out of its 24 bits.
const rounder = 3 << 22

// exp is e^x: x = n*ln2 + r, e^x = 2^n * e^r, the power in two halves.
func exp(x float32) float32 {
	switch {
	case x > expHi:
		return float32(math.Inf(1))
	case x < expLo:
		return 0
	case x != x:
		return x
	}
	n := float32(x*log2e+rounder) - rounder
	r := x - n*ln2Hi - n*ln2Lo
	p := exp0 + r*(exp1+r*(exp2+r*(exp3+r*(exp4+r*(exp5+r*(exp6+r*exp7))))))
	half := int32(n) >> 1
	return p * power2(half) * power2(int32(n)-half)
}

// power2 is 2^n for a normal result.
func power2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

func geluGo(dst, src []float32) {
	for i, x := range src {
		phi, _ := normal(x)
		dst[i] = max(x, phiLo) * phi
	}
}

func geluGradGo(dx, x, dy []float32) {
	for i, d := range dy {
		phi, bounded := normal(x[i])
		dx[i] = d * (phi + bounded*density0*exp(-0.5*bounded*bounded))
	}
}

// normal is Phi(x) = 1/2 + x*P(x^2)/Q(x^2), and x in the range where Phi is
// neither 0 nor 1.
func normal(x float32) (phi, bounded float32) {
	x = min(max(x, phiLo), phiHi)
	s := x * x
	p := phiP0 + s*(phiP1+s*(phiP2+s*(phiP3+s*(phiP4+s*phiP5))))
	q := phiQ0 + s*(phiQ1+s*(phiQ2+s*(phiQ3+s*(phiQ4+s*phiQ5))))
	return 0.5 + x*p/q, x
}

func combineGo(z []float32, a float32, x []float32, b float32, y []float32) {
	for i, v := range x {
		z[i] = a*v + b*y[i]
	}
}

func scaleGo(y []float32, a float32, x []float32) {
	for i, v := range x {
		y[i] = a * v
	}
}

func mulGo(z, x, y []float32) {
	for i, v := range x {
		z[i] = v * y[i]
	}
}

func bySignGo(z, x, y []float32, slope float32) {
	factor := [2]float32{slope, 1}
	for i, v := range x { // without a branch that random signs would mislead
		b := int32(math.Float32bits(v))
		z[i] = factor[uint32(-b&^b)>>31] * y[i] // -b&^b has its top bit set where b > 0
	}
}

func softGradGo(dx, y, dy []float32, shift, scale float32) {
	for i, d := range dy {
		dx[i] = scale * y[i] * (d - shift)
	}
}

func maxGo(x []float32) float32 {
	top := x[0]
	for _, v := range x[1:] {
		top = max(top, v)
	}
	return top
}

func sumGo(x []float32) float64 {
	var even, odd float64
	for ; len(x) >= 2; x = x[2:] {
		even += float64(x[0])
		odd += float64(x[1])
	}
	for _, v := range x {
		even += float64(v)
	}
	return even + odd
}

func dotGo(x, y []float32) float64 {
	var even, odd float64
	for ; len(x) >= 2; x, y = x[2:], y[2:] {
		even += float64(x[0]) * float64(y[0])
		odd += float64(x[1]) * float64(y[1])
	}
	for i, v := range x {
		even += float64(v) * float64(y[i])
	}
	return even + odd
}

func devGo(x []float32, mean float32) float32 {
	var sum float64
	for _, v := range x {
		d := float64(v - mean)
		sum += d * d
	}
	return float32(sum)
}

func normGo(y, x, gamma, beta []float32, mean, rstd float32) {
	for i, v := range x {
		y[i] = (v-mean)*rstd*gamma[i] + beta[i]
	}
}

func normSumsGo(dgamma, dbeta, dy, x, gamma []float32, mean, rstd float32) (g, gx float32) {
	var sum, sumX float64
	for i, d := range dy {
		xhat := (x[i] - mean) * rstd
		dgamma[i] += d * xhat
		dbeta[i] += d
		sum += float64(d * gamma[i])
		sumX += float64(d * gamma[i] * xhat)
	}
	return float32(sum), float32(sumX)
}

func normGradGo(dx, dy, x, gamma []float32, mean, rstd, g, gx float32) {
	for i, d := range dy {
		dx[i] = rstd * (d*gamma[i] - g - (x[i]-mean)*rstd*gx)
	}
}

func riseGo(top []float32, index []int32, x []float32, i int32) {
	for j, v := range x {
		if t := top[j]; v > t || v != v && t == t {
			top[j], index[j] = v, i
		}
	}
}

func squaresGo(sum, x, mu []float32) {
	for i, v := range x {
		d := v - mu[i]
		sum[i] += d * d
	}
}

func productsGo(sum, sumX, dy, x, mu []float32) {
	for i, d := range dy {
		sum[i] += d
		sumX[i] += d * (x[i] - mu[i])
	}
}

func affineGo(y, x, mu, a, b []float32) {
	for i, v := range x {
		y[i] = a[i]*(v-mu[i]) + b[i]
	}
}

func affineGradGo(dx, dy, x, mu, a, b, c []float32) {
	for i, d := range dy {
		dx[i] = a[i]*d - c[i] - b[i]*(x[i]-mu[i])
	}
}

func adamwGo(p, m, v, g []float32, c [8]float32) {
	decay, beta1, rest1, beta2, rest2, root, eps, step := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	for i, d := range g {
		m[i] = beta1*m[i] + rest1*d
		v[i] = beta2*v[i] + rest2*(d*d)
		deviation := float32(math.Sqrt(float64(v[i])))
		p[i] = decay*p[i] - step*m[i]/(deviation*root+eps)
	}
}
