package cpu

import "testing"

// TestPeaks: what the machine can do at most is there to divide by.
func TestPeaks(t *testing.T) {
	d := open(t, Options{Threads: 2})
	rate, err := d.Bandwidth()
	if peak := d.Peak(); err != nil || rate <= 0 || peak <= 0 {
		t.Errorf("peak %g GFLOP/s, memory %g GB/s, %v", peak, rate, err)
	}
}
