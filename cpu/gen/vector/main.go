// Command vector writes the assembly of the functions on vectors and, with
// -coef FILE, the coefficients they share with their twins as Go constants.
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	coef := flag.String("coef", "", "write the Go constants to this `file`")
	flag.Parse()
	if *coef != "" {
		if err := writeConstants(*coef); err != nil {
			log.Fatal(err)
		}
	}
	elementwise()
	approximations()
	reductions()
	layerNorm()
	columns()
	adamw()
	Generate()
}

// elementwise writes the linear updates.
func elementwise() {
	TEXT("combineAVX2", NOSPLIT, "func(z []float32, a float32, x []float32, b float32, y []float32)")
	Doc("combineAVX2 computes z = a*x + b*y, the sum rounded once.")
	a, b := scalar("a"), scalar("b")
	forEach(1, "z", "x", "y").do(func(l lanes) {
		z := YMM()
		VMULPS(a, l.load("x"), z)
		VFMADD231PS(b, l.load("y"), z)
		l.store(z, "z")
	})
	finish()

	TEXT("scaleAVX2", NOSPLIT, "func(y []float32, a float32, x []float32)")
	Doc("scaleAVX2 computes y = a*x.")
	a = scalar("a")
	forEach(1, "y", "x").do(func(l lanes) {
		y := l.load("x")
		VMULPS(a, y, y)
		l.store(y, "y")
	})
	finish()

	TEXT("mulAVX2", NOSPLIT, "func(z, x, y []float32)")
	Doc("mulAVX2 computes z = x*y.")
	forEach(1, "z", "x", "y").do(func(l lanes) {
		z := l.load("x")
		VMULPS(l.load("y"), z, z)
		l.store(z, "z")
	})
	finish()

	TEXT("bySignAVX2", NOSPLIT, "func(z, x, y []float32, slope float32)")
	Doc("bySignAVX2 computes z = y where x > 0, slope*y elsewhere.")
	slope, zero := scalar("slope"), zeros(1)[0]
	forEach(1, "z", "x", "y").do(func(l lanes) {
		positive, y, z := YMM(), l.load("y"), YMM()
		VCMPPS(Imm(0x1e), zero, l.load("x"), positive) // x > 0, quietly
		VMULPS(slope, y, z)
		VBLENDVPS(positive, y, z, z)
		l.store(z, "z")
	})
	finish()

	TEXT("softGradAVX2", NOSPLIT, "func(dx, y, dy []float32, shift, scale float32)")
	Doc("softGradAVX2 computes dx = scale*y*(dy-shift).")
	shift, scale := scalar("shift"), scalar("scale")
	forEach(1, "dx", "y", "dy").do(func(l lanes) {
		d := l.load("dy")
		VSUBPS(shift, d, d)
		VMULPS(l.load("y"), d, d)
		VMULPS(scale, d, d)
		l.store(d, "dx")
	})
	finish()
}

// approximations writes the functions built on exp and on the normal
// distribution.
func approximations() {
	TEXT("expAVX2", NOSPLIT, "func(dst, src []float32)")
	Doc("expAVX2 computes dst = exp(src).")
	forEach(1, "dst", "src").do(func(l lanes) { l.store(exp(l.load("src")), "dst") })
	finish()

	TEXT("expSumAVX2", NOSPLIT, "func(dst, src []float32, scale, shift float32) float32")
	Doc("expSumAVX2 computes dst = exp(scale*src - shift) and returns its sum.")
	scale, shift := scalar("scale"), scalar("shift")
	sum := zeros(1)
	forEach(1, "dst", "src").do(func(l lanes) {
		x := l.load("src")
		VFMSUB213PS(shift, scale, x)
		y := exp(x)
		l.store(y, "dst")
		VADDPS(l.active(y), sum[0], sum[0])
	})
	returnSum(sum)

	TEXT("geluAVX2", NOSPLIT, "func(dst, src []float32)")
	Doc("geluAVX2 computes dst = src*Phi(src), Phi the normal distribution.")
	forEach(1, "dst", "src").do(func(l lanes) {
		x := l.load("src")
		phi, _ := normal(x)
		atLeast("phiLo", x, x)
		VMULPS(phi, x, x)
		l.store(x, "dst")
	})
	finish()

	TEXT("geluGradAVX2", NOSPLIT, "func(dx, x, dy []float32)")
	Doc("geluGradAVX2 computes dx = dy*(Phi(x) + x*Phi'(x)).")
	forEach(1, "dx", "x", "dy").do(func(l lanes) {
		phi, x := normal(l.load("x"))
		e := YMM()
		VMULPS(x, x, e)
		VMULPS(table.at("minusHalf"), e, e)
		e = exp(e)
		VMULPS(table.at("density0"), x, x)
		VFMADD231PS(e, x, phi)
		VMULPS(l.load("dy"), phi, phi)
		l.store(phi, "dx")
	})
	finish()
}

// exp returns e^x: x = n*ln2 + r, e^x = 2^n * e^r with |r| <= ln2/2. The power
// of two is multiplied in two halves, so that results below the normal range
// are rounded once and those above become +Inf.
func exp(x VecVirtual) VecVirtual {
	bounded, n, p := YMM(), YMM(), YMM()
	clamp(x, "exp", bounded)
	r := bounded
	VMULPS(table.at("log2e"), r, n)
	VROUNDPS(Imm(8), n, n) // to nearest, quietly
	VFNMADD231PS(table.at("ln2Hi"), n, r)
	VFNMADD231PS(table.at("ln2Lo"), n, r)
	polynomial(p, r, "exp", len(expTerms))

	half, bias := YMM(), YMM()
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, half)
	VPSUBD(half, n, n)
	VMOVUPS(table.at("bias"), bias)
	for _, h := range []VecVirtual{half, n} {
		VPADDD(bias, h, h)
		VPSLLD(Imm(23), h, h)
		VMULPS(h, p, p)
	}
	return p
}

// normal returns Phi(x) = 1/2 + x*P(x^2)/Q(x^2), and x clamped to the range in which
// Phi is neither 0 nor 1.
func normal(x VecVirtual) (phi, bounded VecVirtual) {
	bounded, phi = YMM(), YMM()
	s, q := YMM(), YMM()
	clamp(x, "phi", bounded)
	VMULPS(bounded, bounded, s)
	polynomial(phi, s, "phiP", len(phiP))
	polynomial(q, s, "phiQ", len(phiQ))
	VMULPS(bounded, phi, phi)
	VDIVPS(q, phi, phi)
	VADDPS(table.at("half"), phi, phi)
	return phi, bounded
}

// clamp limits x to [nameLo, nameHi].
func clamp(x VecVirtual, name string, dst VecVirtual) {
	limit := YMM()
	VMOVUPS(table.at(name+"Hi"), limit)
	VMINPS(x, limit, dst)
	atLeast(name+"Lo", dst, dst)
}

// atLeast limits x from below. Like MIN, MAX returns its first operand when one is
// NaN: with x there a NaN stays.
func atLeast(name string, x, dst VecVirtual) {
	limit := YMM()
	VMOVUPS(table.at(name), limit)
	VMAXPS(x, limit, dst)
}

// polynomial evaluates n coefficients name0, name1, ... at x by Horner's rule.
func polynomial(dst, x VecVirtual, name string, n int) {
	VMOVUPS(table.at(term(name, n-1)), dst)
	for i := n - 2; i >= 0; i-- {
		VFMADD213PS(table.at(term(name, i)), x, dst)
	}
}

// reductions writes the sums and the maximum.
func reductions() {
	TEXT("maxAVX2", NOSPLIT, "func(x []float32) float32")
	Doc("maxAVX2 returns the largest value of x.")
	top := make([]VecVirtual, 4)
	for i := range top {
		top[i] = YMM()
		VMOVUPS(table.at("lowest"), top[i])
	}
	forEach(len(top), "x").do(func(l lanes) {
		VMAXPS(top[l.turn], l.or(l.load("x"), "lowest"), top[l.turn])
	})
	returnFold(top, func(from, to VecVirtual) { VMAXPS(from, to, to) })

	TEXT("sumAVX2", NOSPLIT, "func(x []float32) float64")
	Doc("sumAVX2 returns the sum of x in float64.")
	sum := zeros(4)
	forEach(2, "x").do(func(l lanes) {
		lo, hi := widen(l.load("x"))
		VADDPD(lo, sum[2*l.turn], sum[2*l.turn])
		VADDPD(hi, sum[2*l.turn+1], sum[2*l.turn+1])
	})
	returnSum64(sum)

	TEXT("dotAVX2", NOSPLIT, "func(x, y []float32) float64")
	Doc("dotAVX2 returns the inner product of x and y in float64.")
	sum = zeros(4)
	forEach(2, "x", "y").do(func(l lanes) {
		xlo, xhi := widen(l.load("x"))
		ylo, yhi := widen(l.load("y"))
		VFMADD231PD(xlo, ylo, sum[2*l.turn])
		VFMADD231PD(xhi, yhi, sum[2*l.turn+1])
	})
	returnSum64(sum)

	TEXT("devAVX2", NOSPLIT, "func(x []float32, mean float32) float32")
	Doc("devAVX2 returns the sum of (x-mean)^2.")
	mean := scalar("mean")
	sum = zeros(4)
	forEach(len(sum), "x").do(func(l lanes) {
		d := l.load("x")
		VSUBPS(mean, d, d)
		d = l.active(d)
		VFMADD231PS(d, d, sum[l.turn])
	})
	returnSum(sum)
}

// layerNorm writes the passes over a row of LayerNorm and of its gradient, with
// xhat = (x-mean)*rstd.
func layerNorm() {
	TEXT("normAVX2", NOSPLIT, "func(y, x, gamma, beta []float32, mean, rstd float32)")
	Doc("normAVX2 computes y = xhat*gamma + beta.")
	mean, rstd := scalar("mean"), scalar("rstd")
	forEach(1, "y", "x", "gamma", "beta").do(func(l lanes) {
		x := xhat(l, mean, rstd)
		y := l.load("beta")
		VFMADD231PS(l.load("gamma"), x, y)
		l.store(y, "y")
	})
	finish()

	TEXT("normSumsAVX2", NOSPLIT, "func(dgamma, dbeta, dy, x, gamma []float32, mean, rstd float32) (sum, sumX float32)")
	Doc("normSumsAVX2 adds dy*xhat to dgamma and dy to dbeta, and returns the sums of",
		"dy*gamma and of dy*gamma*xhat.")
	mean, rstd = scalar("mean"), scalar("rstd")
	sum, sumX := zeros(1), zeros(1)
	forEach(1, "dgamma", "dbeta", "dy", "x", "gamma").do(func(l lanes) {
		x, dy := xhat(l, mean, rstd), l.load("dy")
		dgamma, dbeta := l.load("dgamma"), l.load("dbeta")
		VFMADD231PS(dy, x, dgamma)
		VADDPS(dy, dbeta, dbeta)
		l.store(dgamma, "dgamma")
		l.store(dbeta, "dbeta")
		g := l.load("gamma")
		VMULPS(dy, g, g)
		VADDPS(g, sum[0], sum[0])
		VFMADD231PS(g, x, sumX[0])
	})
	storeFloat(fold(sum, addPS), "sum")
	storeFloat(fold(sumX, addPS), "sumX")
	finish()

	TEXT("normGradAVX2", NOSPLIT, "func(dx, dy, x, gamma []float32, mean, rstd, avg, avgX float32)")
	Doc("normGradAVX2 computes dx = rstd*(dy*gamma - avg - xhat*avgX).")
	mean, rstd = scalar("mean"), scalar("rstd")
	avg, avgX := scalar("avg"), scalar("avgX")
	forEach(1, "dx", "dy", "x", "gamma").do(func(l lanes) {
		x, d := xhat(l, mean, rstd), l.load("dy")
		VFMSUB132PS(l.load("gamma"), avg, d)
		VFNMADD231PS(avgX, x, d)
		VMULPS(rstd, d, d)
		l.store(d, "dx")
	})
	finish()
}

// xhat loads x and normalises it.
func xhat(l lanes, mean, rstd VecVirtual) VecVirtual {
	x := l.load("x")
	VSUBPS(mean, x, x)
	VMULPS(rstd, x, x)
	return x
}

// columns writes what sums, raises and normalises the columns of a matrix, one
// row or several after another, with xc = x-mu.
func columns() {
	TEXT("riseAVX2", NOSPLIT, "func(top []float32, index []int32, x []float32, i int32)")
	Doc("riseAVX2 makes top = x and index = i where x > top, or where x is NaN and top not.")
	i := scalar("i")
	forEach(1, "top", "index", "x").do(func(l lanes) {
		top, index, x := l.load("top"), l.load("index"), l.load("x")
		below, number := YMM(), YMM()
		VCMPPS(Imm(0x19), x, top, below) // not top >= x, quietly
		VCMPPS(Imm(0x07), top, top, number)
		VANDPS(number, below, below)
		VBLENDVPS(below, x, top, top)
		VBLENDVPS(below, i, index, index)
		l.store(top, "top")
		l.store(index, "index")
	})
	finish()

	TEXT("squaresAVX2", NOSPLIT, "func(sum, x, mu []float32)")
	Doc("squaresAVX2 computes sum += xc*xc.")
	forEach(1, "sum", "x", "mu").do(func(l lanes) {
		xc, sum := centred(l), l.load("sum")
		VFMADD231PS(xc, xc, sum)
		l.store(sum, "sum")
	})
	finish()

	TEXT("productsAVX2", NOSPLIT, "func(sum, sumX, dy, x, mu []float32)")
	Doc("productsAVX2 computes sum += dy and sumX += dy*xc.")
	forEach(1, "sum", "sumX", "dy", "x", "mu").do(func(l lanes) {
		xc, dy, sum, sumX := centred(l), l.load("dy"), l.load("sum"), l.load("sumX")
		VADDPS(dy, sum, sum)
		VFMADD231PS(dy, xc, sumX)
		l.store(sum, "sum")
		l.store(sumX, "sumX")
	})
	finish()

	TEXT("affineAVX2", NOSPLIT, "func(y, x, mu, a, b []float32)")
	Doc("affineAVX2 computes y = a*xc + b.")
	forEach(1, "y", "x", "mu", "a", "b").do(func(l lanes) {
		xc, y := centred(l), l.load("b")
		VFMADD231PS(l.load("a"), xc, y)
		l.store(y, "y")
	})
	finish()

	TEXT("affineGradAVX2", NOSPLIT, "func(dx, dy, x, mu, a, b, c []float32)")
	Doc("affineGradAVX2 computes dx = a*dy - b*xc - c.")
	forEach(1, "dx", "dy", "x", "mu", "a", "b", "c").do(func(l lanes) {
		xc, d := centred(l), l.load("dy")
		VFMSUB132PS(l.load("a"), l.load("c"), d)
		VFNMADD231PS(l.load("b"), xc, d)
		l.store(d, "dx")
	})
	finish()
}

// centred loads x and subtracts mu.
func centred(l lanes) VecVirtual {
	x := l.load("x")
	VSUBPS(l.load("mu"), x, x)
	return x
}

// adamw writes the optimizer's update.
func adamw() {
	TEXT("adamwAVX2", NOSPLIT, "func(p, m, v, g []float32, c [8]float32)")
	Doc("adamwAVX2 is the update of Kernels.AdamW.")
	var c [8]VecVirtual // see AdamW.coef
	for i := range c {
		c[i] = broadcast(Param("c").Index(i))
	}
	decay, beta1, rest1, beta2, rest2, root, eps, step := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	forEach(1, "p", "m", "v", "g").do(func(l lanes) {
		g, m := l.load("g"), l.load("m")
		t := YMM()
		VMULPS(rest1, g, t)
		VFMADD213PS(t, beta1, m)
		l.store(m, "m")
		v := l.load("v")
		VMULPS(g, g, g)
		VMULPS(rest2, g, g)
		VFMADD213PS(g, beta2, v)
		l.store(v, "v")
		VSQRTPS(v, v)
		VFMADD213PS(eps, root, v)
		VMULPS(step, m, m)
		VDIVPS(v, m, m)
		p := l.load("p")
		VFMSUB213PS(m, decay, p)
		l.store(p, "p")
	})
	finish()
}
