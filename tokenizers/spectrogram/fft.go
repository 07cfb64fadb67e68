package spectrogram

import (
	"math"
	"math/bits"
)

// fft is the discrete Fourier transform of N real samples, N a power of two of
// at least 8. It packs them into N/2 complex ones z[n] = x[2n] + i x[2n+1],
// transforms these and separates the spectra of even and odd samples:
//
//	X[k] = E[k] + O[k] exp(-2 pi i k / N), X[N/2-k] = (E[k] - O[k] exp(-2 pi i k / N))*,
//	2 E[k] = Z[k] + Z*[N/2-k],           2 i O[k] = Z[k] - Z*[N/2-k]
//
// The transform joins four of a quarter of the length at a time, after a first pass
// that joins two where log2(N/2) is odd. A pass of four takes 34 operations for four
// numbers, one without factors 16, separation 20 for two powers: at N = 512 these are
// 64 (16 + 3*34) + 128*20 = 10112 operations.
type fft struct {
	half    int              // N/2
	reverse []int32          // n with its bits reversed, n < N/2
	passes  [][][3]complex64 // [pass][q]: w, w², w³ of w = exp(-2 pi i j / 4q), j < q
	twiddle []complex64      // exp(-2 pi i k / N), k <= N/4
}

func newFFT(n int) *fft {
	f := &fft{half: n / 2, reverse: make([]int32, n/2)}
	shift := 32 - bits.Len(uint(f.half-1))
	for k := range f.reverse {
		f.reverse[k] = int32(bits.Reverse32(uint32(k)) >> shift)
	}
	for k := range n/4 + 1 {
		f.twiddle = append(f.twiddle, root(k, n))
	}
	for q := f.first(); q < f.half; q *= 4 {
		pass := make([][3]complex64, q)
		for j := range pass {
			pass[j] = [3]complex64{root(j, 4*q), root(2*j, 4*q), root(3*j, 4*q)}
		}
		f.passes = append(f.passes, pass)
	}
	return f
}

// root is exp(-2 pi i k / n).
func root(k, n int) complex64 {
	sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
	return complex(float32(cos), float32(sin))
}

// first is how many numbers the first pass joins.
func (f *fft) first() int {
	if bits.Len(uint(f.half))%2 == 0 {
		return 2
	}
	return 4
}

// power writes |X[k]|^2, k < N/2, of samples of which x [N] are the halves; z
// [N/2] is scratch.
func (f *fft) power(dst, x []float32, z []complex64) {
	if f.first() == 2 {
		f.pairs(z, x)
	} else {
		f.quads(z, x)
	}
	for _, w := range f.passes {
		for from := 0; from < len(z); from += 4 * len(w) {
			join(z[from:from+4*len(w)], w)
		}
	}
	f.separate(dst, z)
}

// pairs is the first pass of two.
func (f *fft) pairs(z []complex64, x []float32) {
	for i := 0; i+1 < len(z); i += 2 {
		a, b := f.sample(x, i), f.sample(x, i+1)
		z[i], z[i+1] = a+b, a-b
	}
}

// quads is the first pass of four.
func (f *fft) quads(z []complex64, x []float32) {
	for i := 0; i+3 < len(z); i += 4 {
		z[i], z[i+1], z[i+2], z[i+3] = four(f.sample(x, i), f.sample(x, i+2), f.sample(x, i+1), f.sample(x, i+3))
	}
}

// sample is number i in the order in which passes work in place.
func (f *fft) sample(x []float32, i int) complex64 {
	r := 2 * f.reverse[i]
	return complex(x[r], x[r+1])
}

// join makes one transform of those of every fourth number from 0, 2, 1 and 3 on.
func join(z []complex64, w [][3]complex64) {
	q := len(w)
	za, zc, zb, zd := z[:q], z[q:2*q], z[2*q:3*q], z[3*q:4*q]
	for j := range w {
		w := &w[j]
		za[j], zc[j], zb[j], zd[j] = four(za[j], mul(zb[j], w[0]), mul(zc[j], w[1]), mul(zd[j], w[2]))
	}
}

// four is the transform of four numbers.
func four(a, b, c, d complex64) (_, _, _, _ complex64) {
	s, t, u, v := a+c, a-c, b+d, b-d
	v = complex(imag(v), -real(v))
	return s + u, t + v, s - u, t - v
}

// separate writes the powers of the spectrum of real samples; z is the transform of
// their packed halves.
func (f *fft) separate(dst []float32, z []complex64) {
	sum := 2 * (real(z[0]) + imag(z[0]))
	dst[0] = sum * sum
	for k, w := range f.twiddle {
		if k == 0 {
			continue
		}
		a, b := z[k], z[f.half-k]
		even := complex(real(a)+real(b), imag(a)-imag(b))
		odd := mul(complex(imag(a)+imag(b), real(b)-real(a)), w)
		dst[k], dst[f.half-k] = square(even+odd), square(even-odd)
	}
}

// mul is a*b without the special cases of infinities.
func mul(a, b complex64) complex64 {
	return complex(real(a)*real(b)-imag(a)*imag(b), real(a)*imag(b)+imag(a)*real(b))
}

// square is |a|^2.
func square(a complex64) float32 { return real(a)*real(a) + imag(a)*imag(a) }
