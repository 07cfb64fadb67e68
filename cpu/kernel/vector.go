package kernel

// The functions of this file treat elements one by one: a slice may be cut
// anywhere, and z or dst may be one of the sources, without changing a bit.

// Exp computes dst = e^src. Results below the range of float32 become 0, above
// it +Inf; NaN stays NaN.
func (k *Kernels) Exp(dst, src []float32) { k.exp(dst, src[:len(dst)]) }

// GELU computes dst = src*Phi(src), Phi(x) = (1+erf(x/sqrt 2))/2 being the
// normal distribution: the exact form, not the one with tanh.
func (k *Kernels) GELU(dst, src []float32) { k.gelu(dst, src[:len(dst)]) }

// GELUGrad computes dx = dy*GELU'(x), GELU'(x) = Phi(x) + x*exp(-x^2/2)/sqrt(2 pi).
func (k *Kernels) GELUGrad(dx, x, dy []float32) { k.geluGrad(dx, x[:len(dx)], dy[:len(dx)]) }

// Combine computes z = a*x + b*y: a sum (1, 1), an exponential moving average
// (d, 1-d), or a pathway's W + lambda*W' (1, lambda), whose bits are W's while lambda is 0.
func (k *Kernels) Combine(z []float32, a float32, x []float32, b float32, y []float32) {
	k.combine(z, a, x[:len(z)], b, y[:len(z)])
}

// Scale computes y = a*x.
func (k *Kernels) Scale(y []float32, a float32, x []float32) { k.scale(y, a, x[:len(y)]) }

// Mul computes z = x*y, element by element.
func (k *Kernels) Mul(z, x, y []float32) { k.mul(z, x[:len(z)], y[:len(z)]) }

// BySign computes z = y where x > 0 and slope*y elsewhere, also where x is NaN:
// with y = x the leaky ReLU, with y a gradient its gradient.
func (k *Kernels) BySign(z, x, y []float32, slope float32) {
	k.bySign(z, x[:len(z)], y[:len(z)], slope)
}

// Rise raises top to x where x is greater, or NaN when top is not yet, and makes
// index i there: applied to one row after another, the columns' maxima and the
// first rows that have them.
func (k *Kernels) Rise(top []float32, index []int32, x []float32, i int32) {
	k.rise(top, index[:len(top)], x[:len(top)], i)
}

// AddSquares computes sum += (x-mu)^2.
func (k *Kernels) AddSquares(sum, x, mu []float32) { k.squares(sum[:len(x)], x, mu[:len(x)]) }

// AddProducts computes sum += dy and sumX += dy*(x-mu).
func (k *Kernels) AddProducts(sum, sumX, dy, x, mu []float32) {
	n := len(dy)
	k.products(sum[:n], sumX[:n], dy, x[:n], mu[:n])
}

// Affine computes y = a*(x-mu) + b. y may be x.
func (k *Kernels) Affine(y, x, mu, a, b []float32) {
	n := len(y)
	k.affine(y, x[:n], mu[:n], a[:n], b[:n])
}

// AffineGrad computes dx = a*dy - b*(x-mu) - c. dx may be dy or x.
func (k *Kernels) AffineGrad(dx, dy, x, mu, a, b, c []float32) {
	n := len(dx)
	k.affineGrad(dx, dy[:n], x[:n], mu[:n], a[:n], b[:n], c[:n])
}

// Sum returns the sum of x, added in float64 in an order that depends on len(x)
// alone.
func (k *Kernels) Sum(x []float32) float64 { return k.sum(x) }

// Dot returns the inner product of x and y, added like [Kernels.Sum].
func (k *Kernels) Dot(x, y []float32) float64 { return k.dot(x, y[:len(x)]) }
