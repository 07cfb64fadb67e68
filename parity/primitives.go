package parity

import (
	"fmt"
	"strings"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/ops"
)

// conv is a recorded convolution: a kernel and a stride, one number or one per
// dimension.
type conv struct{ K, S sizes }

// leakySlope is the negative slope of every leaky ReLU of the reference.
const leakySlope = 0.2

// primitives: single operations, and the gradients of half the sum of squares
// of their outputs. Outputs named large test overflow and have no part in it.
func primitives(r *replay) {
	var m struct{ Conv2, Conv2o, Conv3 conv }
	r.meta(&m)
	g := ops.NewGraph(ops.Float32)
	in := func(name string) *ops.Node { return r.feed(g, name) }
	param := func(name string) *ops.Node { return r.param(g, name) }
	layerNorm := func(name string, eps float64) *ops.Node {
		return g.LayerNorm(in("x"), param(name+".weight"), param(name+".bias"), eps)
	}
	convolve := func(x, name string, c conv) *ops.Node {
		p := g.Patches(in(x), c.K.volume(), c.S.volume(), nil, nil)
		return g.Linear(p, param(name+".weight"), param(name+".bias"))
	}
	outs := map[string]*ops.Node{
		"layernorm_1e6":     layerNorm("ln", 1e-6),
		"layernorm_1e5":     layerNorm("ln5", 1e-5),
		"gelu":              g.GELU(in("wide")),
		"relu":              g.ReLU(in("wide")),
		"leaky_relu":        g.LeakyReLU(in("wide"), leakySlope),
		"softmax":           g.Softmax(in("logits")),
		"softmax_large":     g.Softmax(in("big")),
		"log_softmax":       g.LogSoftmax(in("logits")),
		"log_softmax_large": g.LogSoftmax(in("big")),
		"conv2d_overlap":    convolve("spec", "conv2o", m.Conv2o),
		"conv3d":            convolve("vid", "conv3", m.Conv3),
		"batchnorm_eval": g.BatchNorm(in("x"), param("bn.weight"), param("bn.bias"), param("bn.running_mean"), param("bn.running_var"),
			ops.BatchNorm{Eps: 1e-5, Momentum: 0.1}),
		"linear": g.Linear(in("x"), param("lin.weight"), param("lin.bias")),
	}
	for _, t := range r.match(`out/(conv2d_stride\d+)`) {
		outs[t[1]] = convolve("img", "conv2", m.Conv2)
	}
	r.halfSquares(g, outs)
}

// halfSquares compares outputs, ½Σy² over those not large, and its gradients,
// whose seeds are the outputs themselves.
func (r *replay) halfSquares(g *ops.Graph, outs map[string]*ops.Node) {
	var fetches []engine.Fetch
	var summed []*ops.Node
	for _, name := range r.below("out/") {
		if outs[name] == nil && g.Err() == nil {
			r.stop(fmt.Errorf("out/%s: no such primitive", name))
		}
		fetches = append(fetches, engine.Fetch{Name: "out/" + name, Node: outs[name]})
		if !isLarge(name) {
			summed = append(summed, outs[name])
		}
	}
	got := r.run(g, nil, append(fetches, r.gradients(g, "grad", summed, summed)...)...)
	loss := 0.0
	for _, t := range got[:len(fetches)] {
		if !isLarge(t.Name) {
			for _, y := range r.numbers(t) {
				loss += y * y / 2
			}
		}
		r.check(forward(), r.channelsFirst(t))
	}
	r.check(forward(), checkpoint.New("loss/sum_sq_half", []int{1}, []float64{loss}))
	r.checkGradients(got[len(fetches):])
}

func isLarge(name string) bool { return strings.HasSuffix(name, "_large") }

// dropPath: stochastic depth of a branch with recorded uniforms, and without in
// evaluation.
func dropPath(r *replay) {
	var m struct{ P float64 }
	r.meta(&m)
	g := ops.NewGraph(ops.Float32)
	x, u := r.feed(g, "x"), r.feed(g, "uniform")
	shape := r.tensor("in/x").Shape
	zero := g.Feed("zero", shape...)
	r.checkAll(forward(), r.run(g, constants{"zero": make([]float32, ops.F32(shape...).Len())},
		engine.Fetch{Name: "out/train", Node: g.DropPath(zero, x, u, m.P)},
		engine.Fetch{Name: "out/eval", Node: g.DropPath(zero, x, u, 0)}))
}
