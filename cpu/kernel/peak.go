package kernel

import "time"

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
	best := time.Duration(1<<63 - 1)
	for begin := time.Now(); time.Since(begin) < peakLength; {
		start := time.Now()
		w.pool.For(threads, trial)
		best = min(best, time.Since(start))
	}
	return float64(threads) * peakTurns * peakFlops / float64(best.Nanoseconds())
}
