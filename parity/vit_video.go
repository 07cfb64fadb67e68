package parity

import "m2pt/nn"

// vitVideoCls: tokens after every block, logits, the loss and its gradients, and
// the position table where it is fixed.
func vitVideoCls(r *replay) {
	var m vitMeta
	r.meta(&m)
	// The reference detaches its learned table, which gets no gradient; ours trains.
	s := r.recordedShapes(func(name string) bool { return r.has("grad/"+name) || name == "pos_embed" && r.has("param/pos_embed") })
	x := r.tensor("in/x").Shape
	c := s.classifier(m, x[1:])
	build := func() network { return r.network(c, nn.Eval, x, s) }
	crossEntropy := r.labels(c.Head.Outputs(), 0)
	r.forward(build(), map[string]loss{"cross_entropy": crossEntropy})
	r.backward(build(), "grad", crossEntropy)
	if name := "out/pos_table"; r.has(name) {
		checkValues(r, table(), name, r.derived["pos_embed"])
	}
}
