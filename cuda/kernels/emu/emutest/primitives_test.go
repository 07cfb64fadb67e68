//go:build m2ptemu

package emutest_test

import (
	"math"
	"testing"

	_ "m2pt/cuda/kernels/emu/emutest"
	"m2pt/cuda/kernels/kerneltest"
	"m2pt/engine"
	"m2pt/internal/philox"
)

func run(t *testing.T, kernel string, blocks, threads int, args ...any) {
	t.Helper()
	kerneltest.Run(t, kerneltest.Launch{Kernel: kernel, Grid: [3]int{blocks, 1, 1}, Block: threads, Args: args})
}

func equal[E comparable](t *testing.T, what string, i int, got, want E) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: element %d is %v, want %v", what, i, got, want)
	}
}

// TestFragments multiplies integers, so that every sum is exact.
func TestFragments(t *testing.T) {
	a, b := make([]float32, 16*16), make([]float32, 16*8)
	for i := range a {
		a[i] = float32(i*37%101 - 50)
	}
	for i := range b {
		b[i] = float32(i*53%89 - 44)
	}
	for _, kernel := range []string{"mma_by_element", "mma_by_ldmatrix"} {
		d := make([]float32, 16*8)
		run(t, kernel, 1, 32, d, kerneltest.Keep(engine.BF16, a), kerneltest.Keep(engine.BF16, b))
		for i := range d {
			want := float32(1)
			for k := range 16 {
				want += a[i/8*16+k] * b[k*8+i%8]
			}
			equal(t, kernel, i, d[i], want)
		}
	}
}

func TestShuffles(t *testing.T) {
	y := make([]int32, 32*8)
	run(t, "shuffles", 1, 32, y)
	inside := func(ok bool, lane, self int) int32 {
		if !ok {
			lane = self
		}
		return int32(100 + lane)
	}
	const thirds = 0b01001001001001001001001001001001
	for l := range 32 {
		want := [8]int32{
			105, int32(100 + l/8*8 + 3), int32(100 + (l ^ 9)), inside(l >= 2, l-2, l), inside(l%16+3 < 16, l+3, l),
			thirds, 2, 0,
		}
		if l < 4 {
			want[7] = int32(100 + (l ^ 1))
		}
		for i, w := range want {
			equal(t, "lane", l*8+i, y[l*8+i], w)
		}
	}
}

func TestReductions(t *testing.T) {
	for _, kernel := range []string{"reduce_block", "reduce_warp"} {
		for _, n := range []int{32, 64, 96, 416, 1024} {
			x, sum, largest := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = float32(i*61%113 - 200) // all negative
			}
			run(t, kernel, 1, n, sum, largest, x)
			for i := range x {
				part := x
				if kernel == "reduce_warp" {
					part = x[i/32*32:][:32]
				}
				s, m := float32(0), part[0]
				for _, v := range part {
					s += v
					m = max(m, v)
				}
				equal(t, kernel+" sum", i, sum[i], s)
				equal(t, kernel+" max", i, largest[i], m)
			}
		}
	}
}

func TestPhilox(t *testing.T) {
	const n = 1000
	r := philox.New(3, "counters", 0, 0)
	counter, key, y := make([]uint32, 4*n), make([]int64, n), make([]uint32, 4*n)
	for i := range counter {
		counter[i] = r.Uint32()
	}
	for i := range key {
		key[i] = int64(r.Uint64())
	}
	run(t, "philox_blocks", 2, 64, n, y, counter, key)
	for i := range key {
		want := philox.Block(uint64(key[i]), [4]uint32(counter[4*i:]))
		equal(t, "philox", i, [4]uint32(y[4*i:]), want)
	}
}

// TestRounding takes patterns of all exponents, and every tie.
func TestRounding(t *testing.T) {
	var x []float32
	for u := uint64(0); u < 1<<32; u += 65_539 * 4 {
		x = append(x, math.Float32frombits(uint32(u)))
	}
	for high := uint32(0); high < 0x7f80; high += 7 {
		x = append(x, math.Float32frombits(high<<16|0x8000), -math.Float32frombits(high<<16|0x8000))
	}
	y, pairs := make([]uint16, len(x)), make([]uint32, len(x))
	run(t, "round_all", 3, 64, len(x), y, pairs, x)
	want := kerneltest.Keep(engine.BF16, x).([]uint16)
	for i, v := range x {
		if v != v {
			want[i] = 0x7fff
		}
	}
	for i := range x {
		equal(t, "to_bf16", i, y[i], want[i])
		equal(t, "pack_bf16", i, pairs[i], uint32(want[i])|uint32(want[len(x)-1-i])<<16)
	}
}

func TestVectors(t *testing.T) {
	x := make([]float32, 48)
	for i := range x {
		x[i] = float32(i + 1)
	}
	y, v := make([]float32, 48), make([]uint16, 48)
	run(t, "vectors", 1, 32, y, x, v, kerneltest.Keep(engine.BF16, x))
	for i := range x {
		equal(t, "float", i, y[i], x[i])
		equal(t, "bf16", i, kerneltest.Values(v)[i], x[i])
	}
}

func TestGrid(t *testing.T) {
	for _, n := range []int{0, 1, 63, 192, 193, 1000} {
		y := make([]int32, max(n, 1))
		run(t, "visits", 3, 64, n, y)
		for i, v := range y[:n] {
			equal(t, "visits", i, v, 1)
		}
	}
	y := make([]int32, 2*3*4*64)
	kerneltest.Run(t, kerneltest.Launch{Kernel: "places", Grid: [3]int{2, 3, 4}, Block: 64, Args: []any{y, 64, float32(0.5), 1<<40 - 1}})
	for i, v := range y {
		equal(t, "places", i, v, int32(i/64*100+i%64))
	}
}
