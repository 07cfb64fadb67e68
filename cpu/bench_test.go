package cpu

import (
	"fmt"
	"testing"

	"m2pt/engine"
	"m2pt/ops"
)

// BenchmarkStep runs the kinds that a training step of ViT-Ti/16 at 224, batch 8,
// spends its time in. GB/s counts every operand once.
func BenchmarkStep(b *testing.B) {
	const B, N, D, H, hidden, classes = 8, 197, 192, 3, 768, 1000
	f := ops.F32
	x, wide, row, stat := f(B, N, D), f(B, N, hidden), f(D), f(B*N)
	o, lse := f(B, N, D), f(B, H, N)
	param := f(hidden, D)
	bench(b, []timed{
		{"qkv", ops.Linear{Bias: true}, []ops.Spec{x, f(3*D, D), f(3 * D)}},
		{"fc1", ops.Linear{Bias: true}, []ops.Spec{x, param, f(hidden)}},
		{"fc2", ops.Linear{Bias: true}, []ops.Spec{wide, f(D, hidden), f(D)}},
		{"fc1.dx", ops.LinearGradX{}, []ops.Spec{wide, param}},
		{"fc1.dw", ops.LinearGradW{Shape: param.Shape}, []ops.Spec{wide, x}},
		{"fc1.db", ops.SumRows{}, []ops.Spec{wide}},
		{"attention", ops.Attention{Heads: H}, []ops.Spec{f(B, N, 3*D)}},
		{"attention.grad", ops.AttentionGrad{Heads: H}, []ops.Spec{f(B, N, 3*D), o, lse, o}},
		{"layer_norm", ops.LayerNorm{Eps: 1e-6}, []ops.Spec{x, row, row}},
		{"layer_norm.grad", ops.LayerNormGrad{}, []ops.Spec{x, row, stat, stat, x}},
		{"gelu", ops.Activation{Fn: "gelu"}, []ops.Spec{wide}},
		{"gelu.grad", ops.ActivationGrad{Fn: "gelu"}, []ops.Spec{wide, wide}},
		{"relu", ops.Activation{Fn: "relu"}, []ops.Spec{wide}},
		{"add", ops.Add{}, []ops.Spec{x, x}},
		{"drop_path", ops.DropPath{Rate: 0.1}, []ops.Spec{x, x, f(B)}},
		{"prepend", ops.Prepend{}, []ops.Spec{f(B, N-1, D), f(1, 1, D)}},
		{"add_pos", ops.AddPos{}, []ops.Spec{x, f(1, N, D)}},
		{"sum_batch", ops.SumBatch{}, []ops.Spec{x}},
		{"patches", ops.Patches{Kernel: [3]int{1, 16, 16}, Stride: [3]int{1, 16, 16}, To: ops.Float32}, []ops.Spec{{Shape: []int{B, 3, 224, 224}, Dtype: ops.Uint8}}},
		{"mix", ops.Mix{}, []ops.Spec{f(B, 3, 224, 224), f(B), {Shape: []int{B, 4}, Dtype: ops.Int32}}},
		{"batch_norm", ops.BatchNorm{Eps: 1e-5, Momentum: 0.1, Train: true}, []ops.Spec{wide, f(hidden), f(hidden), f(hidden), f(hidden)}},
		{"batch_norm.grad", ops.BatchNormGrad{Train: true}, []ops.Spec{wide, f(hidden), f(hidden), f(hidden), wide}},
		{"cross_entropy", ops.CrossEntropy{}, []ops.Spec{f(B, classes), f(B, classes)}},
		{"pathway", ops.Pathway{Terms: 1}, []ops.Spec{param, f(1), param}},
		{"dot", ops.Dot{}, []ops.Spec{param, param}},
		{"grad_norm", ops.GradNorm{}, []ops.Spec{param, param, param, param, row, row}},
		{"adamw", ops.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, LRScale: 1}, []ops.Spec{param, param, param, param, f(3), f(1)}},
		{"ema", ops.EMA{Decay: 0.9999}, []ops.Spec{param, param, f(1)}},
	})
}

// BenchmarkPoints runs the kinds of one layer of a mini-PointNet: 32 clouds of 64
// groups of 32 points, 128 wide.
func BenchmarkPoints(b *testing.B) {
	const B, G, M, D = 32, 64, 32, 128
	f := ops.F32
	x, row, top := f(B, G, M, D), f(D), f(B, G, D)
	index := ops.Spec{Shape: top.Shape, Dtype: ops.Int32}
	bench(b, []timed{
		{"linear", ops.Linear{Bias: true}, []ops.Spec{x, f(D, D, 1), row}},
		{"linear.dx", ops.LinearGradX{}, []ops.Spec{x, f(D, D, 1)}},
		{"linear.dw", ops.LinearGradW{Shape: []int{D, D, 1}}, []ops.Spec{x, x}},
		{"linear.db", ops.SumRows{}, []ops.Spec{x}},
		{"batch_norm", ops.BatchNorm{Eps: 1e-5, Momentum: 0.1, Train: true}, []ops.Spec{x, row, row, row, row}},
		{"batch_norm.grad", ops.BatchNormGrad{Train: true}, []ops.Spec{x, row, row, row, x}},
		{"relu", ops.Activation{Fn: "relu"}, []ops.Spec{x}},
		{"relu.grad", ops.ActivationGrad{Fn: "relu"}, []ops.Spec{x, x}},
		{"max_pool", ops.MaxPool{Count: M}, []ops.Spec{x}},
		{"max_pool.grad", ops.MaxPoolGrad{N: M}, []ops.Spec{top, index}},
		{"add_each", ops.AddEach{}, []ops.Spec{x, top}},
		{"sum_each", ops.SumEach{}, []ops.Spec{x}},
		{"add", ops.Add{}, []ops.Spec{x, x}},
	})
}

// BenchmarkReconstruction runs what masked pretraining adds: Point-MAE's loss of a
// batch of 128 and MAE's targets and loss of one of 64.
func BenchmarkReconstruction(b *testing.B) {
	const B, M, S, P = 128, 38, 32, 768
	f := ops.F32
	clouds, patch := f(B, M, S, 3), f(64, 147, P)
	index := ops.Spec{Shape: []int{B, M, S}, Dtype: ops.Int32}
	bench(b, []timed{
		{"chamfer", ops.Chamfer{}, []ops.Spec{clouds, clouds}},
		{"chamfer.grad", ops.ChamferGrad{}, []ops.Spec{clouds, clouds, f(B), index, index}},
		{"targets", ops.Patches{Kernel: [3]int{1, 16, 16}, Stride: [3]int{1, 16, 16}, ChannelsLast: true, To: ops.Float32}, []ops.Spec{{Shape: []int{64, 3, 224, 224}, Dtype: ops.Uint8}}},
		{"standardize_patches", ops.StandardizePatches{Channels: 3, StdEps: 1e-6}, []ops.Spec{patch}},
		{"squared_error", ops.SquaredError{}, []ops.Spec{patch, patch, f(64, 147)}},
		{"squared_error.grad", ops.SquaredErrorGrad{}, []ops.Spec{patch, patch, f(64, 147), f(64)}},
		{"append_mask", ops.AppendMask{Count: 147}, []ops.Spec{f(64, 50, 512), f(1, 1, 512)}},
	})
}

// BenchmarkWindows runs what a block of AudioMAE's decoder does between its linear
// layers, for a batch of 8.
func BenchmarkWindows(b *testing.B) {
	const B, N, D, H = 8, 512, 512, 16
	f := ops.F32
	k := ops.WindowAttention{Heads: H, Windows: ops.Windows{Grid: [2]int{64, 8}, Size: [2]int{4, 4}, Shift: 2}}
	qkv, table := f(B, N, 3*D), f(B, 256, H)
	bench(b, []timed{
		{"cosine_qk", ops.CosineQK{Heads: H, Tau: true}, []ops.Spec{qkv, f(H)}},
		{"cosine_qk.grad", ops.CosineQKGrad{Heads: H, Tau: true}, []ops.Spec{qkv, f(H), qkv}},
		{"window_attention", k, []ops.Spec{qkv, table}},
		{"window_attention.grad", ops.WindowAttentionGrad(k), []ops.Spec{qkv, table, f(B, N, D)}},
	})
}

// timed is a kind with its operands.
type timed struct {
	name string
	kind ops.Kind
	in   []ops.Spec
}

// bench times every kind on one and two threads.
func bench(b *testing.B, list []timed) {
	for _, c := range list {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/threads=%d", c.name, threads), func(b *testing.B) {
				run(b, open(b, Options{Threads: threads}), c.kind, c.in)
			})
		}
	}
}

// run times a kind on operands full of halves (zeros where they are integers);
// outputs lie in place as in a plan.
func run(b *testing.B, d *Device, k ops.Kind, in []ops.Spec) {
	outs, err := k.Infer(in)
	if err != nil {
		b.Fatal(err)
	}
	var xs, ys []engine.Tensor
	bytes := 0
	for _, s := range in {
		x := place(b, d, s)
		if s.Dtype == ops.Float32 {
			for i := range s.Len() {
				ops.Of[float32](engine.HostBuf(x))[i] = 0.5 - float32(i%7)/16
			}
		}
		xs, bytes = append(xs, x), bytes+s.Bytes()
	}
	for i, s := range outs {
		if p, ok := k.(ops.InPlace); ok {
			ys = append(ys, xs[p.InPlace(i)[0]])
		} else {
			ys = append(ys, place(b, d, s))
		}
		bytes += s.Bytes()
	}
	kernel, err := d.Kernel(k, xs, ys)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := kernel(); err != nil {
			b.Fatal(err)
		}
	}
	ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	if c, ok := k.(ops.Costed); ok {
		b.ReportMetric(float64(c.FLOPs(in, outs))/ns, "GFLOP/s")
	}
	b.ReportMetric(float64(bytes)/ns, "GB/s")
}
