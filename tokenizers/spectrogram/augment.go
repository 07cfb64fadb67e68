package spectrogram

import "slices"

// Masks are SpecAugment's: one stripe of mel bands and one of frames, at most
// Mel and Time wide (0: none), become 0.
type Masks struct{ Mel, Time int }

// Apply masks x [T,M] where the uniform numbers u in [0,1) say: u[0], u[1] are
// width and place of the stripe of mel bands, u[2], u[3] of the frames (see
// stripe). It is meant for spectrograms before [Normalize].
func (k Masks) Apply(x []float32, mels int, u [4]float32) {
	lo, hi := stripe(k.Mel, mels, u[0], u[1])
	for row := range slices.Chunk(x, mels) {
		clear(row[lo:hi])
	}
	lo, hi = stripe(k.Time, len(x)/mels, u[2], u[3])
	clear(x[lo*mels : hi*mels])
}

// stripe is a part of an axis, by torchaudio's rule: width = u*most, start =
// v*(size - width), each truncated to an integer after both are known. A width
// beyond the axis is cut to it.
func stripe(most, size int, u, v float32) (lo, hi int) {
	width := min(u*float32(most), float32(size))
	lo = int(v * (float32(size) - width))
	return lo, lo + int(width)
}

// Normalize makes x (x - mean) / (2 std), the reference's scale: a standard
// deviation of one half.
func Normalize(x []float32, mean, std float64) {
	for i, v := range x {
		x[i] = float32((float64(v) - mean) / (2 * std))
	}
}

// AddNoise adds amplitude times a uniform number in [0,1) to each value.
func AddNoise(x []float32, amplitude float32, uniform func() float32) {
	for i := range x {
		x[i] += amplitude * uniform()
	}
}

// Roll moves the values of x by steps towards the end, those that leave it come
// in at the beginning; steps may be negative or exceed the length. It rolls
// waveforms in time, and spectrograms when steps is a multiple of M.
func Roll(x []float32, steps int) {
	n := len(x)
	if n == 0 {
		return
	}
	k := ((steps % n) + n) % n
	slices.Reverse(x)
	slices.Reverse(x[:k])
	slices.Reverse(x[k:])
}
