package parity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/heads"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
	"m2pt/train"
)

// pointNetwork is a recorded network of point clouds and the clouds it is given.
type pointNetwork struct {
	vitMeta
	groupMeta
	shapes
	clouds
	train.Classifier // all but the head
	index            []int32
}

// pointNetwork reads what classification and part segmentation have in common.
func (r *replay) pointNetwork(c clouds) *pointNetwork {
	p := &pointNetwork{clouds: c, shapes: r.recordedShapes(func(name string) bool { return r.has("grad/" + name) })}
	r.meta(&p.vitMeta)
	r.meta(&p.groupMeta)
	p.Tokenizer, p.ViT = p.pointTokenizer("encoder.", p.groupMeta, c.N), p.vit(p.vitMeta)
	p.index = r.group(c, p.Groups, p.Size)
	return p
}

// onClouds builds the network on the clouds; feeds go beside them.
func (r *replay) onClouds(p *pointNetwork, feeds constants) network {
	n := r.part(p.B)
	n.feeds = constants{"in/x": p.xyz, train.GroupFeed: p.index}
	maps.Copy(n.feeds, feeds)
	r.build(&n, p.Classifier, []int{p.B, p.N, 3}, p.shapes)
	n.show("group_tokens", n.out("patch_embed"))
	n.show("last_block", n.out(fmt.Sprintf("block%d", p.ViT.Depth-1)))
	return n
}

// out is an output by name, nil where there is none.
func (n network) out(name string) *ops.Node {
	for _, f := range n.outs {
		if f.Name == "out/"+name {
			return f.Node
		}
	}
	return nil
}

// edit changes the names and shapes of tensors as they are read.
func (r *replay) edit(change func(*checkpoint.Tensor)) {
	var list []checkpoint.Tensor
	for t := range r.All() {
		change(&t)
		list = append(list, t)
	}
	ts, err := checkpoint.Collect(list...)
	r.must(err)
	f := *r.Fixture
	f.Tensors = ts
	r.Fixture = &f
}

// innerBlocks renames what Point-MAE calls blocks.blocks.
func innerBlocks(t *checkpoint.Tensor) {
	t.Name = strings.Replace(t.Name, "/blocks.blocks.", "/blocks.", 1)
}

// pointCls: centres, tokens, tokens after the last block, logits, accuracy, loss,
// gradients and running statistics.
func pointCls(r *replay) {
	r.edit(innerBlocks)
	p := r.pointNetwork(r.clouds("in/pts"))
	K := p.dim("cls_head_finetune.8.weight", 0)
	p.Head = heads.PointClassifier{Classes: K, Hidden: p.dim("cls_head_finetune.0.weight", 0)}
	build := func() network { return r.onClouds(p, nil) }
	ce := r.labels(K, 0)
	got := r.forward(build(), map[string]loss{"ce": ce})
	r.backward(build(), "grad", ce)
	r.checkCenters(p)
	i := slices.IndexFunc(got, func(t checkpoint.Tensor) bool { return t.Name == "out/logits" })
	logits, err := got[i].Float32s()
	r.must(err)
	var tally train.Tally
	for b, y := range r.ints("in/y") {
		tally.Add(0, logits[b*K:][:K], y)
	}
	checkValues(r, exact32(), "out/acc_percent", []float64{tally.Result().Top1})
}

func (r *replay) checkCenters(p *pointNetwork) {
	var centers []float32
	for i, row := 0, 1+p.Size; i < len(p.index); i += row {
		cloud := p.cloud(i / row / p.Groups)
		centers = append(centers, cloud[3*p.index[i]:][:3]...)
	}
	checkValues(r, equal(), "out/center", centers)
}

// pointPartSeg: features of points, log-probabilities of their parts, loss,
// gradients and running statistics.
func pointPartSeg(r *replay) {
	r.edit(innerBlocks)
	shape, xyz := r.channelsLast("in/pts_b3n")
	p := r.pointNetwork(clouds{xyz, shape[0], shape[1]})
	out := func(name string) int { return p.dim(name+".weight", 0) }
	widths := heads.Widths{Propagation: [2]int{out("propagation_0.mlp_convs.0"), out("propagation_0.mlp_convs.1")},
		Convs: [2]int{out("convs1"), out("convs2")}}
	p.Head = heads.PartSegmenter{Parts: out("convs3"), Widths: widths}
	p.Categories = p.dim("label_conv.0.weight", 1)
	feeds := constants{train.LabelsFeed: r.categories()}
	build := func() network {
		n := r.onClouds(p, feeds)
		n.show("log_probs", n.LogSoftmax(n.Logits))
		return n
	}
	nll := func(n network) *ops.Node {
		return n.SampleMean(n.CrossEntropy(n.Logits, n.OneHot(r.feed(n.Graph, "y"), out("convs3"), 0)))
	}
	r.forward(build(), map[string]loss{"nll": nll})
	r.backward(build(), "grad", nll)
	r.checkPropagated(build(), p, heads.Propagation{Widths: widths.Propagation})
}

// checkPropagated compares what the head keeps to itself: the features of points
// ahead of what they share.
func (r *replay) checkPropagated(n network, p *pointNetwork, h heads.Propagation) {
	points := n.Feed("in/x", p.B, p.N, 3)
	_, centers := p.Tokenizer.(tokenizers.Point).Neighbours(n.Scope, points)
	var tokens []*ops.Node
	for k := 1; k <= 3; k++ {
		x := n.out(fmt.Sprintf("block%d", p.ViT.Depth*k/3-1))
		tokens = append(tokens, n.LayerNorm("norm", x, p.ViT.Dim, p.ViT.Eps))
	}
	u := n.In("propagation_0", func(s nn.Scope) *ops.Node { return h.Forward(s, points, centers, tokens...) })
	r.checkOutput(r.run(n.Graph, n.feeds, engine.Fetch{Name: "out/propagated", Node: u})[0])
}

// categories are the labels of the recorded one-hot rows.
func (r *replay) categories() []int32 {
	var labels []int32
	for row := range slices.Chunk(r.floats("in/onehot"), r.tensor("in/onehot").Shape[1]) {
		labels = append(labels, int32(slices.Index(row, 1)))
	}
	return labels
}
