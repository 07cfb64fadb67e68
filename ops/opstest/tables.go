package opstest

import (
	"fmt"
	"math"

	"m2pt/ops"
)

func elementwise() []Case {
	return []Case{
		{"add/one", ops.Add{}, []operand{normal(1), normal(1)}},
		{"add/prime", ops.Add{}, []operand{normal(3, 7, 13), normal(3, 7, 13)}},
		{"add/large", ops.Add{}, []operand{normal(4, 197, 193), normal(4, 197, 193)}},
		{"accumulate", ops.Accumulate{}, []operand{normal(5, 17)}},
		{"scale", ops.Scale{}, []operand{normal(7, 11), values(-1.75)}},
		{"scale/zero", ops.Scale{}, []operand{normal(33), values(0)}},
		{"dot", ops.Dot{}, []operand{normal(7, 11), normal(7, 11)}},
		{"dot/large", ops.Dot{}, []operand{gauss(1, 1, 64, 1031), gauss(1, 1, 64, 1031)}},
		{"drop_path", ops.DropPath{Rate: 0.4}, []operand{normal(7, 3, 5), normal(7, 3, 5), uniform(0, 1, 7)}},
		{"drop_path/rare", ops.DropPath{Rate: 0.1}, []operand{normal(64, 1, 17), normal(64, 1, 17), uniform(0, 1, 64)}},
		{"drop_path/one sample", ops.DropPath{Rate: 0.9}, []operand{normal(1, 19), normal(1, 19), values(0.95)}},
		{"drop_path/vectors", ops.DropPath{Rate: 0.3}, []operand{normal(5, 9, 320), normal(5, 9, 320), uniform(0, 1, 5)}},
		{"drop_path/at the rate", ops.DropPath{Rate: 0.1}, []operand{normal(4, 8), normal(4, 8), values(0.1, 0.1-0x1p-28, 0.1+0x1p-28, 0)}},
		{"drop_path.grad", ops.DropPathGrad{Rate: 0.4}, []operand{normal(7, 3, 5), uniform(0, 1, 7)}},
		{"drop_path.grad/wide", ops.DropPathGrad{Rate: 0.25}, []operand{normal(33, 131), uniform(0, 1, 33)}},
		{"gelu", ops.Activation{Fn: "gelu"}, []operand{normal(3, 5, 7)}},
		{"gelu/tails", ops.Activation{Fn: "gelu"}, []operand{uniform(-12, 12, 1009)}},
		{"gelu/one", ops.Activation{Fn: "gelu"}, []operand{normal(1, 1, 1)}},
		{"relu", ops.Activation{Fn: "relu"}, []operand{normal(3, 5, 7)}},
		{"leaky_relu", ops.Activation{Fn: "leaky_relu", Slope: 0.2}, []operand{normal(3, 5, 7)}},
		{"gelu.grad", ops.ActivationGrad{Fn: "gelu"}, []operand{normal(3, 5, 7), normal(3, 5, 7)}},
		{"gelu.grad/tails", ops.ActivationGrad{Fn: "gelu"}, []operand{uniform(-12, 12, 1009), normal(1009)}},
		{"relu.grad", ops.ActivationGrad{Fn: "relu"}, []operand{normal(37), normal(37)}},
		{"relu/NaN", ops.Activation{Fn: "relu"}, []operand{spoiled(normal(997), 31, math.NaN())}},
		{"relu/large", ops.Activation{Fn: "relu"}, []operand{normal(3, 131, 67)}},
		{"relu.grad/large", ops.ActivationGrad{Fn: "relu"}, []operand{normal(131, 67), normal(131, 67)}},
		{"layer_scale", ops.LayerScale{}, []operand{normal(2, 5, 7), normal(7)}},
		{"layer_scale/one", ops.LayerScale{}, []operand{normal(1, 1), normal(1)}},
		{"layer_scale/vectors", ops.LayerScale{}, []operand{normal(71, 96), normal(96)}},
		{"layer_scale/large", ops.LayerScale{}, []operand{normal(3, 197, 193), normal(193)}},
		{"layer_scale.grad", ops.LayerScaleGrad{}, []operand{normal(2, 5, 7), normal(7), normal(2, 5, 7)}},
		{"layer_scale.grad/one row", ops.LayerScaleGrad{}, []operand{normal(1, 67), normal(67), normal(1, 67)}},
		{"layer_scale.grad/vectors", ops.LayerScaleGrad{}, []operand{normal(71, 96), normal(96), normal(71, 96)}},
		{"layer_scale.grad/one feature", ops.LayerScaleGrad{}, []operand{normal(131, 1), normal(1), normal(131, 1)}},
		{"layer_scale.grad/large", ops.LayerScaleGrad{}, []operand{normal(3, 197, 193), normal(193), normal(3, 197, 193)}},
		{"leaky_relu.grad", ops.ActivationGrad{Fn: "leaky_relu", Slope: 0.2}, []operand{normal(37), normal(37)}},
	}
}

func linear() []Case {
	return []Case{
		{"linear", ops.Linear{}, []operand{normal(2, 5, 7), normal(3, 7)}},
		{"linear/bias", ops.Linear{Bias: true}, []operand{normal(2, 5, 7), normal(3, 7), normal(3)}},
		{"linear/one row", ops.Linear{Bias: true}, []operand{normal(1, 13), normal(17, 13), normal(17)}},
		{"linear/one everywhere", ops.Linear{Bias: true}, []operand{normal(1, 1, 1), normal(1, 1), normal(1)}},
		{"linear/one output", ops.Linear{Bias: true}, []operand{normal(31, 29), normal(1, 29), normal(1)}},
		{"linear/kernel weight", ops.Linear{Bias: true}, []operand{normal(2, 3, 12), normal(5, 3, 2, 2), normal(5)}},
		{"linear/point weight", ops.Linear{Bias: true}, []operand{normal(2, 3, 2, 5), normal(7, 5, 1), normal(7)}},
		{"linear/primes", ops.Linear{Bias: true}, []operand{normal(3, 41, 127), normal(131, 127), normal(131)}},
		{"linear/square", ops.Linear{}, []operand{normal(7, 7), normal(7, 7)}},
		{"linear/large", ops.Linear{Bias: true}, []operand{normal(1, 197, 192), normal(193, 192), normal(193)}},
		{"linear/long", ops.Linear{}, []operand{normal(9, 3079), normal(11, 3079)}},
		{"linear.dx", ops.LinearGradX{}, []operand{normal(2, 5, 3), normal(3, 7)}},
		{"linear.dx/one row", ops.LinearGradX{}, []operand{normal(1, 17), normal(17, 13)}},
		{"linear.dx/kernel weight", ops.LinearGradX{}, []operand{normal(2, 3, 5), normal(5, 3, 2, 2)}},
		{"linear.dx/primes", ops.LinearGradX{}, []operand{normal(3, 41, 131), normal(131, 127)}},
		{"linear.dx/square", ops.LinearGradX{}, []operand{normal(7, 7), normal(7, 7)}},
		{"linear.dx/large", ops.LinearGradX{}, []operand{normal(1, 197, 193), normal(193, 192)}},
		{"linear.dw", ops.LinearGradW{Shape: []int{3, 7}}, []operand{normal(2, 5, 3), normal(2, 5, 7)}},
		{"linear.dw/one row", ops.LinearGradW{Shape: []int{17, 13}}, []operand{normal(1, 17), normal(1, 13)}},
		{"linear.dw/point weight", ops.LinearGradW{Shape: []int{3, 5, 1}}, []operand{normal(2, 3, 2, 3), normal(2, 3, 2, 5)}},
		{"linear.dw/kernel weight", ops.LinearGradW{Shape: []int{5, 3, 2, 2}}, []operand{normal(2, 3, 5), normal(2, 3, 12)}},
		{"linear.dw/primes", ops.LinearGradW{Shape: []int{131, 127}}, []operand{normal(3, 41, 131), normal(3, 41, 127)}},
		{"linear.dw/square", ops.LinearGradW{Shape: []int{7, 7}}, []operand{normal(7, 7), normal(7, 7)}},
		{"linear.dw/large", ops.LinearGradW{Shape: []int{193, 192}}, []operand{normal(1, 197, 193), normal(1, 197, 192)}},
		{"linear.dw/many rows", ops.LinearGradW{Shape: []int{5, 7}}, []operand{normal(3001, 5), normal(3001, 7)}},
		{"sum_rows", ops.SumRows{}, []operand{normal(2, 5, 7)}},
		{"sum_rows/one row", ops.SumRows{}, []operand{normal(1, 67)}},
		{"sum_rows/vectors", ops.SumRows{}, []operand{normal(71, 320)}},
		{"sum_rows/few columns", ops.SumRows{}, []operand{normal(2051, 8)}},
		{"sum_rows/one column", ops.SumRows{}, []operand{gauss(1, 1, 101, 1)}},
		{"sum_rows/large", ops.SumRows{}, []operand{normal(8, 197, 193)}},
	}
}

func normalisation() []Case {
	train, eval := ops.BatchNorm{Eps: 1e-5, Momentum: 0.1, Train: true}, ops.BatchNorm{Eps: 1e-3, Momentum: 0.1}
	batchNorm := func(x operand, k int) []operand {
		return []operand{x, normal(k), normal(k), normal(k), uniform(0.5, 2, k)}
	}
	plainTrain, plainEval := ops.BatchNorm{Eps: 1e-6, Momentum: 0.1, Train: true, Plain: true}, ops.BatchNorm{Eps: 1e-6, Plain: true}
	plain := func(x operand, k int) []operand { return []operand{x, normal(k), uniform(0.5, 2, k)} }
	plainGrad := func(k ops.BatchNorm, x operand, shape ...int) []operand {
		forward := plain(input(0), shape[len(shape)-1])
		return []operand{x, saved(k, 1, forward...), saved(k, 2, forward...), normal(shape...)}
	}
	batchNormGrad := func(k ops.BatchNorm, shape ...int) []operand {
		forward := batchNorm(input(0), shape[len(shape)-1])
		return []operand{normal(shape...), forward[1], saved(k, 1, forward...), saved(k, 2, forward...), normal(shape...)}
	}
	layerNormGrad := func(mean, eps float64, shape ...int) []operand {
		k, d := ops.LayerNorm{Eps: eps}, shape[len(shape)-1]
		forward := []operand{input(0), normal(d), normal(d)}
		return []operand{gauss(mean, 1, shape...), normal(d), saved(k, 1, forward...), saved(k, 2, forward...), normal(shape...)}
	}
	var cases []Case
	for _, d := range []int{8, 256, 264, 384, 768, 1024, 1032} { // widths of models and beside
		name, in := fmt.Sprintf("width %d", d), []operand{gauss(1, 1, 5, d), normal(d), normal(d)}
		cases = append(cases, Case{"layer_norm/" + name, ops.LayerNorm{Eps: 1e-6}, in},
			Case{"layer_norm.grad/" + name, ops.LayerNormGrad{}, layerNormGrad(1, 1e-6, 5, d)})
	}
	return append(cases, []Case{
		{"layer_norm", ops.LayerNorm{Eps: 1e-6}, []operand{normal(2, 3, 7), normal(7), normal(7)}},
		{"layer_norm/one row", ops.LayerNorm{Eps: 1e-5}, []operand{normal(1, 1, 33), normal(33), normal(33)}},
		{"layer_norm/offset", ops.LayerNorm{Eps: 1e-6}, []operand{gauss(10, 1, 5, 192), normal(192), normal(192)}},
		{"layer_norm/zero rows", ops.LayerNorm{Eps: 1e-6}, []operand{gauss(0, 0, 3, 131), normal(131), normal(131)}},
		{"layer_norm/one feature", ops.LayerNorm{Eps: 1e-2}, []operand{normal(3, 1), normal(1), normal(1)}},
		{"layer_norm/large", ops.LayerNorm{Eps: 1e-6}, []operand{normal(3, 197, 193), normal(193), normal(193)}},
		{"layer_norm.grad", ops.LayerNormGrad{}, layerNormGrad(0, 1e-6, 2, 3, 7)},
		{"layer_norm.grad/one row", ops.LayerNormGrad{}, layerNormGrad(0, 1e-5, 1, 1, 33)},
		{"layer_norm.grad/offset", ops.LayerNormGrad{}, layerNormGrad(3, 1e-6, 5, 192)},
		{"layer_norm.grad/large", ops.LayerNormGrad{}, layerNormGrad(0, 1e-6, 3, 197, 193)},
		{"batch_norm", train, batchNorm(normal(3, 5, 7), 7)},
		{"batch_norm/two rows", train, batchNorm(normal(2, 17), 17)},
		{"batch_norm/offset", train, batchNorm(gauss(10, 1, 31, 9), 9)},
		{"batch_norm/large", train, batchNorm(normal(16, 67, 131), 131)},
		{"batch_norm/eval", eval, batchNorm(normal(3, 5, 7), 7)},
		{"batch_norm/vectors", train, batchNorm(normal(133, 64), 64)},
		{"batch_norm/eval one row", eval, batchNorm(normal(1, 19), 19)},
		{"batch_norm/one feature", train, batchNorm(normal(11, 13, 1), 1)},
		{"batch_norm/narrow", train, batchNorm(gauss(1, 1, 64, 1031, 3), 3)},
		{"batch_norm/groups", train, batchNorm(normal(3, 5, 7, 11), 11)},
		{"batch_norm/constant", train, batchNorm(gauss(2, 0, 67, 11), 11)},
		{"batch_norm/NaN", train, batchNorm(spoiled(normal(67, 11), 303, math.NaN()), 11)},
		{"batch_norm/infinite", train, batchNorm(spoiled(normal(131, 7), 600, math.Inf(1)), 7)},
		{"batch_norm/plain", plainTrain, plain(normal(3, 5, 7), 7)},
		{"batch_norm/plain large", plainTrain, plain(normal(16, 67, 131), 131)},
		{"batch_norm/plain NaN", plainTrain, plain(spoiled(normal(67, 11), 303, math.NaN()), 11)},
		{"batch_norm/plain eval", plainEval, plain(normal(3, 5, 7), 7)},
		{"batch_norm.grad/plain", ops.BatchNormGrad{Train: true, Plain: true}, plainGrad(plainTrain, normal(3, 5, 7), 3, 5, 7)},
		{"batch_norm.grad/plain offset", ops.BatchNormGrad{Train: true, Plain: true}, plainGrad(plainTrain, gauss(3, 1, 31, 9), 31, 9)},
		{"batch_norm.grad/plain eval", ops.BatchNormGrad{Plain: true}, plainGrad(plainEval, normal(3, 5, 7), 3, 5, 7)},
		{"batch_norm.grad/one feature", ops.BatchNormGrad{Train: true}, batchNormGrad(train, 143, 1)},
		{"batch_norm.grad/narrow", ops.BatchNormGrad{Train: true}, batchNormGrad(train, 64, 1031, 3)},
		{"batch_norm.grad", ops.BatchNormGrad{Train: true}, batchNormGrad(train, 3, 5, 7)},
		{"batch_norm.grad/large", ops.BatchNormGrad{Train: true}, batchNormGrad(train, 16, 67, 131)},
		{"batch_norm.grad/eval", ops.BatchNormGrad{}, batchNormGrad(eval, 3, 5, 7)},
		{"batch_norm.grad/vectors", ops.BatchNormGrad{Train: true}, batchNormGrad(train, 133, 64)},
		{"batch_norm.grad/eval one row", ops.BatchNormGrad{}, batchNormGrad(eval, 1, 19)},
	}...)
}

func attention() []Case {
	forward := func(name string, b, n, heads, width int) Case {
		return Case{"attention/" + name, ops.Attention{Heads: heads}, []operand{normal(b, n, 3*heads*width)}}
	}
	backward := func(name string, b, n, heads, width int) Case {
		k := ops.Attention{Heads: heads}
		return Case{"attention.grad/" + name, ops.AttentionGrad{Heads: heads}, []operand{
			normal(b, n, 3*heads*width), saved(k, 0, input(0)), saved(k, 1, input(0)), normal(b, n, heads*width)}}
	}
	return []Case{
		forward("small", 2, 3, 2, 3),
		forward("one token", 2, 1, 3, 5),
		forward("one everywhere", 1, 1, 1, 1),
		forward("one sample", 1, 17, 1, 8),
		forward("primes", 3, 37, 5, 13),
		forward("tiny", 2, 197, 3, 64),
		{"attention/sharp", ops.Attention{Heads: 2}, []operand{gauss(0, 5, 2, 11, 3*2*16)}},
		backward("small", 2, 3, 2, 3),
		backward("one token", 2, 1, 3, 5),
		backward("one everywhere", 1, 1, 1, 1),
		backward("one sample", 1, 17, 1, 8),
		backward("primes", 3, 37, 5, 13),
		backward("tiny", 1, 197, 3, 64),
		{"split_bias", ops.SplitBias{}, []operand{normal(7), normal(7)}},
		{"split_bias/wide", ops.SplitBias{}, []operand{normal(193), normal(193)}},
		{"split_bias.grad", ops.SplitBiasGrad{}, []operand{normal(21)}},
		{"split_bias.grad/wide", ops.SplitBiasGrad{}, []operand{normal(579)}},
	}
}

func softmax() []Case {
	var cases []Case
	for _, log := range []bool{false, true} {
		k, name := ops.Softmax{Log: log}, "softmax"
		if log {
			name = "log_softmax"
		}
		add := func(what string, shape []int, std float64) {
			cases = append(cases,
				Case{name + what, k, []operand{gauss(0, std, shape...)}},
				Case{name + ".grad" + what, ops.SoftmaxGrad(k), []operand{saved(k, 0, gauss(0, std, shape...)), normal(shape...)}})
		}
		add("", []int{2, 3, 7}, 1)
		add("/one class", []int{3, 1}, 1)
		add("/sharp", []int{5, 33}, 30)
		add("/large", []int{67, 1009}, 1)
	}
	return cases
}

func losses() []Case {
	grad := ops.CrossEntropyGrad{}
	return []Case{
		{"cross_entropy", ops.CrossEntropy{}, []operand{normal(3, 7), distribution(3, 7)}},
		{"cross_entropy/one sample", ops.CrossEntropy{}, []operand{normal(1, 10), distribution(1, 10)}},
		{"cross_entropy/sharp", ops.CrossEntropy{}, []operand{gauss(0, 40, 5, 13), distribution(5, 13)}},
		{"cross_entropy/large", ops.CrossEntropy{}, []operand{normal(67, 1009), distribution(67, 1009)}},
		{"cross_entropy/unnormalised", ops.CrossEntropy{}, []operand{normal(5, 7), uniform(0, 1, 5, 7)}},
		{"cross_entropy/points", ops.CrossEntropy{}, []operand{normal(2, 3, 5), distribution(2, 3, 5)}},
		{"cross_entropy.grad/points", grad, []operand{distribution(2, 3, 5), distribution(2, 3, 5), normal(2, 3)}},
		{"cross_entropy.grad", grad, []operand{distribution(3, 7), distribution(3, 7), normal(3)}},
		{"cross_entropy.grad/unnormalised", grad, []operand{distribution(5, 7), uniform(0, 1, 5, 7), normal(5)}},
		{"cross_entropy.grad/large", grad, []operand{distribution(67, 1009), distribution(67, 1009), normal(67)}},
		{"bce", ops.BCE{}, []operand{normal(3, 7), uniform(0, 1, 3, 7)}},
		{"bce/sharp", ops.BCE{}, []operand{gauss(0, 40, 5, 13), uniform(0, 1, 5, 13)}},
		{"bce/points", ops.BCE{}, []operand{normal(2, 3, 5), uniform(0, 1, 2, 3, 5)}},
		{"bce/large", ops.BCE{}, []operand{normal(67, 1009), uniform(0, 1, 67, 1009)}},
		{"bce.grad", ops.BCEGrad{}, []operand{normal(3, 7), uniform(0, 1, 3, 7), normal(3)}},
		{"bce.grad/sharp", ops.BCEGrad{}, []operand{gauss(0, 40, 1, 131), uniform(0, 1, 1, 131), normal(1)}},
		{"sample_mean", ops.SampleMean{}, []operand{normal(3, 5, 7)}},
		{"sample_mean/one number", ops.SampleMean{}, []operand{normal(5)}},
		{"sample_mean/offset", ops.SampleMean{}, []operand{gauss(10, 1, 2, 2048)}},
		{"sample_mean.grad", ops.SampleMeanGrad{Shape: []int{3, 5, 7}}, []operand{normal(3)}},
		{"sample_mean.grad/large", ops.SampleMeanGrad{Shape: []int{5, 10007}}, []operand{normal(5)}},
	}
}

func tokens() []Case {
	return []Case{
		{"prepend", ops.Prepend{}, []operand{normal(2, 3, 5), normal(1, 1, 5)}},
		{"prepend/one token", ops.Prepend{}, []operand{normal(3, 1, 1), normal(1, 1, 1)}},
		{"prepend/large", ops.Prepend{}, []operand{normal(3, 196, 193), normal(1, 1, 193)}},
		{"prepend.grad", ops.PrependGrad{}, []operand{normal(2, 4, 5)}},
		{"prepend.grad/large", ops.PrependGrad{}, []operand{normal(3, 197, 193)}},
		{"prepend/vectors", ops.Prepend{}, []operand{normal(3, 5, 24), normal(1, 1, 24)}},
		{"prepend.grad/vectors", ops.PrependGrad{}, []operand{normal(3, 6, 24)}},
		{"sum_batch", ops.SumBatch{}, []operand{normal(3, 5, 7)}},
		{"sum_batch/one sample", ops.SumBatch{}, []operand{normal(1, 5, 7)}},
		{"sum_batch/large", ops.SumBatch{}, []operand{normal(67, 11, 13)}},
		{"sum_batch/vectors", ops.SumBatch{}, []operand{normal(67, 3, 104)}},
		{"sum_batch/many samples", ops.SumBatch{}, []operand{normal(259, 1, 40)}},
		{"add_pos/vectors", ops.AddPos{}, []operand{normal(5, 3, 24), normal(1, 3, 24)}},
		{"add_pos", ops.AddPos{}, []operand{normal(3, 5, 7), normal(1, 5, 7)}},
		{"add_pos/one sample", ops.AddPos{}, []operand{normal(1, 1, 17), normal(1, 1, 17)}},
		{"gather", ops.Gather{}, []operand{normal(3, 7, 5), ints(0, 7, 3, 4)}},
		{"gather/as many as there are", ops.Gather{}, []operand{normal(3, 5, 7), ints(0, 5, 3, 5)}},
		{"gather/more than there are", ops.Gather{}, []operand{normal(2, 3, 17), ints(0, 3, 2, 11)}},
		{"gather/large", ops.Gather{}, []operand{normal(3, 196, 193), ints(0, 196, 3, 49)}},
		{"gather/shared", ops.Gather{}, []operand{normal(1, 7, 5), ints(0, 7, 3, 4)}},
		{"gather/shared large", ops.Gather{}, []operand{normal(1, 196, 193), ints(0, 196, 3, 49)}},
		{"gather/vectors", ops.Gather{}, []operand{normal(3, 7, 24), ints(0, 7, 3, 5)}},
		{"gather/shared vectors", ops.Gather{}, []operand{normal(1, 7, 24), ints(0, 7, 3, 5)}},
		{"gather/groups", ops.Gather{}, []operand{normal(2, 5, 3, 2), ints(0, 5, 2, 3)}},
		{"gather/large groups", ops.Gather{}, []operand{normal(3, 64, 32, 3), ints(0, 64, 3, 38)}},
		{"scatter", ops.Scatter{N: 7}, []operand{normal(3, 4, 5), ints(0, 7, 3, 4)}},
		{"scatter/as many as there are", ops.Scatter{N: 5}, []operand{normal(3, 5, 7), ints(0, 5, 3, 5)}},
		{"scatter/repeated", ops.Scatter{N: 3}, []operand{normal(2, 11, 17), ints(0, 3, 2, 11)}},
		{"scatter/shared", ops.Scatter{N: 5, Shared: true}, []operand{normal(3, 4, 7), ints(0, 5, 3, 4)}},
		{"scatter/shared large", ops.Scatter{N: 196, Shared: true}, []operand{normal(3, 49, 193), ints(0, 196, 3, 49)}},
		{"scatter/vectors", ops.Scatter{N: 7}, []operand{normal(2, 67, 264), ints(0, 7, 2, 67)}},
		{"scatter/shared vectors", ops.Scatter{N: 7, Shared: true}, []operand{normal(3, 49, 264), ints(0, 7, 3, 49)}},
		{"scatter/groups", ops.Scatter{N: 5}, []operand{normal(2, 3, 3, 2), ints(0, 5, 2, 3)}},
		{"scatter/shared groups", ops.Scatter{N: 5, Shared: true}, []operand{normal(2, 3, 3, 2), ints(0, 5, 2, 3)}},
		{"scatter/large", ops.Scatter{N: 196}, []operand{normal(3, 49, 193), ints(0, 196, 3, 49)}},
	}
}

func patches() []Case {
	rgb := ops.Pixels{Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
	ten := ops.Pixels{Mean: []float64{0, .1, .2, .3, .4, .5, .6, .7, .8, .9}, Std: []float64{.2, .3, .4, .5, .6, .7, .8, .9, 1, 2}}
	picture := func(norm ops.Pixels, kernel, stride int) ops.Patches {
		return ops.Patches{Pixels: norm, Kernel: [3]int{1, kernel, kernel}, Stride: [3]int{1, stride, stride}, To: ops.Float32}
	}
	last := func(k ops.Patches) ops.Patches { k.ChannelsLast = true; return k }
	clip := ops.Patches{Kernel: [3]int{2, 3, 2}, Stride: [3]int{2, 1, 2}, To: ops.Float32}
	of := func(shape ...int) ops.Spec { return ops.Spec{Shape: shape, Dtype: ops.Float32} }
	return []Case{
		{"normalize", ops.Normalize{Pixels: rgb, To: ops.Float32}, []operand{pixels(2, 3, 5, 7)}},
		{"normalize/floats", ops.Normalize{Pixels: rgb, To: ops.Float32}, []operand{normal(2, 3, 5, 7)}},
		{"normalize/scale only", ops.Normalize{To: ops.Float32}, []operand{pixels(1, 1, 3, 11)}},
		{"normalize/clip", ops.Normalize{Pixels: rgb, To: ops.Float32}, []operand{pixels(2, 3, 2, 5, 7)}},
		{"normalize/vectors", ops.Normalize{Pixels: rgb, To: ops.Float32}, []operand{pixels(2, 3, 8, 24)}},
		{"normalize/many channels", ops.Normalize{Pixels: ten, To: ops.Float32}, []operand{normal(2, 10, 4, 8)}},
		{"normalize/large", ops.Normalize{Pixels: rgb, To: ops.Float32}, []operand{pixels(2, 3, 101, 103)}},
		{"patches/floats", picture(rgb, 2, 2), []operand{normal(2, 3, 4, 6)}},
		{"patches/pixels", picture(rgb, 4, 4), []operand{pixels(2, 3, 8, 12)}},
		{"patches/rest at the edges", picture(ops.Pixels{}, 3, 3), []operand{normal(1, 1, 7, 11)}},
		{"patches/overlap", picture(ops.Pixels{}, 3, 2), []operand{normal(1, 2, 7, 5)}},
		{"patches/gaps", picture(ops.Pixels{}, 2, 3), []operand{normal(1, 2, 7, 8)}},
		{"patches/vectors", picture(rgb, 8, 8), []operand{pixels(2, 3, 16, 56)}},
		{"patches/vectors of floats", picture(rgb, 16, 8), []operand{normal(1, 3, 24, 48)}},
		{"patches/many channels", picture(ten, 4, 4), []operand{normal(1, 10, 8, 12)}},
		{"patches/targets of many channels", last(picture(ten, 2, 2)), []operand{pixels(2, 10, 4, 6)}},
		{"patches/one patch", picture(rgb, 5, 5), []operand{pixels(1, 3, 5, 5)}},
		{"patches/one pixel", picture(ops.Pixels{}, 1, 1), []operand{normal(1, 3, 5, 7)}},
		{"patches/clip", clip, []operand{normal(2, 2, 4, 5, 6)}},
		{"patches/large", picture(rgb, 16, 16), []operand{pixels(2, 3, 96, 112)}},
		{"patches/targets", last(picture(rgb, 4, 4)), []operand{pixels(2, 3, 8, 12)}},
		{"patches/targets of floats", last(picture(rgb, 2, 2)), []operand{normal(2, 3, 4, 6)}},
		{"patches/targets of one channel", last(picture(ops.Pixels{}, 3, 3)), []operand{normal(1, 1, 7, 11)}},
		{"patches/targets of a clip", last(clip), []operand{normal(2, 2, 4, 5, 6)}},
		{"patches/overlapping targets", last(picture(rgb, 4, 3)), []operand{pixels(2, 3, 10, 13)}},
		{"patches/overlapping targets of one channel", last(picture(ops.Pixels{}, 16, 10)), []operand{normal(2, 1, 57, 38)}},
		{"patches/large targets", last(picture(rgb, 16, 16)), []operand{pixels(2, 3, 96, 112)}},
		{"patches.grad/targets", ops.PatchesGrad{Patches: last(picture(rgb, 2, 2)), Of: of(2, 3, 4, 6)}, []operand{normal(2, 6, 12)}},
		{"patches.grad/overlapping targets", ops.PatchesGrad{Patches: last(picture(rgb, 3, 2)), Of: of(1, 3, 7, 5)}, []operand{normal(1, 6, 27)}},
		{"patches.grad", ops.PatchesGrad{Patches: picture(rgb, 2, 2), Of: of(2, 3, 4, 6)}, []operand{normal(2, 6, 12)}},
		{"patches.grad/overlap", ops.PatchesGrad{Patches: picture(rgb, 3, 2), Of: of(1, 3, 7, 5)}, []operand{normal(1, 6, 27)}},
		{"patches.grad/many channels", ops.PatchesGrad{Patches: picture(ten, 3, 2), Of: of(1, 10, 7, 5)}, []operand{normal(1, 6, 90)}},
		{"patches.grad/gaps", ops.PatchesGrad{Patches: picture(ops.Pixels{}, 2, 3), Of: of(1, 2, 7, 8)}, []operand{normal(1, 6, 8)}},
		{"patches.grad/clip", ops.PatchesGrad{Patches: clip, Of: of(2, 2, 4, 5, 6)}, []operand{normal(2, 18, 24)}},
	}
}

func augmentation() []Case {
	erase := func(mode string, b, c, h, w int) Case {
		return Case{"erase/" + mode, ops.Erase{Mode: mode, Seed: 7}, []operand{normal(b, c, h, w), boxes(b, h, w), sampleKeys(b)}}
	}
	return []Case{
		{"mix", ops.Mix{}, []operand{normal(5, 3, 7, 11), uniform(0, 1, 5), boxes(5, 7, 11)}},
		{"mix/one sample", ops.Mix{}, []operand{normal(1, 1, 3, 5), uniform(0, 1, 1), boxes(1, 3, 5)}},
		{"mix/even", ops.Mix{}, []operand{normal(8, 3, 17, 13), uniform(0, 1, 8), boxes(8, 17, 13)}},
		{"mix/clip", ops.Mix{}, []operand{normal(4, 2, 3, 5, 7), uniform(0, 1, 4), boxes(4, 5, 7)}},
		{"mix/vectors", ops.Mix{}, []operand{normal(5, 3, 7, 24), uniform(0, 1, 5), boxes(5, 7, 24)}},
		{"mix_targets", ops.MixTargets{}, []operand{distribution(5, 7), uniform(0, 1, 5)}},
		{"mix_targets/one sample", ops.MixTargets{}, []operand{distribution(1, 13), uniform(0, 1, 1)}},
		{"mix_targets/large", ops.MixTargets{}, []operand{distribution(66, 1009), uniform(0, 1, 66)}},
		{"one_hot", ops.OneHot{Classes: 7, To: ops.Float32}, []operand{ints(0, 7, 5)}},
		{"one_hot/smoothed", ops.OneHot{Classes: 10, Smoothing: 0.1, To: ops.Float32}, []operand{ints(0, 10, 33)}},
		{"one_hot/points", ops.OneHot{Classes: 5, Smoothing: 0.2, To: ops.Float32}, []operand{ints(0, 5, 2, 3, 7)}},
		{"one_hot/one class", ops.OneHot{Classes: 1, To: ops.Float32}, []operand{ints(0, 1, 3)}},
		erase("pixel", 5, 3, 7, 11),
		erase("rand", 5, 3, 7, 11),
		erase("const", 5, 3, 7, 11),
		{"erase/one sample", ops.Erase{Mode: "pixel", Seed: 5}, []operand{normal(1, 3, 5, 7), boxes(1, 5, 7), sampleKeys(1)}},
		{"erase/vectors", ops.Erase{Mode: "pixel", Seed: 9}, []operand{normal(5, 3, 7, 24), boxes(5, 7, 24), sampleKeys(5)}},
		{"erase/clip", ops.Erase{Mode: "rand", Seed: 3}, []operand{normal(4, 2, 3, 5, 7), boxes(4, 5, 7), sampleKeys(4)}},
		{"uniform", ops.Uniform{Seed: 3, Purpose: "blocks.0", To: ops.Float32}, []operand{sampleKeys(67)}},
		{"uniform/one sample", ops.Uniform{Seed: 1 << 40, Purpose: "blocks.11", To: ops.Float32}, []operand{sampleKeys(1)}},
	}
}

func pathway() []Case {
	terms := func(n int, trainable bool, shape ...int) (ops.Pathway, []operand) {
		in := []operand{normal(shape...)}
		for range n {
			in = append(in, normal(1), normal(shape...))
		}
		return ops.Pathway{Terms: n, AuxTrainable: trainable}, in
	}
	var cases []Case
	add := func(name string, k ops.Pathway, in []operand) { cases = append(cases, Case{"pathway/" + name, k, in}) }
	k, in := terms(1, false, 5, 7)
	add("frozen", k, in)
	k, in = terms(1, true, 5, 7)
	add("trainable", k, in)
	k, in = terms(3, false, 3, 11)
	add("three auxiliaries", k, in)
	k, in = terms(1, false, 193, 192)
	add("large", k, in)
	k, in = terms(1, false, 1)
	add("one", k, in)
	return append(cases, Case{"pathway/lambda zero", ops.Pathway{Terms: 1}, []operand{normal(5, 7), values(0), normal(5, 7)}})
}

func optimizer() []Case {
	adamW := ops.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.05, LRScale: 0.75}
	step := func(name string, k ops.AdamW, clip float64, shape ...int) Case {
		return Case{"adamw/" + name, k, []operand{normal(shape...), normal(shape...), gauss(0, 0.1, shape...),
			uniform(0, 0.1, shape...), values(1e-2, 1-math.Pow(0.9, 3), 1-math.Pow(0.999, 3)), values(clip)}}
	}
	ema := func(name string, clip float64, shape ...int) Case {
		return Case{"ema/" + name, ops.EMA{Decay: 0.99}, []operand{normal(shape...), normal(shape...), values(clip)}}
	}
	return []Case{
		{"grad_norm", ops.GradNorm{}, []operand{normal(7, 11), normal(1), normal(3, 5, 7)}},
		{"grad_norm/one", ops.GradNorm{}, []operand{normal(1)}},
		{"grad_norm/zero", ops.GradNorm{}, []operand{gauss(0, 0, 17)}},
		{"grad_norm/long", ops.GradNorm{}, []operand{normal(3), normal(32771)}},
		{"grad_norm/large", ops.GradNorm{}, []operand{normal(193, 192), normal(193), normal(576, 67)}},
		{"grad_norm/wide range", ops.GradNorm{}, []operand{gauss(0, 1e-12, 33), gauss(0, 1e12, 33)}},
		{"grad_norm/NaN", ops.GradNorm{}, []operand{normal(7), values(1, math.NaN(), 2), normal(9)}},
		{"clip_factor", ops.ClipFactor{Max: 1}, []operand{values(2.5)}},
		{"clip_factor/below", ops.ClipFactor{Max: 1}, []operand{values(0.25)}},
		{"clip_factor/off", ops.ClipFactor{}, []operand{values(2.5)}},
		{"clip_factor/zero", ops.ClipFactor{Max: 1}, []operand{values(0)}},
		{"clip_factor/NaN", ops.ClipFactor{Max: 1}, []operand{values(math.NaN())}},
		{"clip_factor/guards", ops.ClipFactor{Max: 1}, []operand{values(2.5), values(7), values(-3)}},
		{"clip_factor/bad guard", ops.ClipFactor{Max: 1}, []operand{values(2.5), values(7), values(math.Inf(-1))}},
		{"clip_factor/infinite", ops.ClipFactor{}, []operand{values(math.Inf(1))}},
		step("plain", adamW, 1, 7, 11),
		step("clipped", adamW, 0.125, 37),
		step("no decay", ops.AdamW{Beta1: 0.9, Beta2: 0.95, Eps: 1e-6, LRScale: 1}, 1, 5),
		step("one", adamW, 1, 1),
		step("large", adamW, 1, 193, 192),
		step("skipped", adamW, math.NaN(), 37),
		ema("plain", 1, 7, 11),
		ema("large", 0.5, 193, 67),
		ema("skipped", math.NaN(), 37),
	}
}
