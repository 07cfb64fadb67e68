package opstest

import (
	"slices"

	"m2pt/engine"
	"m2pt/ops"
)

// fused are pairs that a device may have a kernel for.
func fused() []Case {
	norm, normGrad := ops.LayerNorm{Eps: 1e-6}, ops.LayerNormGrad{}
	addNorm := func(keep bool) engine.Fused {
		return engine.Fused{First: ops.Add{}, Second: norm, Inputs: 2, Keep: []bool{keep}, From: []int{-1, 2, 3}}
	}
	dropNorm := engine.Fused{First: ops.DropPath{Rate: 0.4}, Second: norm, Inputs: 3, Keep: []bool{true}, From: []int{-1, 3, 4}}
	normAdd := func(from ...int) engine.Fused {
		return engine.Fused{First: normGrad, Second: ops.Add{}, Inputs: 5, Keep: []bool{false, true, true}, From: from}
	}
	grad := func(shape ...int) []operand {
		d := shape[len(shape)-1]
		forward := []operand{input(0), normal(d), normal(d)}
		return []operand{normal(shape...), normal(d), saved(norm, 1, forward...), saved(norm, 2, forward...), normal(shape...), normal(shape...)}
	}
	bias := func(from int, shape ...int) engine.Fused {
		return engine.Fused{First: ops.LinearGradW{Shape: shape}, Second: ops.SumRows{}, Inputs: 2, Keep: []bool{true}, From: []int{from}}
	}
	return []Case{
		{"add + layer_norm", addNorm(true), []operand{normal(2, 3, 7), normal(2, 3, 7), normal(7), normal(7)}},
		{"add + layer_norm/one row", addNorm(true), []operand{normal(1, 64), normal(1, 64), normal(64), normal(64)}},
		{"add + layer_norm/wide", addNorm(true), []operand{normal(5, 768), normal(5, 768), normal(768), normal(768)}},
		{"add + layer_norm/sum unread", addNorm(false), []operand{normal(5, 192), normal(5, 192), normal(192), normal(192)}},
		{"drop_path + layer_norm", dropNorm, []operand{normal(7, 3, 5), normal(7, 3, 5), uniform(0, 1, 7), normal(5), normal(5)}},
		{"drop_path + layer_norm/wide", dropNorm, []operand{normal(9, 5, 192), normal(9, 5, 192), uniform(0, 1, 9), normal(192), normal(192)}},
		{"layer_norm.grad + add", normAdd(-1, 5), grad(2, 3, 7)},
		{"layer_norm.grad + add/other way", normAdd(5, -1), grad(2, 3, 7)},
		{"layer_norm.grad + add/wide", normAdd(5, -1), grad(33, 192)},
		{"layer_norm.grad + add/one row", normAdd(-1, 5), grad(1, 64)},
		{"linear.dw + sum_rows", bias(0, 3, 7), []operand{normal(2, 5, 3), normal(2, 5, 7)}},
		{"linear.dw + sum_rows/of the other", bias(1, 3, 7), []operand{normal(2, 5, 3), normal(2, 5, 7)}},
		{"linear.dw + sum_rows/kernel weight", bias(0, 5, 3, 2, 2), []operand{normal(2, 3, 5), normal(2, 3, 12)}},
		{"linear.dw + sum_rows/many rows", bias(0, 5, 7), []operand{normal(1001, 5), normal(1001, 7)}},
	}
}

// fusedBy are the cases of the pairs that d has kernels for.
func fusedBy(d engine.Fuser) []Case {
	return slices.DeleteFunc(fused(), func(c Case) bool { return !d.Fuses(c.Kind.(engine.Fused)) })
}
