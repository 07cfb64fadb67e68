package opstest

import (
	"math"

	"m2pt/internal/philox"
	"m2pt/ops"
)

// entries are the kinds that work along the second to last dimension.
func entries() []Case {
	mean := func(from, count int) ops.Pool { return ops.Pool{From: from, Count: count} }
	top := func(from, count int) ops.MaxPool { return ops.MaxPool{From: from, Count: count} }
	return []Case{
		{"pool/mean", ops.Pool{From: 1, Count: 4}, []operand{normal(2, 5, 7)}},
		{"pool/token", ops.Pool{From: 0, Count: 1}, []operand{normal(3, 5, 17)}},
		{"pool/one token", ops.Pool{From: 0, Count: 1}, []operand{normal(3, 1, 17)}},
		{"pool/inside", ops.Pool{From: 1, Count: 3}, []operand{normal(2, 7, 3)}},
		{"pool/large", ops.Pool{From: 1, Count: 196}, []operand{normal(3, 197, 193)}},
		{"pool.grad/mean", ops.PoolGrad{Pool: ops.Pool{From: 1, Count: 4}, N: 5}, []operand{normal(2, 7)}},
		{"pool.grad/token", ops.PoolGrad{Pool: ops.Pool{From: 0, Count: 1}, N: 5}, []operand{normal(3, 17)}},
		{"pool.grad/one token", ops.PoolGrad{Pool: ops.Pool{From: 0, Count: 1}, N: 1}, []operand{normal(3, 17)}},
		{"pool.grad/inside", ops.PoolGrad{Pool: ops.Pool{From: 1, Count: 3}, N: 7}, []operand{normal(2, 3)}},
		{"pool.grad/large", ops.PoolGrad{Pool: ops.Pool{From: 1, Count: 196}, N: 197}, []operand{normal(3, 193)}},
		{"pool/vectors", mean(1, 20), []operand{normal(3, 23, 264)}},
		{"pool/many groups", mean(0, 9), []operand{normal(29, 9, 9, 8)}},
		{"pool.grad/vectors", ops.PoolGrad{Pool: mean(1, 4), N: 7}, []operand{normal(3, 24)}},
		{"pool/groups", mean(1, 2), []operand{normal(2, 3, 4, 5)}},
		{"pool.grad/groups", ops.PoolGrad{Pool: mean(1, 2), N: 4}, []operand{normal(2, 3, 5)}},
		{"max_pool", top(1, 4), []operand{normal(2, 5, 7)}},
		{"max_pool/groups", top(0, 4), []operand{normal(2, 3, 4, 5)}},
		{"max_pool/token", top(2, 1), []operand{normal(3, 5, 17)}},
		{"max_pool/one everywhere", top(0, 1), []operand{normal(1, 1, 1)}},
		{"max_pool/inside", top(1, 3), []operand{normal(2, 7, 3)}},
		{"max_pool/negative", top(0, 7), []operand{gauss(-50, 1, 3, 7, 13)}},
		{"max_pool/equal", top(0, 32), []operand{whole(-2, 2, 5, 32, 67)}},
		{"max_pool/vectors", top(1, 67), []operand{spoiled(normal(2, 69, 72), 401, math.NaN())}},
		{"max_pool/equal vectors", top(0, 41), []operand{whole(-2, 2, 3, 41, 264)}},
		{"max_pool/large", top(1, 196), []operand{normal(3, 197, 193)}},
		{"max_pool/NaN", top(0, 31), []operand{spoiled(normal(3, 31, 37), 53, math.NaN())}},
		{"max_pool/infinite", top(0, 31), []operand{spoiled(normal(3, 31, 37), 7, math.Inf(-1))}},
		{"max_pool/nothing but -Inf", top(0, 11), []operand{spoiled(normal(2, 11, 37), 1, math.Inf(-1))}},
		{"max_pool.grad", ops.MaxPoolGrad{N: 5}, []operand{normal(2, 7), ints(0, 5, 2, 7)}},
		{"max_pool.grad/groups", ops.MaxPoolGrad{N: 4}, []operand{normal(2, 3, 5), ints(0, 4, 2, 3, 5)}},
		{"max_pool.grad/one token", ops.MaxPoolGrad{N: 1}, []operand{normal(3, 17), ints(0, 1, 3, 17)}},
		{"max_pool.grad/vectors", ops.MaxPoolGrad{N: 7}, []operand{normal(3, 24), ints(0, 7, 3, 24)}},
		{"max_pool.grad/large", ops.MaxPoolGrad{N: 197}, []operand{normal(3, 193), ints(0, 197, 3, 193)}},
		{"add_each", ops.AddEach{}, []operand{normal(3, 5, 7), normal(3, 7)}},
		{"add_each/groups", ops.AddEach{}, []operand{normal(2, 3, 4, 5), normal(2, 3, 5)}},
		{"add_each/one entry", ops.AddEach{}, []operand{normal(1, 1, 17), normal(1, 17)}},
		{"add_each/one group", ops.AddEach{}, []operand{normal(11, 3), normal(3)}},
		{"add_each/vectors", ops.AddEach{}, []operand{normal(3, 5, 24), normal(3, 24)}},
		{"add_each/large", ops.AddEach{}, []operand{normal(5, 31, 193), normal(5, 193)}},
		{"sum_each", ops.SumEach{}, []operand{normal(2, 3, 4, 5)}},
		{"sum_each/one entry", ops.SumEach{}, []operand{normal(3, 1, 7)}},
		{"sum_each/one group", ops.SumEach{}, []operand{normal(67, 1)}},
		{"sum_each/vectors", ops.SumEach{}, []operand{normal(3, 37, 40)}},
		{"sum_each/large", ops.SumEach{}, []operand{normal(5, 131, 193)}},
	}
}

// whole draws whole numbers from [lo, hi), so that many are equal.
func whole(lo, hi int, shape ...int) operand {
	return floats(shape, func(_ int, r *philox.Rand) float64 { return float64(lo + r.IntN(hi-lo)) })
}

func points() []Case {
	interpolate := func(name string, b, n, g, d int) Case {
		return Case{"interpolate/" + name, ops.Interpolate{}, []operand{normal(b, n, 3), normal(b, g, 3), normal(b, g, d)}}
	}
	interpolateGrad := func(name string, b, n, g, d, k int) Case {
		return Case{"interpolate.grad/" + name, ops.InterpolateGrad{G: g},
			[]operand{normal(b, n, d), ints(0, g, b, n, k), distribution(b, n, k)}}
	}
	return []Case{
		{"group", ops.Group{}, []operand{normal(2, 7, 3), ints(0, 7, 2, 4, 6)}},
		{"group/one neighbour", ops.Group{}, []operand{normal(1, 1, 3), ints(0, 1, 1, 1, 2)}},
		{"group/many neighbours", ops.Group{}, []operand{normal(1, 131, 3), ints(0, 131, 1, 2, 101)}},
		{"group/large", ops.Group{}, []operand{gauss(1, 1, 3, 1024, 3), ints(0, 1024, 3, 64, 33)}},
		interpolate("small", 2, 5, 4, 7),
		interpolate("three centres", 2, 5, 3, 7),
		interpolate("two centres", 2, 5, 2, 7),
		interpolate("one centre", 2, 5, 1, 7),
		interpolate("one everywhere", 1, 1, 1, 1),
		interpolate("vectors", 2, 11, 5, 264),
		interpolate("many centres", 1, 261, 300, 3),
		interpolate("large", 3, 197, 67, 193),
		{"interpolate/the centres themselves", ops.Interpolate{}, []operand{normal(2, 7, 3), input(0), normal(2, 7, 5)}},
		{"interpolate/equally near", ops.Interpolate{}, []operand{whole(0, 2, 2, 11, 3), whole(0, 2, 2, 13, 3), normal(2, 13, 5)}},
		{"interpolate/NaN", ops.Interpolate{}, []operand{spoiled(normal(2, 31, 3), 40, math.NaN()), normal(2, 11, 3), normal(2, 11, 17)}},
		interpolateGrad("small", 2, 5, 4, 7, 3),
		interpolateGrad("two centres", 2, 5, 2, 7, 2),
		interpolateGrad("one everywhere", 1, 1, 1, 1, 1),
		interpolateGrad("vectors", 2, 131, 5, 72, 3),
		interpolateGrad("wide", 1, 19, 3, 2059, 2),
		interpolateGrad("wide vectors", 1, 19, 3, 2064, 2),
		interpolateGrad("large", 3, 197, 67, 193, 3),
		interpolateGrad("one sample", 1, 1031, 5, 131, 3),
	}
}
