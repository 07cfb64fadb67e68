package parity

import (
	"fmt"
	"strings"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/ops"
	"m2pt/train"
)

// reparamLinear: y = x·(W + λA)ᵀ + b, the loss Σ y·gy and all gradients; W + λA
// as the engine materialises it and as an export writes it.
func reparamLinear(r *replay) {
	g := ops.NewGraph(ops.Float32)
	x, gy := r.feed(g, "x"), r.feed(g, "gy")
	var bias *ops.Node
	if r.has("param/bias") {
		bias = r.param(g, "bias")
	}
	scale, aux := r.param(g, "cross_modal_scale"), r.param(g, "aux_weight")
	merged := g.Pathway(r.param(g, "weight"), []*ops.Node{scale}, []*ops.Node{aux}, r.has("grad/aux_weight"))
	y := g.Linear(x, merged, bias)
	grads := r.gradients(g, "grad", []*ops.Node{y}, []*ops.Node{gy})
	outs := []engine.Fetch{{Name: "out/y", Node: y}, {Name: "out/merged_weight", Node: merged},
		{Name: "loss/sum_y_gy", Node: g.Apply(ops.Dot{}, y, gy)}}
	got := r.run(g, nil, append(outs, grads...)...)
	r.checkAll(forward(), got[:len(outs)])
	r.checkGradients(got[len(outs):])
	r.check(forward(), r.exported("out/merged_weight"))
}

// exported is the weight of the recorded layer after train.Merge.
func (r *replay) exported(name string) checkpoint.Tensor {
	const layer = "fc."
	model := &checkpoint.Tensors{}
	for t := range r.All() {
		if param, ok := strings.CutPrefix(t.Name, "param/"); ok {
			t.Name = layer + param
			r.must(model.Add(t))
		}
	}
	plain, err := train.Merge(model)
	r.must(err)
	for t := range plain.All() {
		if t.Name != layer+"weight" && t.Name != layer+"bias" {
			r.stop(fmt.Errorf("merged layer still has %q", t.Name))
		}
	}
	t, err := plain.Get(layer + "weight")
	r.must(err)
	t.Name = name
	return t
}
