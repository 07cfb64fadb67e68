package checkpoint

import (
	"os"
	"runtime"
	"sync"
	"testing"
)

// BenchmarkLoad loads the file that M2PT_LOAD names and adds up every tensor as
// float32, with the threads that there are; scripts/bench_load.sh sets it beside
// PyTorch.
func BenchmarkLoad(b *testing.B) {
	path := os.Getenv("M2PT_LOAD")
	if path == "" {
		b.Skip("M2PT_LOAD names no file of weights")
	}
	for b.Loop() {
		ts, err := Load(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(total(b, ts), "sum")
	}
}

// total is the sum of all elements.
func total(b *testing.B, ts *Tensors) float64 {
	var all [][]float32
	for t := range ts.All() {
		v, err := t.Float32s()
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, v)
	}
	threads := runtime.GOMAXPROCS(0)
	sums := make([]float64, threads)
	var wg sync.WaitGroup
	for k := range threads {
		wg.Go(func() {
			for _, v := range all {
				sums[k] += sum(v[len(v)*k/threads : len(v)*(k+1)/threads])
			}
		})
	}
	wg.Wait()
	s := 0.0
	for _, v := range sums {
		s += v
	}
	return s
}

// sum adds in eight lanes, so that additions do not wait for each other.
func sum(v []float32) float64 {
	var lanes [8]float64
	for ; len(v) >= 8; v = v[8:] {
		for i, x := range v[:8] {
			lanes[i] += float64(x)
		}
	}
	s := 0.0
	for _, x := range v {
		s += float64(x)
	}
	for _, x := range lanes {
		s += x
	}
	return s
}
