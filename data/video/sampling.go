package video

import "m2pt/internal/philox"

// The functions below choose frames of a clip of n frames: they fill at, whose
// length is T, with ascending numbers below n. They are those of VideoMAE V2.
//
// Dense sampling takes T frames out of a span of T*rate, sparse sampling one frame
// from each of T equal parts of the clip.

// denseRandom takes a span that ends anywhere in T*rate <= end < n.
func denseRandom(at []int, n, rate int, r *philox.Rand) {
	span := len(at) * rate
	if n <= span {
		denseShort(at, n, rate)
		return
	}
	end := span + r.IntN(n-span)
	linspace(at, end-span, end)
}

// denseCentred takes the span in the middle.
func denseCentred(at []int, n, rate int) {
	span := len(at) * rate
	if n <= span {
		denseShort(at, n, rate)
		return
	}
	end := (span + n) / 2
	linspace(at, end-span, end)
}

// denseShort spreads n/rate frames over a clip no longer than the span, and
// repeats its last frame.
func denseShort(at []int, n, rate int) {
	spread := at[:n/rate]
	linspace(spread, 0, n)
	for i := len(spread); i < len(at); i++ {
		at[i] = n - 1
	}
}

// denseSegment is look k of several at the whole clip: of every rate-th frame, T
// successive ones from floor(k*max((every-T)/(segments-1), 0)) on; the only look of
// one is in the middle. A clip with fewer repeats the last.
func denseSegment(at []int, n, rate, k, segments int) {
	every := (n + rate - 1) / rate
	room := max(every-len(at), 0)
	start := room / 2
	if segments > 1 {
		start = int(float64(k) * (float64(room) / float64(segments-1)))
	}
	for i := range at {
		at[i] = min(start+i, every-1) * rate
	}
}

// sparseRandom takes any frame of each part.
func sparseRandom(at []int, n int, r *philox.Rand) {
	part := n / len(at)
	if part == 0 {
		sparseShort(at, n)
		return
	}
	for i := range at {
		at[i] = i*part + r.IntN(part)
	}
}

// sparseCentred takes the middle of each part.
func sparseCentred(at []int, n int) {
	part := n / len(at)
	if part == 0 {
		sparseShort(at, n)
		return
	}
	for i := range at {
		at[i] = i*part + part/2
	}
}

// sparseShort takes every frame of a clip of fewer than T, the first one
// repeatedly.
func sparseShort(at []int, n int) {
	for i := range at {
		at[i] = max(i-(len(at)-n), 0)
	}
}

// sparseSegment is look k of several: parts n/T long, not whole frames, each with
// one frame for every look.
func sparseSegment(at []int, n, k, segments int) {
	part := float64(n) / float64(len(at))
	first := float64(float64(k)*part) / float64(segments)
	for i := range at {
		at[i] = min(int(first+float64(part*float64(i))), n-1)
	}
}

// linspace fills at with numbers evenly spaced from lo to hi, both included, cut
// to whole ones, hi itself to hi-1: NumPy's linspace, clip and astype. Products are
// rounded before they are added, as there.
func linspace(at []int, lo, hi int) {
	step := float64(hi-lo) / float64(len(at)-1)
	for i := range at {
		switch {
		case i == 0:
			at[i] = lo
		case i == len(at)-1:
			at[i] = hi - 1
		default:
			at[i] = min(int(float64(float64(i)*step)+float64(lo)), hi-1)
		}
	}
}
