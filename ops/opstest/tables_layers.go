package opstest

import (
	"math"

	"m2pt/ops"
)

func columns() []Case {
	return []Case{
		{"columns", ops.Columns{From: 2, Count: 4}, []operand{normal(5, 7)}},
		{"columns/first", ops.Columns{Count: 3}, []operand{normal(5, 7, 1)}},
		{"columns/all", ops.Columns{Count: 7}, []operand{normal(5, 7)}},
		{"columns/one", ops.Columns{From: 6, Count: 1}, []operand{normal(1, 7)}},
		{"columns/kernel weight", ops.Columns{From: 5, Count: 6}, []operand{normal(3, 3, 2, 2)}},
		{"columns/large", ops.Columns{From: 256, Count: 257}, []operand{normal(131, 521, 1)}},
		{"columns/vectors", ops.Columns{From: 16, Count: 24}, []operand{normal(5, 48)}},
		{"columns.grad", ops.ColumnsGrad{From: 2, Shape: []int{5, 7}}, []operand{normal(5, 4)}},
		{"columns.grad/last", ops.ColumnsGrad{From: 3, Shape: []int{5, 7, 1}}, []operand{normal(5, 4)}},
		{"columns.grad/vectors", ops.ColumnsGrad{From: 16, Shape: []int{5, 48}}, []operand{normal(5, 24)}},
		{"columns.grad/large", ops.ColumnsGrad{From: 256, Shape: []int{131, 521, 1}}, []operand{normal(131, 257)}},
	}
}

func cosine() []Case {
	in := func(std float64, b, n, heads, width int) []operand {
		return []operand{gauss(0, std, b, n, 3*heads*width), uniform(1, 4, heads, 1, 1)}
	}
	grad := func(b, n, heads, width int) []operand {
		return append(in(1, b, n, heads, width), normal(b, n, 3*heads*width))
	}
	clamped := []operand{normal(2, 3, 18), values(2, 5.5, 4.25)}
	taus := []operand{normal(2, 3, 18), values(1, 0.005, 0.25)}
	return []Case{
		{"cosine_qk", ops.CosineQK{Heads: 2}, in(1, 2, 3, 2, 5)},
		{"cosine_qk/one everywhere", ops.CosineQK{Heads: 1}, in(1, 1, 1, 1, 1)},
		{"cosine_qk/clamped", ops.CosineQK{Heads: 3}, clamped},
		{"cosine_qk/zero", ops.CosineQK{Heads: 3}, in(0, 3, 17, 3, 8)},
		{"cosine_qk/short", ops.CosineQK{Heads: 3}, in(1e-6, 3, 17, 3, 8)},
		{"cosine_qk/large", ops.CosineQK{Heads: 3}, in(1, 3, 197, 3, 67)},
		{"cosine_qk/tau", ops.CosineQK{Heads: 3, Tau: true}, taus},
		{"cosine_qk.grad", ops.CosineQKGrad{Heads: 2}, grad(2, 3, 2, 5)},
		{"cosine_qk.grad/one everywhere", ops.CosineQKGrad{Heads: 1}, grad(1, 1, 1, 1)},
		{"cosine_qk.grad/clamped", ops.CosineQKGrad{Heads: 3}, append(clamped, normal(2, 3, 18))},
		{"cosine_qk.grad/tau", ops.CosineQKGrad{Heads: 3, Tau: true}, append(taus, normal(2, 3, 18))},
		{"cosine_qk.grad/large", ops.CosineQKGrad{Heads: 3}, grad(3, 197, 3, 67)},
	}
}

func windows() []Case {
	var cases []Case
	add := func(name string, b, tables, heads, width int, w ops.Windows) {
		n, tokens, k := w.Len(), w.Grid[0]*w.Grid[1], ops.WindowAttention{Heads: heads, Windows: w}
		in := []operand{normal(b, tokens, 3*heads*width), normal(tables, n*n, heads)}
		cases = append(cases, Case{"window_attention/" + name, k, in},
			Case{"window_attention.grad/" + name, ops.WindowAttentionGrad(k), append(in, normal(b, tokens, heads*width))})
	}
	add("small", 2, 1, 2, 3, ops.Windows{Grid: [2]int{4, 2}, Size: [2]int{2, 2}})
	add("shifted", 2, 1, 2, 3, ops.Windows{Grid: [2]int{4, 2}, Size: [2]int{2, 2}, Shift: 1})
	add("a table each", 2, 2, 2, 3, ops.Windows{Grid: [2]int{4, 2}, Size: [2]int{2, 2}, Shift: 1})
	add("one everywhere", 1, 1, 1, 1, ops.Windows{Grid: [2]int{1, 1}, Size: [2]int{1, 1}})
	add("one window", 3, 1, 1, 2, ops.Windows{Grid: [2]int{4, 1}, Size: [2]int{4, 1}, Shift: 2})
	add("shifted further", 2, 2, 3, 5, ops.Windows{Grid: [2]int{9, 4}, Size: [2]int{3, 2}, Shift: 5})
	add("large", 3, 3, 2, 32, ops.Windows{Grid: [2]int{64, 8}, Size: [2]int{4, 4}, Shift: 2})
	add("large, shared", 2, 1, 3, 13, ops.Windows{Grid: [2]int{24, 12}, Size: [2]int{6, 6}, Shift: 2})
	return cases
}

func dropout() []Case {
	of := func(rate float64, shape ...int) (ops.Dropout, []operand) {
		return ops.Dropout{Rate: rate, Seed: 3, Purpose: "head.dropout"}, []operand{normal(shape...), sampleKeys(shape[0])}
	}
	k, in := of(0.5, 3, 5, 7)
	rare, wide := of(0.1, 67, 1021)
	most, one := of(0.875, 1, 1)
	long, large := of(0.5, 2, 41, 521)
	table := func(shape ...int) []operand { return []operand{normal(shape...), sampleKeys(3)} }
	return []Case{
		{"dropout/table", k, table(1, 5, 7)}, {"dropout/large table", k, table(1, 41, 521)},
		{"dropout", k, in}, {"dropout/rare", rare, wide}, {"dropout/one", most, one}, {"dropout/large", long, large},
	}
}

func momentum() []Case {
	in := func(clip float64, shape ...int) []operand {
		return []operand{normal(shape...), normal(shape...), gauss(0, 0.1, shape...), values(0.1), values(clip)}
	}
	sgd := ops.SGD{Momentum: 0.9, WeightDecay: 0.05, LRScale: 0.75}
	nesterov := ops.SGD{Momentum: 0.9, Nesterov: true, WeightDecay: 0.05, LRScale: 1}
	lars := ops.LARS{Momentum: 0.9, Trust: 0.001, WeightDecay: 0.05, LRScale: 0.75}
	still := ops.LARS{Momentum: 0.9, Trust: 0.001, LRScale: 1}
	zero := gauss(0, 0, 3, 5)
	return []Case{
		{"sgd", sgd, in(1, 7, 11)},
		{"sgd/clipped", sgd, in(0.125, 37)},
		{"sgd/nesterov", nesterov, in(0.5, 7, 11)},
		{"sgd/no momentum", ops.SGD{LRScale: 1}, in(1, 5)},
		{"sgd/one", sgd, in(1, 1)},
		{"sgd/large", nesterov, in(1, 193, 192)},
		{"sgd/skipped", nesterov, in(math.NaN(), 37)},
		{"lars", lars, in(1, 7, 11)},
		{"lars/clipped", lars, in(0.125, 3, 5, 7)},
		{"lars/vector", lars, in(0.5, 37)},
		{"lars/one", lars, in(1, 1, 1)},
		{"lars/large", lars, in(1, 193, 192)},
		{"lars/no gradient", still, []operand{normal(3, 5), zero, normal(3, 5), values(0.1), values(1)}},
		{"lars/no parameter", still, []operand{zero, normal(3, 5), normal(3, 5), values(0.1), values(1)}},
		{"lars/skipped", lars, in(math.NaN(), 7, 11)},
	}
}
