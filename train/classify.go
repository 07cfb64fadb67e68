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
	PixelsFeed   = "pixels"      // [B, C, H, W] uint8
	LabelsFeed   = "labels"      // [B] int32
	LambdaFeed   = "mix_lambda"  // [B]
	MixBoxFeed   = "mix_box"     // [B, 4] int32
	EraseBoxFeed = "erase_box"   // [B, 4] int32
	SeedFeed     = "loss_seed"   // [B]: the weight of each sample's loss
	HyperFeed    = "adamw_hyper" // [3]: lr, 1-β₁ᵗ, 1-β₂ᵗ
)

// Classifier is an image classifier with its training-time input pipeline: the
// path of a batch from pixels to per-sample loss.
type Classifier struct {
	Tokenizer tokenizers.Image
	ViT       model.ViT
	Head      heads.Classifier
	Smoothing float64 // of the labels, in training
	Mixes     bool    // mixup or cutmix, in training
	Erase     string  // random erasing mode, in training; "" is off
}

// Net is a model built on a graph for one mode and batch size.
type Net struct {
	nn.Scope
	Logits *ops.Node // [B, K]
	Loss   *ops.Node // [B]
}

// Build builds the classifier from stored pixels to loss.
func (c Classifier) Build(mode nn.Mode, batch int, seed uint64) Net {
	s := nn.NewScope(ops.Float32, mode, batch, seed)
	t := c.Tokenizer
	x := s.Graph.Declare(PixelsFeed, ops.Spec{Shape: []int{batch, t.Channels, t.Size[0], t.Size[1]}, Dtype: ops.Uint8}, ops.PerBatch)
	labels := s.Graph.Declare(LabelsFeed, ops.Spec{Shape: []int{batch}, Dtype: ops.Int32}, ops.PerBatch)
	if mode == nn.Eval {
		_, logits := c.Forward(s, x, nil)
		return Net{s, logits, s.CrossEntropy(logits, s.OneHot(labels, c.Head.Classes, 0))}
	}
	x, target := c.augment(s, x, s.OneHot(labels, c.Head.Classes, c.Smoothing))
	_, logits := c.Forward(s, x, nil)
	return Net{s, logits, s.CrossEntropy(logits, target)}
}

// augment is what training does to a batch inside the graph, in timm's order:
// normalise, erase, mix.
func (c Classifier) augment(s nn.Scope, x, target *ops.Node) (*ops.Node, *ops.Node) {
	if c.Mixes || c.Erase != "" {
		x = s.Normalize(x, c.Tokenizer.Mean, c.Tokenizer.Std)
	}
	boxes := ops.Spec{Shape: []int{s.Batch, 4}, Dtype: ops.Int32}
	if c.Erase != "" {
		x = s.Graph.Erase(x, s.Graph.Declare(EraseBoxFeed, boxes, ops.PerBatch), s.SampleKey(), c.Erase, s.Seed)
	}
	if c.Mixes {
		lambda := s.Feed(LambdaFeed, s.Batch)
		x = s.Mix(x, lambda, s.Graph.Declare(MixBoxFeed, boxes, ops.PerBatch))
		target = s.MixTargets(target, lambda)
	}
	return x, target
}

// Forward is the network from pixels to features [B, D] and logits [B, K].
func (c Classifier) Forward(s nn.Scope, x *ops.Node, trace model.Trace) (features, logits *ops.Node) {
	h := c.Head
	x = c.ViT.Forward(s, c.Tokenizer, x, trace)
	h.Dim, h.ClassToken, h.Eps = c.ViT.Dim, c.ViT.ClassToken, c.ViT.Eps
	h.Tokens = c.ViT.Tokens(c.Tokenizer.Count())
	// The head's parameters come first where it is pooled, last otherwise: the
	// order of the reference's state dict, hence of its optimizer groups.
	if h.Pool == "avg" {
		h.Declare(s)
	}
	features = h.Features(s, x)
	return features, h.Logits(s, features)
}
