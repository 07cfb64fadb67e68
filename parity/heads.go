package parity

import (
	"m2pt/engine"
	"m2pt/heads"
	"m2pt/ops"
)

// weighed is the loss Σ y·gy with recorded gy, of a network that ends in one
// output. Its gradients are those of y seeded with gy.
func (r *replay) weighed(build func() network) {
	last := func(n network) *ops.Node { return n.outs[len(n.outs)-1].Node }
	gy := func(n network) *ops.Node { return n.Feed("in/gy", ops.SpecOf(last(n)).Shape...) }
	r.forward(build(), map[string]loss{"sum_y_gy": func(n network) *ops.Node { return n.Apply(ops.Dot{}, last(n), gy(n)) }})
	n := build()
	r.derive(n, "grad", last(n), gy(n))
}

// linprobeHead: MAE's head for linear probing on recorded features, in training.
func linprobeHead(r *replay) {
	h := heads.Probe{Classes: r.tensor("param/head.1.weight").Shape[0]}
	build := func() network {
		n := r.part(r.tensor("in/features").Shape[0])
		n.Logits = h.Logits(n.Scope, r.feed(n.Graph, "features"))
		n.show("logits", n.Logits)
		r.must(n.Err())
		return n
	}
	ce := r.labels(h.Classes, 0)
	r.forward(build(), map[string]loss{"ce": ce})
	r.backward(build(), "grad", ce)
}

// pointFeaturePropagation: features of centres carried over to points. All arrays
// are recorded channels first.
func pointFeaturePropagation(r *replay) {
	p := heads.Propagation{Widths: [2]int{r.tensor("param/mlp_convs.0.weight").Shape[0], r.tensor("param/mlp_convs.1.weight").Shape[0]}}
	feeds := constants{}
	entries := func(n network, name string) *ops.Node {
		shape, v := r.channelsLast("in/" + name)
		feeds["in/"+name] = v
		return n.Feed("in/"+name, shape...)
	}
	_, feeds["in/gy"] = r.channelsLast("in/gy")
	r.weighed(func() network {
		n := r.part(r.tensor("in/xyz1").Shape[0])
		n.feeds = feeds
		n.outs = []engine.Fetch{{Name: "out/features",
			Node: p.Forward(n.Scope, entries(n, "xyz1"), entries(n, "xyz2"), entries(n, "points2"))}}
		r.must(n.Err())
		return n
	})
}

// channelsLast are the values of recorded [B, D, N] as [B, N, D], and that shape.
func (r *replay) channelsLast(name string) (shape []int, values []float32) {
	s := r.tensor(name).Shape
	return []int{s[0], s[2], s[1]}, transposed(r.floats(name), s[1], s[2])
}
