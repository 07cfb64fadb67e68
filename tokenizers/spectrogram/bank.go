package spectrogram

import (
	"fmt"
	"math"
	"math/bits"
)

// Frames are 25 ms long and begin every 10 ms; fractions of a sample are cut
// off.
const (
	frameMillis = 25
	shiftMillis = 10
	lowest      = 20              // Hz, lower edge of the first band
	preemphasis = 0.97            // x[t] - 0.97 x[t-1]
	floor       = 1.0 / (1 << 23) // least energy of a band: float32's epsilon
	minRate     = 400             // Hz: a frame of 10 samples
	maxRate     = 1 << 20         // Hz
	maxMels     = 1 << 12
)

// Bank holds what the spectrograms of one sampling rate share: window, Fourier
// transform and mel bands. It does not change and is safe for concurrent use.
type Bank struct {
	rate, mels   int
	frame, shift int       // samples of a frame, and between the beginnings of two
	size         int       // N, the transform's length: the power of two at or above frame
	window       []float32 // [frame] half of a symmetric Hann window, (1 - cos(2 pi n / (frame-1))) / 2
	bands        []band    // [M]
	fft          *fft
	log          *logarithm
}

// band is a triangular filter: the energy is sum_k weights[k] power[first+k].
type band struct {
	first   int
	weights []float32
}

// NewBank returns a bank of mels bands for samples at rate Hz: triangles, equally
// wide and linear on the scale mel(f) = 1127 ln(1 + f/700), between 20 Hz and
// rate/2. The bin at rate/2 itself counts for none. At low rates the narrow
// low bands may hold no bin at all; they stay at the floor.
func NewBank(rate, mels int) (*Bank, error) {
	if rate < minRate || rate > maxRate || mels < 1 || mels > maxMels {
		return nil, fmt.Errorf("mel bank: %d bands at %d Hz: want 1 to %d bands at %d to %d Hz", mels, rate, maxMels, minRate, maxRate)
	}
	b := &Bank{rate: rate, mels: mels, frame: rate * frameMillis / 1000, shift: rate * shiftMillis / 1000}
	b.size = 1 << bits.Len(uint(b.frame-1))
	b.fft, b.log = newFFT(b.size), newLogarithm()
	b.window = make([]float32, b.frame)
	for n := range b.window {
		b.window[n] = float32(0.25 - 0.25*math.Cos(2*math.Pi*float64(n)/float64(b.frame-1)))
	}
	low, high := mel(lowest), mel(float64(rate)/2)
	step := (high - low) / float64(mels+1)
	for m := range mels {
		b.bands = append(b.bands, b.band(low+float64(m)*step, step))
	}
	return b, nil
}

// mel is the pitch of a frequency in Hz.
func mel(f float64) float64 { return 1127 * math.Log(1+f/700) }

// band is the triangle that rises from left to left+step and falls to
// left+2*step.
func (b *Bank) band(left, step float64) (t band) {
	for k := range b.size / 2 {
		at := (mel(float64(k)*float64(b.rate)/float64(b.size)) - left) / step
		if at <= 0 || at >= 2 {
			continue
		}
		if t.weights == nil {
			t.first = k
		}
		t.weights = append(t.weights, float32(min(at, 2-at)))
	}
	return t
}

// Mels returns the number of bands M.
func (b *Bank) Mels() int { return b.mels }

// Frame returns the number of samples of a frame.
func (b *Bank) Frame() int { return b.frame }

// Frames returns the number of whole frames in n samples, 1 + (n-Frame)/shift,
// or 0 where n is shorter than one.
func (b *Bank) Frames(n int) int {
	if n < b.frame {
		return 0
	}
	return 1 + (n-b.frame)/b.shift
}

// Analyzer computes spectrograms with a Bank in memory of its own: each
// goroutine has one.
type Analyzer struct {
	bank  *Bank
	frame []float32 // [N] windowed, zeros behind
	power []float32 // [N/2]
	work  []complex64
}

// NewAnalyzer returns an Analyzer of the bank.
func (b *Bank) NewAnalyzer() *Analyzer {
	return &Analyzer{b, make([]float32, b.size), make([]float32, b.size/2), make([]complex64, b.size/2)}
}

// LogMel fills dst [T,M] with ln(max(energy, 2^-23)) of the first T whole frames
// of wave. Rows for which wave is too short become 0. It allocates nothing.
func (a *Analyzer) LogMel(dst, wave []float32) {
	b := a.bank
	rows := min(b.Frames(len(wave)), len(dst)/b.mels)
	for t := range rows {
		a.load(wave[t*b.shift:][:b.frame])
		b.fft.power(a.power, a.frame, a.work)
		row := dst[t*b.mels:][:len(b.bands)]
		for m := range row {
			row[m] = max(b.bands[m].energy(a.power), floor)
		}
		b.log.apply(row)
	}
	clear(dst[rows*b.mels:])
}

// load prepares a frame: its mean removed, pre-emphasis (the first sample is its
// own predecessor), window.
func (a *Analyzer) load(x []float32) {
	mean := mean(x)
	last, window, frame := x[0]-mean, a.bank.window[:len(x)], a.frame[:len(x)]
	for n, v := range x {
		v -= mean
		frame[n] = (v - preemphasis*last) * window[n]
		last = v
	}
}

// mean adds up every fourth sample apart: one sum would wait for itself at each.
func mean(x []float32) float32 {
	var a, b, c, d float64
	n := float64(len(x))
	for ; len(x) >= 4; x = x[4:] {
		a, b, c, d = a+float64(x[0]), b+float64(x[1]), c+float64(x[2]), d+float64(x[3])
	}
	for _, v := range x {
		a += float64(v)
	}
	return float32((a + b + c + d) / n)
}

// energy is the band's part of a power spectrum.
func (b *band) energy(power []float32) float32 {
	e, p := float32(0), power[b.first:][:len(b.weights)]
	for i, w := range b.weights {
		e += w * p[i]
	}
	return e
}
