package train

import (
	"m2pt/heads"
	"m2pt/model"
	"m2pt/nn"
	"m2pt/ops"
	"m2pt/tokenizers"
)

// Names of the feeds of a classification graph.
const (
	InputFeed    = "input" // [B, ...] as the tokenizer wants it
	GroupFeed    = tokenizers.GroupFeed
	LabelsFeed   = "labels"      // [B] int32
	PartsFeed    = "part_labels" // [B, P] int32: of every point, where Categories is set
	TargetsFeed  = "targets"     // [B, K], instead of labels
	LambdaFeed   = "mix_lambda"  // [B]
	MixBoxFeed   = "mix_box"     // [B, 4] int32
	EraseBoxFeed = "erase_box"   // [B, 4] int32
	SeedFeed     = "loss_seed"   // [B]: the weight of each sample's loss
	HyperFeed    = "optimizer"   // what changes from update to update: see Optimizer
)

// Classifier is a classifier of one modality with its training-time input
// pipeline: the path of a batch from stored samples to per-sample loss.
type Classifier struct {
	Tokenizer tokenizers.Tokenizer
	ViT       model.ViT
	Head      heads.Head
	// Categories, where not 0, makes every point of a cloud a case of its own: the
	// labels are then the clouds' categories, so many, and known to the head.
	Categories int
	Frozen     bool    // only λ and the head train; no drop-path
	Loss       string  // "cross_entropy" (or empty) or "bce"
	Targets    bool    // the data gives target rows instead of labels, in training
	Smoothing  float64 // of the labels, in training
	Mixes      bool    // mixup or cutmix, in training
	Erase      string  // random erasing mode, in training; "" is off
	Keep       int     // tokens that training keeps, the class token included; 0 is all
	// MergeLogits merges several looks at a sample by their logits, not by their
	// probabilities.
	MergeLogits bool
}

// Net is a model built on a graph for one mode and batch size.
type Net struct {
	nn.Scope
	Logits *ops.Node // [B, K], or [B, P, K]; of a classifier
	Pred   *ops.Node // [B, M, P], of a masked autoencoder: what it tells of masked tokens
	Loss   *ops.Node // [B]
	// Borders are the tokens on their way through the blocks, in order: what
	// train.grad_checkpointing keeps.
	Borders []*ops.Node
}

// pass takes the tokens on their way: a [model.Trace].
func (n *Net) pass(_ string, x *ops.Node) { n.Borders = append(n.Borders, x) }

// Build builds the classifier from stored samples to loss.
func (c Classifier) Build(mode nn.Mode, batch int, seed uint64) Net {
	s := nn.NewScope(ops.Float32, mode, batch, seed)
	in := c.Tokenizer.Input()
	x := s.Graph.Declare(InputFeed, ops.Spec{Shape: append([]int{batch}, in.Shape...), Dtype: in.Dtype}, ops.PerBatch)
	target := c.target(s)
	if mode == nn.Train {
		x, target = c.augment(s, x, target)
	}
	n := Net{Scope: s}
	_, n.Logits = c.Forward(s, x, n.pass)
	switch {
	case c.Loss == "bce":
		n.Loss = s.BCE(n.Logits, target)
	case c.Categories > 0:
		n.Loss = s.SampleMean(s.CrossEntropy(n.Logits, target))
	default:
		n.Loss = s.CrossEntropy(n.Logits, target)
	}
	return n
}

func (c Classifier) encoder() (tokenizers.Tokenizer, model.ViT) { return c.Tokenizer, c.ViT }

// target are the target rows [B, K], or [B, P, K] of the points.
func (c Classifier) target(s nn.Scope) *ops.Node {
	if c.Loss == "bce" || c.Targets && s.Mode == nn.Train {
		return s.Feed(TargetsFeed, s.Batch, c.Head.Outputs())
	}
	smoothing := 0.0
	if s.Mode == nn.Train {
		smoothing = c.Smoothing
	}
	if c.Categories > 0 {
		points := c.Tokenizer.Input().Shape[0]
		return s.OneHot(integers(s, PartsFeed, s.Batch, points), c.Head.Outputs(), smoothing)
	}
	return s.OneHot(integers(s, LabelsFeed, s.Batch), c.Head.Outputs(), smoothing)
}

// integers declares an int32 feed.
func integers(s nn.Scope, name string, shape ...int) *ops.Node {
	return s.Graph.Declare(name, ops.Spec{Shape: shape, Dtype: ops.Int32}, ops.PerBatch)
}

// augment is what training does to a batch inside the graph, in timm's order:
// normalise, erase, mix.
func (c Classifier) augment(s nn.Scope, x, target *ops.Node) (*ops.Node, *ops.Node) {
	if c.Mixes || c.Erase != "" {
		x = c.Tokenizer.Numbers(s, x)
	}
	if c.Erase != "" {
		x = s.Graph.Erase(x, integers(s, EraseBoxFeed, s.Batch, 4), s.SampleKey(), c.Erase, s.Seed)
	}
	if c.Mixes {
		lambda := s.Feed(LambdaFeed, s.Batch)
		x = s.Mix(x, lambda, integers(s, MixBoxFeed, s.Batch, 4))
		target = s.MixTargets(target, lambda)
	}
	return x, target
}

// Forward is the network from samples to features and logits; see [heads.Head].
func (c Classifier) Forward(s nn.Scope, x *ops.Node, trace model.Trace) (features, logits *ops.Node) {
	v := c.ViT
	if s.Mode == nn.Train && c.Keep > 0 {
		v.Keep = c.Keep
	}
	if s.Frozen = c.Frozen; c.Frozen {
		v.DropPath = 0 // what does not learn needs no regularisation
	}
	e := heads.Encoding{Blocks: v.Forward(s, c.Tokenizer, x, trace), ClassToken: v.ClassToken, Eps: v.Eps}
	if s.Err() != nil {
		return nil, nil
	}
	if t, ok := c.Tokenizer.(tokenizers.Point); ok && c.Categories > 0 {
		e.Cloud = heads.Cloud{Points: x, Centers: t.Centers(s, x), Category: s.OneHot(integers(s, LabelsFeed, s.Batch), c.Categories, 0)}
	}
	return c.Head.Forward(s, e)
}
