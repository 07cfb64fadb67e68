package parity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"m2pt/checkpoint"
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

// classifier is the classifier of pictures, spectrograms or clips with these
// parameters; sample is the shape of one.
func (s shapes) classifier(m vitMeta, sample []int) train.Classifier {
	head := heads.Classifier{Classes: s.dim("head.weight", 0), Pool: "token"}
	if s.has("fc_norm.weight") {
		head.Pool = "avg"
	}
	return train.Classifier{Tokenizer: s.tokenizer(sample), ViT: s.vit(m), Head: head, Smoothing: m.Smoothing}
}

// tokenizer cuts patches, or tubelets where the kernel extends in time.
func (s shapes) tokenizer(sample []int) tokenizers.Tokenizer {
	kernel := s.of["patch_embed.proj.weight"]
	size := [2]int(sample[len(sample)-2:])
	if len(kernel) == 5 {
		return tokenizers.Video{Frames: sample[1], Size: size, Channels: kernel[1], Tubelet: kernel[2], Patch: kernel[3], Dim: kernel[0]}
	}
	return tokenizers.Image{Size: size, Channels: kernel[1], Patch: kernel[2], Dim: kernel[0]}
}

// vit is the network between tokenizer and head.
func (s shapes) vit(m vitMeta) model.ViT {
	dim := s.dim("blocks.0.norm1.weight", 0)
	v := model.ViT{Dim: dim, Heads: m.NumHeads, QKVBias: "none", ClassToken: s.has("cls_token"), PosEmbed: "learned", Eps: m.LNEps,
		// The half keeps the truncation of Dim·MLPRatio from losing one.
		MLPRatio: (float64(s.dim("blocks.0.mlp.fc1.weight", 0)) + .5) / float64(max(dim, 1)),
		CosAttn:  s.has("blocks.0.attn.scale"), Pathways: s.pathways()}
	for s.has(fmt.Sprintf("blocks.%d.norm1.weight", v.Depth)) {
		v.Depth++
	}
	if s.has("blocks.0.gamma_1") {
		v.LayerScale = 1
	}
	switch {
	case s.has("blocks.0.attn.qkv.bias"):
		v.QKVBias = "full"
	case s.has("blocks.0.attn.q_bias"):
		v.QKVBias = "split"
	}
	switch {
	case s.has("pos_embed.0.weight"):
		v.PosEmbed = "mlp"
	case !s.has("pos_embed"):
		v.PosEmbed = "sinusoid"
	case !s.trained("pos_embed"):
		v.PosEmbed = "sincos"
	}
	return v
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

// network is a network, or a part of one, built in a recording's graph.
type network struct {
	train.Net
	outs  []engine.Fetch // out/<name>: what may be recorded
	feeds constants      // beside the recorded inputs
}

// show adds what a trace shows to the outputs.
func (n *network) show(name string, x *ops.Node) {
	n.outs = append(n.outs, engine.Fetch{Name: "out/" + name, Node: x})
}

// part is an empty network for a batch, whose mode is that of the recording;
// without one it evaluates.
func (r *replay) part(batch int) network {
	var m struct{ Mode string }
	r.meta(&m)
	mode := nn.Eval
	if m.Mode == "train" {
		mode = nn.Train
	}
	return network{Net: train.Net{Scope: nn.NewScope(ops.Float32, mode, batch, 0)}, feeds: constants{}}
}

// network builds a classifier for one recorded batch in/x of the given shape: the
// outputs are what the trace shows, features and logits. What trains in it must be
// what trained in the recording.
func (r *replay) network(c train.Classifier, mode nn.Mode, shape []int, s shapes) network {
	n := r.part(shape[0])
	n.Mode = mode
	r.build(&n, c, shape, s)
	return n
}

func (r *replay) build(n *network, c train.Classifier, shape []int, s shapes) {
	features, logits := c.Forward(n.Scope, n.Feed("in/x", shape...), n.show)
	n.show("features", features)
	n.show("logits", logits)
	n.Logits = logits
	r.declares(*n, s)
}

// declares makes sure that what trains in a network is what trained in the
// recording, and keeps the tables that no file holds.
func (r *replay) declares(n network, s shapes) {
	r.must(n.Err())
	for _, p := range n.Registry().Params() {
		if p.Derived {
			r.derived[p.Name] = p.Values(0)
		}
		if s.trained(p.Name) == p.Fixed {
			r.stop(fmt.Errorf("parameter %q: fixed is %v in the model, not in the recording", p.Name, p.Fixed))
		}
	}
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
	c := s.classifier(m, x[1:])
	classes := c.Head.Outputs()
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

// forward compares what is recorded of a network's outputs, losses and running
// statistics, and returns the outputs and statistics.
func (r *replay) forward(n network, losses map[string]loss) []checkpoint.Tensor {
	var fetches []engine.Fetch
	for _, f := range n.outs {
		if r.has(f.Name) || r.has(f.Name+sample0) {
			fetches = append(fetches, f)
		}
	}
	for _, u := range n.Registry().Updates() {
		fetches = append(fetches, engine.Fetch{Name: "state_after/" + u.Name, Node: u.Node})
	}
	outs := len(fetches)
	for _, name := range r.below("loss/") {
		if l := losses[name]; l != nil {
			fetches = append(fetches, engine.Fetch{Name: "loss/" + name, Node: l(n)})
		}
	}
	got := r.run(n.Graph, n.feeds, fetches...)
	for _, t := range got[:outs] {
		r.checkOutput(t)
	}
	for _, t := range got[outs:] {
		r.check(forward(), r.mean(t))
	}
	return got[:outs]
}

func (r *replay) checkOutput(t checkpoint.Tensor) {
	switch {
	case strings.HasPrefix(t.Name, "state_after/"):
		r.check(running(), t)
	case r.has(t.Name):
		r.check(forward(), r.channelsFirst(t))
	}
	if name := t.Name + sample0; r.has(name) {
		checkValues(r, forward(), name, r.numbers(t)[:t.Len()/t.Shape[0]])
	}
}

// backward compares the gradients of the mean of a loss, where they are recorded.
func (r *replay) backward(n network, group string, l loss) {
	if len(r.below(group+"/")) == 0 {
		return
	}
	losses, seed := l(n), n.Feed(train.SeedFeed, n.Batch)
	feeds := constants{train.SeedFeed: repeat(1/float32(n.Batch), n.Batch)}
	maps.Copy(feeds, n.feeds)
	n.feeds = feeds
	r.derive(n, group, losses, seed)
}

// derive compares the gradients of Σ⟨seed, y⟩.
func (r *replay) derive(n network, group string, y, seed *ops.Node) {
	grads := r.gradients(n.Graph, group, []*ops.Node{y}, []*ops.Node{seed})
	r.checkGradients(r.run(n.Graph, n.feeds, grads...))
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
