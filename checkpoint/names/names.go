// Package names translates between our names of parameters and those of other
// projects.
//
// Vocabulary: a [Source] is a project with names of its own. Its table is a list of
// rules, each of which says that some tensors of theirs, in order and joined along
// the first axis, are one tensor of ours: [Read] joins, [Write] cuts apart again. So
// query, key and value are attn.qkv, and VideoMAE's q_bias and v_bias, with zeros
// for the key between them, are attn.qkv.bias. A wrapper is what a program puts
// ahead of every name, as in "module.blocks.0.norm1.weight": Read takes wrappers off.
//
// Ours are timm's names. Where timm has none they are MAE's (decoder_blocks, ...),
// Point-MAE's (encoder.first_conv, cls_pos, ...) and VideoMAE's (gamma_1, ...). Biases
// of attentions are whole in what Read returns, whichever way a model of ours has
// them: see [WholeBiases] and [SplitBiases].
//
// The package knows names, not models: whether a checkpoint has all that a model
// needs, in the right shapes, is for the caller to see. It folds no pathways.
package names

import (
	"fmt"

	"m2pt/checkpoint"
)

// Source is a project whose names are known.
type Source string

// The sources.
const (
	M2PT       Source = "m2pt"        // ours, of every modality
	TIMM       Source = "timm"        // VisionTransformer
	MAE        Source = "mae"         // timm's and the decoder's
	AudioMAE   Source = "audiomae"    // MAE's, and those of a Swin decoder
	PointMAE   Source = "pointmae"    // pretraining, classification, part segmentation
	VideoMAE   Source = "videomae"    // V1 and V2, pretraining and fine-tuned
	HFViT      Source = "hf-vit"      // Hugging Face's ViTModel, ViTForImageClassification, ViTMAEForPreTraining
	HFVideoMAE Source = "hf-videomae" // Hugging Face's VideoMAEModel and its heads
)

// Sources lists all of them.
func Sources() []Source {
	return []Source{M2PT, TIMM, MAE, AudioMAE, PointMAE, VideoMAE, HFViT, HFVideoMAE}
}

// Read returns the tensors of a checkpoint of src under our names, in the order of
// the file, and those names of the file that no rule has: what is no part of the
// model, or lacks the others it is to be joined with. Tensors that have no
// counterpart here (see the tables) are in neither. Parts that cannot be joined, and
// two tensors for one name, are errors.
func Read(ts *checkpoint.Tensors, src Source) (ours *checkpoint.Tensors, unknown []string, err error) {
	t, err := src.table()
	if err != nil {
		return nil, nil, err
	}
	if ours, unknown, err = t.read(ts); err != nil {
		return nil, nil, fmt.Errorf("names of %s: %w", src, err)
	}
	return ours, unknown, nil
}

// Write returns tensors of ours under the names of src, for its whole model: a
// decoder among them makes it the pretraining one. Biases of attentions may be
// whole or split. Tensors that src has no name for are an error that lists them.
// Data is shared where it is not joined.
func Write(ts *checkpoint.Tensors, src Source) (*checkpoint.Tensors, error) {
	t, err := src.table()
	if err != nil {
		return nil, err
	}
	ts, err = WholeBiases(ts)
	if err != nil || src == M2PT {
		return ts, err
	}
	if ts, err = t.write(ts); err != nil {
		return nil, fmt.Errorf("names of %s: %w", src, err)
	}
	return ts, nil
}

// WholeBiases joins the split biases of attentions, attn.q_bias and attn.v_bias, to
// timm's attn.qkv.bias, in which the keys have zeros. Other tensors stay. One without
// the other is an error.
func WholeBiases(ts *checkpoint.Tensors) (*checkpoint.Tensors, error) {
	whole, halves, err := Read(ts, M2PT)
	if err == nil && len(halves) > 0 {
		err = fmt.Errorf("%s without the other half of a split bias", examples(halves))
	}
	return whole, err
}

// SplitBiases is the inverse of [WholeBiases]. The bias of the keys goes: it adds
// the same q·b to every logit of a query, which softmax does not see (cosine
// attention would).
func SplitBiases(ts *checkpoint.Tensors) (*checkpoint.Tensors, error) {
	t, err := M2PT.table()
	if err != nil {
		return nil, err
	}
	return t.write(ts)
}
