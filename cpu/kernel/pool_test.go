package kernel

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPoolVisitsEachOnce(t *testing.T) {
	for _, threads := range threadCounts {
		p := NewPool(threads)
		for _, n := range []int{0, 1, 2, 3, 17, 1000} {
			seen := make([]atomic.Int32, n)
			p.For(n, func(worker, i int) {
				if worker < 0 || worker >= threads {
					t.Errorf("worker %d of %d", worker, threads)
				}
				seen[i].Add(1)
			})
			for i := range seen {
				if c := seen[i].Load(); c != 1 {
					t.Fatalf("%d threads, n=%d: iteration %d ran %d times", threads, n, i, c)
				}
			}
		}
		p.Close()
	}
}

// TestPoolRange: the pieces cover the range and depend on the grain alone.
func TestPoolRange(t *testing.T) {
	for _, threads := range threadCounts {
		p := NewPool(threads)
		for _, n := range []int{0, 1, 9, 10, 11, 105} {
			var sum atomic.Int64
			p.Range(n, 10, func(_, lo, hi int) {
				if lo%10 != 0 || hi != min(lo+10, n) {
					t.Errorf("n=%d: piece [%d, %d)", n, lo, hi)
				}
				sum.Add(int64(hi - lo))
			})
			if int(sum.Load()) != n {
				t.Errorf("%d threads: pieces of %d cover %d", threads, n, sum.Load())
			}
		}
		p.Close()
	}
}

// TestPoolWakes: workers that went to sleep come back.
func TestPoolWakes(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for range 20 {
		for i := range p.workers {
			for !p.workers[i].asleep.Load() {
			}
		}
		var n atomic.Int32
		p.For(100, func(int, int) { n.Add(1) })
		if n.Load() != 100 {
			t.Fatalf("%d iterations, want 100", n.Load())
		}
	}
}

func TestPoolPanic(t *testing.T) {
	for _, threads := range threadCounts {
		p := NewPool(threads)
		got := func() (v any) {
			defer func() { v = recover() }()
			p.For(100, func(_, i int) {
				if i == 37 {
					panic("thirty-seven")
				}
			})
			return nil
		}()
		err, _ := got.(error)
		var failure *Panic
		if !errors.As(err, &failure) || failure.Value != "thirty-seven" || !strings.Contains(failure.Error(), "TestPoolPanic") {
			t.Errorf("%d threads: recovered %v, want a Panic of thirty-seven with its stack", threads, got)
		}
		var n atomic.Int32
		p.For(100, func(int, int) { n.Add(1) })
		if n.Load() != 100 {
			t.Errorf("%d threads: %d iterations after a panic, want 100", threads, n.Load())
		}
		p.Close()
	}
}

func BenchmarkPoolFor(b *testing.B) {
	p := NewPool(2)
	defer p.Close()
	f := func(int, int) {}
	for b.Loop() {
		p.For(2, f)
	}
}
