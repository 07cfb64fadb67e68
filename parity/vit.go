package parity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"m2pt/engine"
	"m2pt/heads"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
	"m2pt/train"
)

// vitMeta are the hyper-parameters of a classifier that the shapes of its
// parameters do not tell.
type vitMeta struct {
	NumHeads  int     `json:"num_heads"`
	LNEps     float64 `json:"ln_eps"`
	Smoothing float64 `json:"smoothing"`
	MixupLam  float64 `json:"mixup_lam"`
}

// shapes are the parameters of a recorded model and which of them train.
type shapes struct {
	of      map[string][]int
	trained func(name string) bool
}

func (s shapes) has(name string) bool { _, ok := s.of[name]; return ok }

// dim is dimension i of a parameter, 0 where there is none.
func (s shapes) dim(name string, i int) int {
	if i < len(s.of[name]) {
		return s.of[name][i]
	}
	return 0
}

// recordedShapes are those of param/*.
func (r *replay) recordedShapes(trained func(name string) bool) shapes {
	s := shapes{map[string][]int{}, trained}
	for _, name := range r.below("param/") {
		s.of[name] = r.tensor("param/" + name).Shape
	}
	return s
}

// classifier is the classifier with these parameters, for pictures of the given
// size.
func (s shapes) classifier(m vitMeta, size [2]int) train.Classifier {
	const patch, fc1 = "patch_embed.proj.weight", "blocks.0.mlp.fc1.weight"
	dim := s.dim(patch, 0)
	c := train.Classifier{
		Tokenizer: tokenizers.Image{Size: size, Channels: s.dim(patch, 1), Patch: s.dim(patch, 2), Dim: dim},
		ViT: model.ViT{Dim: dim, Heads: m.NumHeads, QKVBias: "none", ClassToken: s.has("cls_token"), PosEmbed: "learned", Eps: m.LNEps,
			// The half keeps the truncation of Dim·MLPRatio from losing one.
			MLPRatio: (float64(s.dim(fc1, 0)) + .5) / float64(max(dim, 1)), Pathways: s.pathways()},
		Head:      heads.Classifier{Classes: s.dim("head.weight", 0), Pool: "token"},
		Smoothing: m.Smoothing,
	}
	for s.has(fmt.Sprintf("blocks.%d.norm1.weight", c.ViT.Depth)) {
		c.ViT.Depth++
	}
	switch {
	case s.has("blocks.0.attn.qkv.bias"):
		c.ViT.QKVBias = "full"
	case s.has("blocks.0.attn.q_bias"):
		c.ViT.QKVBias = "split"
	}
	if !s.trained("pos_embed") {
		c.ViT.PosEmbed = "sincos"
	}
	if s.has("fc_norm.weight") {
		c.Head.Pool = "avg"
	}
	return c
}

// pathways are read off the names <layer>.aux_weight.
func (s shapes) pathways() []model.Pathway {
	var ps []model.Pathway
	for name := range s.of {
		layer, what, k, ok := model.SplitTerm(name)
		if !ok {
			continue
		}
		for len(ps) <= k {
			ps = append(ps, model.Pathway{})
		}
		if what == model.ScaleName {
			ps[k].LambdaTrainable = ps[k].LambdaTrainable || s.trained(name)
			continue
		}
		ps[k].AuxTrainable = ps[k].AuxTrainable || s.trained(name)
		var block int
		if _, err := fmt.Sscanf(layer, "blocks.%d.", &block); err == nil {
			ps[k].AuxDepth = max(ps[k].AuxDepth, block+1)
		}
		_, kind, _ := strings.Cut(strings.TrimPrefix(layer, "blocks."), ".")
		if !slices.Contains(ps[k].Layers, kind) {
			ps[k].Layers = append(ps[k].Layers, kind)
		}
	}
	return ps
}

// network is a classifier built on floating-point pixels in/x.
type network struct {
	train.Net
	outs  []engine.Fetch // out/<what the trace shows>, out/features, out/logits
	feeds constants      // beside the recorded inputs
}

// network builds a classifier for one recorded batch; shape is the pixels'.
// What trains in it must be what trained in the recording.
func (r *replay) network(c train.Classifier, mode nn.Mode, shape []int, s shapes) network {
	n := network{Net: train.Net{Scope: nn.NewScope(ops.Float32, mode, shape[0], 0)}}
	show := func(name string, x *ops.Node) {
		n.outs = append(n.outs, engine.Fetch{Name: "out/" + name, Node: x})
	}
	features, logits := c.Forward(n.Scope, n.Feed("in/x", shape...), show)
	show("features", features)
	show("logits", logits)
	r.must(n.Err())
	for _, p := range n.Registry().Params() {
		if s.trained(p.Name) == p.Fixed {
			r.stop(fmt.Errorf("parameter %q: fixed is %v in the model, not in the recording", p.Name, p.Fixed))
		}
	}
	n.Logits = logits
	return n
}

// loss makes the per-sample losses [B] in a network's graph.
type loss func(n network) *ops.Node

func (r *replay) labels(classes int, smoothing float64) loss {
	return func(n network) *ops.Node {
		return n.CrossEntropy(n.Logits, n.OneHot(r.feed(n.Graph, "y"), classes, smoothing))
	}
}

// vitImageCls: tokens after every block, features, logits, the three losses, the
// gradients of the losses that have some, for parameters and pixels, and mixup.
func vitImageCls(r *replay) {
	var m vitMeta
	r.meta(&m)
	s := r.recordedShapes(func(name string) bool { return r.has("grad/" + name) })
	x := r.tensor("in/x").Shape
	c := s.classifier(m, [2]int(x[2:4]))
	classes := c.Head.Classes
	losses := map[string]loss{
		"label_smoothing": r.labels(classes, m.Smoothing),
		"cross_entropy":   r.labels(classes, 0),
		"soft_target":     func(n network) *ops.Node { return n.CrossEntropy(n.Logits, r.feed(n.Graph, "soft_target")) },
	}
	build := func() network { return r.network(c, nn.Eval, x, s) }
	r.forward(build(), losses)
	for group, loss := range map[string]string{"grad": "label_smoothing", "grad_soft": "soft_target"} {
		r.backward(build(), group, losses[loss])
	}
	r.mix(mixing{lam: m.MixupLam, smoothing: m.Smoothing, classes: classes, x: "out/mixup_input", target: "in/soft_target"})
}

// sample0 ends the name of a result recorded for the first sample only.
const sample0 = "_sample0"

// forward compares what is recorded of a network's outputs and losses.
func (r *replay) forward(n network, losses map[string]loss) {
	var fetches []engine.Fetch
	for _, f := range n.outs {
		if r.has(f.Name) || r.has(f.Name+sample0) {
			fetches = append(fetches, f)
		}
	}
	outs := len(fetches)
	for _, name := range r.below("loss/") {
		if l := losses[name]; l != nil {
			fetches = append(fetches, engine.Fetch{Name: "loss/" + name, Node: l(n)})
		}
	}
	got := r.run(n.Graph, n.feeds, fetches...)
	for _, t := range got[:outs] {
		if r.has(t.Name) {
			r.check(forward(), t)
		}
		if name := t.Name + sample0; r.has(name) {
			checkValues(r, forward(), name, r.numbers(t)[:t.Len()/t.Shape[0]])
		}
	}
	for _, t := range got[outs:] {
		r.check(forward(), r.mean(t))
	}
}

// backward compares the gradients of the mean of a loss, where they are recorded.
func (r *replay) backward(n network, group string, l loss) {
	if len(r.below(group+"/")) == 0 {
		return
	}
	losses, seed := l(n), n.Feed(train.SeedFeed, n.Batch)
	grads := r.gradients(n.Graph, group, []*ops.Node{losses}, []*ops.Node{seed})
	feeds := constants{train.SeedFeed: repeat(1/float32(n.Batch), n.Batch)}
	maps.Copy(feeds, n.feeds)
	r.checkGradients(r.run(n.Graph, feeds, grads...))
}

// mixing is a recorded mixup of in/x and in/y and where its results are.
type mixing struct {
	lam, smoothing float64
	classes        int
	box            [4]int32 // empty: mixup; else cutmix
	x, target      string
}

// mix compares mixed pixels and targets.
func (r *replay) mix(m mixing) {
	g := ops.NewGraph(ops.Float32)
	x := r.feed(g, "x")
	B := r.tensor("in/x").Shape[0]
	lam, box := g.Feed("lam", B), g.Declare("box", ops.Spec{Shape: []int{B, 4}, Dtype: ops.Int32}, ops.PerBatch)
	c := constants{"lam": repeat(float32(m.lam), B), "box": slices.Concat(repeat(m.box[:], B)...)}
	targets := g.MixTargets(g.OneHot(r.feed(g, "y"), m.classes, m.smoothing), lam)
	r.checkAll(forward(), r.run(g, c, engine.Fetch{Name: m.x, Node: g.Mix(x, lam, box)}, engine.Fetch{Name: m.target, Node: targets}))
}
