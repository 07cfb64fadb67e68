package opstest

import (
	"math"

	"m2pt/internal/philox"
	"m2pt/ops"
)

// chamfer has clouds of whole numbers, in which many points are equally near or
// the same, and random ones.
func chamfer() []Case {
	var cases []Case
	for _, l1 := range []bool{false, true} {
		k, name := ops.Chamfer{L1: l1}, "chamfer/"
		if l1 {
			name = "chamfer/l1 "
		}
		add := func(what string, pred, target operand) {
			dloss := func(r *philox.Rand, prev []ops.Buf) ops.Buf { return normal(prev[0].Shape[0])(r, prev) }
			forward := []operand{input(0), input(1)}
			cases = append(cases, Case{name + what, k, []operand{pred, target}},
				Case{name + what + ".grad", ops.ChamferGrad(k), []operand{pred, target, dloss, saved(k, 1, forward...), saved(k, 2, forward...)}})
		}
		add("small", normal(2, 3, 5, 3), normal(2, 3, 4, 3))
		add("one everywhere", normal(1, 1, 1, 3), normal(1, 1, 1, 3))
		add("one cloud to a sample", normal(3, 7, 3), normal(3, 5, 3))
		add("one target", normal(2, 2, 7, 3), normal(2, 2, 1, 3))
		add("equally near", whole(0, 3, 2, 3, 11, 3), whole(0, 3, 2, 3, 13, 3))
		add("the same points", normal(2, 7, 3), input(0))
		add("large", normal(3, 7, 67, 3), normal(3, 7, 61, 3))
		add("large clouds", normal(1, 1, 300, 3), normal(1, 1, 270, 3))
	}
	return append(cases, Case{"chamfer/NaN", ops.Chamfer{}, []operand{spoiled(normal(3, 4, 17, 3), 131, math.NaN()), normal(3, 4, 13, 3)}})
}

func sequence() []Case {
	return []Case{
		{"entries", ops.Entries{From: 1, Count: 3}, []operand{normal(2, 5, 7)}},
		{"entries/first", ops.Entries{Count: 2}, []operand{normal(3, 5, 1)}},
		{"entries/last", ops.Entries{From: 4, Count: 1}, []operand{normal(3, 5, 7)}},
		{"entries/all", ops.Entries{Count: 5}, []operand{normal(1, 5, 7)}},
		{"entries/groups", ops.Entries{From: 1, Count: 2}, []operand{normal(2, 3, 4, 5)}},
		{"entries/large", ops.Entries{From: 49, Count: 147}, []operand{normal(3, 196, 193)}},
		{"entries/vectors", ops.Entries{From: 2, Count: 3}, []operand{normal(3, 7, 24)}},
		{"entries.grad", ops.EntriesGrad{From: 1, N: 5}, []operand{normal(2, 3, 7)}},
		{"entries.grad/all", ops.EntriesGrad{N: 3}, []operand{normal(1, 3, 1)}},
		{"entries.grad/groups", ops.EntriesGrad{From: 2, N: 4}, []operand{normal(2, 3, 2, 5)}},
		{"entries.grad/large", ops.EntriesGrad{From: 49, N: 196}, []operand{normal(3, 147, 193)}},
		{"entries.grad/vectors", ops.EntriesGrad{From: 2, N: 7}, []operand{normal(3, 3, 24)}},
		{"reshape", ops.Reshape{Shape: []int{2, 3, 5, 3}}, []operand{normal(2, 3, 15)}},
		{"reshape/flat", ops.Reshape{Shape: []int{7}}, []operand{normal(1, 7, 1)}},
		{"reshape/large", ops.Reshape{Shape: []int{114, 67, 3}}, []operand{normal(3, 38, 201)}},
		{"append_mask", ops.AppendMask{Count: 4}, []operand{normal(2, 3, 5), normal(1, 1, 5)}},
		{"append_mask/one everywhere", ops.AppendMask{Count: 1}, []operand{normal(1, 1, 1), normal(1, 1, 1)}},
		{"append_mask/large", ops.AppendMask{Count: 147}, []operand{normal(3, 49, 193), normal(1, 1, 193)}},
		{"append_mask/vectors", ops.AppendMask{Count: 3}, []operand{normal(3, 4, 24), normal(1, 1, 24)}},
		{"append_mask.grad", ops.AppendMaskGrad{Count: 4}, []operand{normal(2, 7, 5)}},
		{"append_mask.grad/one", ops.AppendMaskGrad{Count: 1}, []operand{normal(1, 2, 1)}},
		{"append_mask.grad/vectors", ops.AppendMaskGrad{Count: 19}, []operand{normal(3, 23, 40)}},
		{"append_mask.grad/large", ops.AppendMaskGrad{Count: 147}, []operand{normal(3, 196, 193)}},
	}
}

func reconstruction() []Case {
	mae := ops.StandardizePatches{Channels: 1, VarEps: 1e-6}
	videoMAE := ops.StandardizePatches{Channels: 3, StdEps: 1e-6}
	errors := func(shape ...int) []operand {
		return []operand{normal(shape...), normal(shape...), uniform(0, 1, shape[:2]...)}
	}
	errorGrad := func(shape ...int) []operand { return append(errors(shape...), normal(shape[0])) }
	return []Case{
		{"standardize_patches", mae, []operand{normal(2, 3, 12)}},
		{"standardize_patches/two pixels", mae, []operand{normal(1, 1, 2)}},
		{"standardize_patches/offset", mae, []operand{gauss(10, 1, 2, 5, 768)}},
		{"standardize_patches/constant", mae, []operand{gauss(0.4, 0, 2, 5, 768)}},
		{"standardize_patches/channels", videoMAE, []operand{normal(2, 3, 12)}},
		{"standardize_patches/constant channels", videoMAE, []operand{gauss(0.4, 0, 2, 3, 1536)}},
		{"standardize_patches/both constants", ops.StandardizePatches{Channels: 2, VarEps: 0.5, StdEps: 0.25}, []operand{normal(3, 5, 14)}},
		{"standardize_patches/large", videoMAE, []operand{uniform(0, 1, 3, 49, 1536)}},
		{"squared_error", ops.SquaredError{}, errors(2, 3, 5)},
		{"squared_error/one everywhere", ops.SquaredError{}, errors(1, 1, 1)},
		{"squared_error/weightless", ops.SquaredError{}, []operand{normal(2, 3, 7), normal(2, 3, 7), gauss(0, 0, 2, 3)}},
		{"squared_error/large", ops.SquaredError{}, errors(3, 147, 193)},
		{"squared_error/wide", ops.SquaredError{}, errors(2, 3, 10007)},
		{"squared_error.grad", ops.SquaredErrorGrad{}, errorGrad(2, 3, 5)},
		{"squared_error.grad/one everywhere", ops.SquaredErrorGrad{}, errorGrad(1, 1, 1)},
		{"squared_error.grad/large", ops.SquaredErrorGrad{}, errorGrad(3, 147, 193)},
		{"squared_error.grad/near", ops.SquaredErrorGrad{}, []operand{gauss(100, 1e-2, 2, 3, 67), gauss(100, 1e-2, 2, 3, 67), uniform(0, 1, 2, 3), normal(2)}},
	}
}
