package kernel

import (
	"math"
	"time"
)

// A peakFunc runs n turns of peakFlops operations in chains that do not depend
// on each other: the fastest that the processor can multiply and add.
type peakFunc func(n int)

const (
	peakFlops  = 12 * 8 * 8 * 2 // chains, steps, lanes, and two operations each
	peakTurns  = 1 << 14        // of one trial, some 0.2 ms
	peakLength = 50 * time.Millisecond
)

// FMAPeak measures the GFLOP/s of independent multiply-add chains on all
// threads of the pool at once, the best of trials over about 50 ms. It is the
// denominator of a kernel's share of the peak, to be measured in the same run.
func (w *Workspace) FMAPeak() float64 {
	threads := w.pool.Threads()
	trial := func(int, int) { w.kernels.peak(peakTurns) }
	best := time.Duration(math.MaxInt64)
	for begin := time.Now(); time.Since(begin) < peakLength; {
		start := time.Now()
		w.pool.For(threads, trial)
		best = min(best, time.Since(start))
	}
	return float64(threads) * peakTurns * peakFlops / float64(best.Nanoseconds())
}

const (
	streamPiece  = 1 << 16 // elements of a thread's turn, 256 KiB of either buffer
	streamLength = 100 * time.Millisecond
)

// Bandwidth measures the GB/s of y += x on all threads of the pool at once, the best of
// trials over about 100 ms: two buffers read and one written back, so that what moves is
// what is counted (a buffer that is only written would be read first, uncounted). For the
// memory's rate the buffers have to be far larger than the last cache together. Both are
// cleared.
func (w *Workspace) Bandwidth(y, x []float32) float64 {
	trial := func(_, lo, hi int) { w.kernels.Combine(y[lo:hi], 1, y[lo:hi], 1, x[lo:hi]) }
	w.pool.Range(len(y), streamPiece, func(_, lo, hi int) { // pages never written are one page of zeros
		clear(y[lo:hi])
		clear(x[lo:hi])
	})
	best := time.Duration(math.MaxInt64)
	for begin := time.Now(); time.Since(begin) < streamLength; {
		start := time.Now()
		w.pool.Range(len(y), streamPiece, trial)
		best = min(best, time.Since(start))
	}
	return 12 * float64(len(y)) / float64(best.Nanoseconds())
}
