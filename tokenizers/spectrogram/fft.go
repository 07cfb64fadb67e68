package spectrogram

import (
	"math"
	"math/bits"
)

// fft is the discrete Fourier transform of N real samples, N a power of two of
// at least 4. It packs them into N/2 complex ones z[n] = x[2n] + i x[2n+1],
// transforms these and separates the spectra of even and odd samples:
//
//	X[k] = (Z[k] + Z*[N/2-k])/2 - i/2 (Z[k] - Z*[N/2-k]) exp(-2 pi i k / N)
type fft struct {
	half    int         // N/2
	twiddle []complex64 // exp(-2 pi i k / N), k < N/2
	reverse []int32     // n with its bits reversed, n < N/2
}

func newFFT(n int) *fft {
	f := &fft{half: n / 2, twiddle: make([]complex64, n/2), reverse: make([]int32, n/2)}
	shift := 32 - bits.Len(uint(f.half-1))
	for k := range f.half {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
		f.twiddle[k] = complex(float32(cos), float32(sin))
		f.reverse[k] = int32(bits.Reverse32(uint32(k)) >> shift)
	}
	return f
}

// power writes |X[k]|^2, k < N/2, of the real samples x [N]; z [N/2] is scratch.
func (f *fft) power(dst, x []float32, z []complex64) {
	for n, r := range f.reverse {
		z[n] = complex(x[2*r], x[2*r+1])
	}
	f.transform(z)
	re, im := real(z[0]), imag(z[0])
	dst[0] = (re + im) * (re + im)
	for k := 1; k < f.half; k++ {
		a, b := z[k], z[f.half-k]
		even := complex(real(a)+real(b), imag(a)-imag(b))
		odd := complex(imag(a)+imag(b), real(b)-real(a))
		s := even + mul(odd, f.twiddle[k])
		dst[k] = (real(s)*real(s) + imag(s)*imag(s)) / 4
	}
}

// transform is the radix-2 transform of N/2 complex samples in bit-reversed
// order, in place.
func (f *fft) transform(z []complex64) {
	for i := 0; i+1 < len(z); i += 2 {
		z[i], z[i+1] = z[i]+z[i+1], z[i]-z[i+1]
	}
	for size := 4; size <= len(z); size *= 2 {
		step := 2 * f.half / size
		for from := 0; from < len(z); from += size {
			butterflies(z[from:from+size/2], z[from+size/2:from+size], f.twiddle, step)
		}
	}
}

// butterflies joins two transforms of half the size: lo + w hi and lo - w hi.
func butterflies(lo, hi, twiddle []complex64, step int) {
	hi = hi[:len(lo)]
	for j := range lo {
		a, b := lo[j], mul(hi[j], twiddle[j*step])
		lo[j], hi[j] = a+b, a-b
	}
}

// mul is a*b without the special cases of infinities.
func mul(a, b complex64) complex64 {
	return complex(real(a)*real(b)-imag(a)*imag(b), real(a)*imag(b)+imag(a)*real(b))
}
