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
	InputFeed    = "input"       // [B, ...] as the tokenizer wants it
	LabelsFeed   = "labels"      // [B] int32
	TargetsFeed  = "targets"     // [B, K], instead of labels
	LambdaFeed   = "mix_lambda"  // [B]
	MixBoxFeed   = "mix_box"     // [B, 4] int32
	EraseBoxFeed = "erase_box"   // [B, 4] int32
	SeedFeed     = "loss_seed"   // [B]: the weight of each sample's loss
	HyperFeed    = "adamw_hyper" // [3]: lr, 1-β₁ᵗ, 1-β₂ᵗ
)

// Classifier is a classifier of one modality with its training-time input
// pipeline: the path of a batch from stored samples to per-sample loss.
type Classifier struct {
	Tokenizer tokenizers.Tokenizer
	ViT       model.ViT
	Head      heads.Classifier
	Loss      string  // "cross_entropy" (or empty) or "bce"
	Targets   bool    // the data gives target rows instead of labels, in training
	Smoothing float64 // of the labels, in training
	Mixes     bool    // mixup or cutmix, in training
	Erase     string  // random erasing mode, in training; "" is off
	Keep      int     // tokens that training keeps, the class token included; 0 is all
}

// Net is a model built on a graph for one mode and batch size.
type Net struct {
	nn.Scope
	Logits *ops.Node // [B, K]
	Loss   *ops.Node // [B]
}

// Build builds the classifier from stored samples to loss.
func (c Classifier) Build(mode nn.Mode, batch int, seed uint64) Net {
	s := nn.NewScope(ops.Float32, mode, batch, seed)
	in := c.Tokenizer.Input()
	x := s.Graph.Declare(InputFeed, ops.Spec{Shape: append([]int{batch}, in.Shape...), Dtype: in.Dtype}, ops.PerBatch)
	target := c.target(s)
	if mode == nn.Train {
		x, target = c.augment(s, x, target)
	}
	_, logits := c.Forward(s, x, nil)
	if c.Loss == "bce" {
		return Net{s, logits, s.BCE(logits, target)}
	}
	return Net{s, logits, s.CrossEntropy(logits, target)}
}

// target are the target rows [B, K].
func (c Classifier) target(s nn.Scope) *ops.Node {
	if c.Loss == "bce" || c.Targets && s.Mode == nn.Train {
		return s.Feed(TargetsFeed, s.Batch, c.Head.Classes)
	}
	labels := s.Graph.Declare(LabelsFeed, ops.Spec{Shape: []int{s.Batch}, Dtype: ops.Int32}, ops.PerBatch)
	smoothing := 0.0
	if s.Mode == nn.Train {
		smoothing = c.Smoothing
	}
	return s.OneHot(labels, c.Head.Classes, smoothing)
}

// augment is what training does to a batch inside the graph, in timm's order:
// normalise, erase, mix.
func (c Classifier) augment(s nn.Scope, x, target *ops.Node) (*ops.Node, *ops.Node) {
	if c.Mixes || c.Erase != "" {
		x = c.Tokenizer.Numbers(s, x)
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

// Forward is the network from samples to features [B, D] and logits [B, K].
func (c Classifier) Forward(s nn.Scope, x *ops.Node, trace model.Trace) (features, logits *ops.Node) {
	h, v, grid := c.Head, c.ViT, c.Tokenizer.Grid()
	h.Tokens = v.Tokens(grid[0] * grid[1])
	if s.Mode == nn.Train && c.Keep > 0 {
		v.Keep, h.Tokens = c.Keep, c.Keep
	}
	x = v.Forward(s, c.Tokenizer, x, trace)
	h.Dim, h.ClassToken, h.Eps = v.Dim, v.ClassToken, v.Eps
	// The head's parameters come first where it is pooled, last otherwise: the
	// order of the reference's state dict, hence of its optimizer groups.
	if h.Pool == "avg" {
		h.Declare(s)
	}
	features = h.Features(s, x)
	return features, h.Logits(s, features)
}
