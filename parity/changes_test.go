package parity_test

import (
	"math"
	"regexp"
	"slices"
	"testing"

	"m2pt/checkpoint"
	"m2pt/parity"
)

// change is one way to falsify a fixture of a kind: the replay must notice.
type change struct {
	kind, name string
	tensor     string // pattern of the tensors that are falsified, all that match
	reverse    bool   // by turning their values round, where one may change unnoticed
	meta, to   string // or: pattern in the meta, and what replaces it
}

func imageChanges() []change {
	return []change{
		{kind: "reparam_linear", name: "lambda", tensor: `param/cross_modal_scale`},
		{kind: "reparam_linear", name: "auxiliary weight", tensor: `param/aux_weight`},
		{kind: "vit_image_cls", name: "one lambda", tensor: `param/blocks\.0\.mlp\.fc1\.cross_modal_scale`},
		{kind: "vit_image_cls", name: "one parameter", tensor: `param/blocks\.1\.attn\.proj\.weight`},
		{kind: "vit_image_cls", name: "a bias gradient", tensor: `grad/blocks\.0\.attn\.qkv\.bias`},
		{kind: "vit_image_cls", name: "pixel gradient", tensor: `grad_in/x`},
		{kind: "vit_image_cls", name: "smoothing", meta: `"smoothing": [0-9.]+`, to: `"smoothing": 0.2`},
		{kind: "vit_image_cls", name: "heads", meta: `"num_heads": \d+`, to: `"num_heads": 1`},
		{kind: "vit_image_cls", name: "mixup", meta: `"mixup_lam": [0-9.]+`, to: `"mixup_lam": 0.6`},
		{kind: "train_trajectory", name: "smoothing", meta: `"smoothing": [0-9.]+`, to: `"smoothing": 0.2`},
		{kind: "train_trajectory", name: "lr", meta: `"lr": [0-9.]+`, to: `"lr": 0.0021`},
		{kind: "train_trajectory", name: "warm-up", meta: `"warmup_epochs": \d+`, to: `"warmup_epochs": 2`},
		{kind: "train_trajectory", name: "layer decay", meta: `"layer_decay": [0-9.]+`, to: `"layer_decay": 0.7`},
		{kind: "train_trajectory", name: "weight decay", meta: `"weight_decay": [0-9.]+`, to: `"weight_decay": 0.5`},
		{kind: "train_trajectory", name: "clipping on", meta: `"clip_grad": null`, to: `"clip_grad": 0.25`},
		{kind: "train_trajectory", name: "clipping off", meta: `"clip_grad": [0-9.]+`, to: `"clip_grad": null`},
		{kind: "train_trajectory", name: "accumulation", meta: `"accum_iter": \d+`, to: `"accum_iter": 3`},
		{kind: "train_trajectory", name: "betas", meta: `"betas": \[[^]]+\]`, to: `"betas": [0.8, 0.9]`},
		{kind: "optim_adamw", name: "betas", meta: `"betas": \[[^]]+\]`, to: `"betas": [0.8, 0.999]`},
		{kind: "optim_adamw", name: "weight decay", meta: `"weight_decay": [0-9.]+`, to: `"weight_decay": 0.06`},
		{kind: "optim_adamw", name: "a gradient", tensor: `in/step1/grad/.*`},
		{kind: "clip_grad_norm", name: "limit", meta: `"max_norm": [0-9.]+`, to: `"max_norm": 0.5`},
		{kind: "lr_schedule", name: "warm-up", meta: `"warmup_epochs": \d+`, to: `"warmup_epochs": 1`},
		{kind: "lr_schedule", name: "column", meta: `lr_scale 0[0-9.]+`, to: `lr_scale 0.3`},
		{kind: "param_groups_lrd", name: "layer decay", meta: `"layer_decay": [0-9.]+`, to: `"layer_decay": 0.7`},
		{kind: "param_groups_lrd", name: "order in a group", meta: `"blocks.0.norm1.weight",(\s*)"blocks.0.norm1.bias"`, to: `"blocks.0.norm1.bias",$1"blocks.0.norm1.weight"`},
		{kind: "timm_vit_keys", name: "a name", meta: `blocks\.3\.norm2\.bias`, to: `blocks.3.norm3.bias`},
		{kind: "primitives", name: "running variance", tensor: `param/bn\.running_var`},
		{kind: "primitives", name: "stride", meta: `"s": 3`, to: `"s": 2`},
		{kind: "drop_path", name: "rate", meta: `"p": [0-9.]+`, to: `"p": 0.31`},
		{kind: "mixup", name: "lambda", meta: `"lam": [0-9.]+`, to: `"lam": 0.2`},
		{kind: "mixup", name: "smoothing", meta: `"smoothing": [0-9.]+`, to: `"smoothing": 0`},
		{kind: "image_transform_eval", name: "size", meta: `"resize_short_side": \d+`, to: `"resize_short_side": 254`},
		{kind: "image_transform_eval", name: "mean", meta: `"mean": \[[0-9.]+`, to: `"mean": [0.4`},
		{kind: "image_resized_crop", name: "box", tensor: `in/boxes_ijhw`},
		{kind: "posembed_2d", name: "class row", meta: `"cls_token": true`, to: `"cls_token": false`},
		{kind: "posembed_interp", name: "table", tensor: `in/pos_embed`},
		{kind: "metrics_topk", name: "labels", tensor: `in/y`},
	}
}

func audioChanges() []change {
	return []change{
		{kind: "audio_fbank", name: "sampling rate", meta: `"sample_rate": \d+`, to: `"sample_rate": 11025`},
		{kind: "audio_fbank", name: "normalisation", meta: `"mean": -[0-9.]+`, to: `"mean": -4.2`},
		{kind: "audio_fbank", name: "length", meta: `"target_length": \d+`, to: `"target_length": 65`},
		{kind: "audio_wavemix", name: "lambda", meta: `"lam": [0-9.]+`, to: `"lam": 0.5`},
		{kind: "audio_wavemix", name: "second wave", tensor: `in/wave2_i16`, reverse: true},
		{kind: "audio_specaug", name: "uniforms", tensor: `in/uniform`},
		{kind: "audio_specaug", name: "widest stripe", meta: `"timem": \d+`, to: `"timem": 20`},
		{kind: "vit_audio_cls", name: "one lambda", tensor: `param/blocks\.0\.mlp\.fc1\.cross_modal_scale`},
		{kind: "vit_audio_cls", name: "position table", tensor: `param/pos_embed`},
		{kind: "vit_audio_cls", name: "targets", tensor: `in/y`},
		{kind: "vit_audio_cls", name: "stride", meta: `"stride": 6`, to: `"stride": 8`},
		{kind: "vit_audio_cls", name: "masked rows", meta: `"mask_t_prob": 0\.2`, to: `"mask_t_prob": 0.3`},
		{kind: "vit_audio_cls", name: "masked columns", meta: `"mask_f_prob": 0\.25`, to: `"mask_f_prob": 0.5`},
		{kind: "vit_audio_cls", name: "unmasked", meta: `"mask_([tf])_prob": 0\.\d+`, to: `"mask_${1}_prob": 0`},
		{kind: "vit_audio_cls", name: "masked logits", tensor: `out/logits_masked`},
		{kind: "vit_audio_cls", name: "masked gradient", tensor: `grad_masked/patch_embed\.proj\.weight`},
		{kind: "vit_audio_cls", name: "first sample", tensor: `out/patch_embed_sample0`},
		{kind: "posembed_audio", name: "transposed grid", tensor: `out/grid_64x8.*`},
		{kind: "posembed_audio_cut", name: "grid", meta: `"src": \[8, 64\]`, to: `"src": [16, 32]`},
		{kind: "posembed_audio_cut", name: "kernel", tensor: `in/patch_weight_rgb`},
		{kind: "posembed_interp_img2audio", name: "transposed grid", meta: `"dst": \[64, 8\]`, to: `"dst": [8, 64]`},
		{kind: "metrics_audio", name: "scores", tensor: `in/scores`, reverse: true},
		{kind: "metrics_audio", name: "targets", tensor: `in/targets`, reverse: true},
	}
}

func pointChanges() []change {
	return []change{
		{kind: "point_group", name: "points", tensor: `in/xyz`, reverse: true},
		{kind: "point_group", name: "size of a group", meta: `"group_size": 32`, to: `"group_size": 31`},
		{kind: "point_group", name: "picks among equals", tensor: `out/fps_idx_cuda_ties`, reverse: true},
		{kind: "point_transforms", name: "points", tensor: `in/xyz`},
		{kind: "point_transforms", name: "scale", tensor: `in/scale`},
		{kind: "point_transforms", name: "shift", tensor: `in/translate`},
		{kind: "point_encoder", name: "mode", meta: `"mode": "train"`, to: `"mode": "eval"`},
		{kind: "point_encoder", name: "running variance", tensor: `param/second_conv\.1\.running_var`},
		{kind: "point_encoder", name: "running mean after", tensor: `state_after/second_conv\.1\.running_mean`},
		{kind: "point_encoder", name: "gradient that is zero", tensor: `grad/first_conv\.3\.bias`},
		{kind: "point_cls", name: "one lambda", tensor: `param/blocks\.blocks\.0\.attn\.qkv\.cross_modal_scale`},
		{kind: "point_cls", name: "position of the class token", tensor: `param/cls_pos`},
		{kind: "point_cls", name: "position network", tensor: `param/pos_embed\.0\.bias`},
		{kind: "point_cls", name: "mode", meta: `"mode": "train"`, to: `"mode": "eval"`},
		{kind: "point_cls", name: "groups", meta: `"num_group": 16`, to: `"num_group": 15`},
		{kind: "point_cls", name: "heads", meta: `"num_heads": \d+`, to: `"num_heads": 1`},
		{kind: "point_cls", name: "labels", tensor: `in/y`, reverse: true},
		{kind: "point_cls", name: "tokens of groups", tensor: `out/group_tokens`},
		{kind: "point_cls", name: "a gradient of a block", tensor: `grad/blocks\.blocks\.1\.mlp\.fc1\.weight`},
		{kind: "point_feature_propagation", name: "centres", tensor: `in/xyz2`, reverse: true},
		{kind: "point_feature_propagation", name: "gradient of features", tensor: `grad_in/points2`},
		{kind: "point_partseg", name: "category", tensor: `in/onehot`, reverse: true},
		{kind: "point_partseg", name: "mode", meta: `"mode": "train"`, to: `"mode": "eval"`},
		{kind: "point_partseg", name: "shared norm", tensor: `param/norm\.weight`},
		{kind: "point_partseg", name: "one lambda", tensor: `param/blocks\.blocks\.11\.mlp\.fc2\.cross_modal_scale`},
		{kind: "point_partseg", name: "propagated features", tensor: `out/propagated`},
		{kind: "point_partseg", name: "category statistics", tensor: `state_after/label_conv\.1\.running_var`},
		{kind: "param_groups_point", name: "what decays", meta: `("params": \[\s*)"cls_token",\s*`, to: `$1`},
		{kind: "param_groups_point", name: "weight decay", meta: `"weight_decay": 0\.05,(\s*)"groups"`, to: `"weight_decay": 0.06,$1"groups"`},
		{kind: "metrics_partseg", name: "labels", tensor: `in/labels`, reverse: true},
		{kind: "metrics_partseg", name: "parts of a category", meta: `"Table": \[47, 48, 49\]`, to: `"Table": [47, 48]`},
	}
}

func videoChanges() []change {
	return []change{
		{kind: "vit_video_cls", name: "heads", meta: `"num_heads": \d+`, to: `"num_heads": 1`},
		{kind: "vit_video_cls", name: "one lambda", tensor: `param/blocks\.1\.attn\.qkv\.cross_modal_scale`},
		{kind: "vit_video_cls", name: "bias of v", tensor: `param/blocks\.0\.attn\.v_bias`},
		{kind: "vit_video_cls", name: "scale of logits", tensor: `param/blocks\.0\.attn\.scale`},
		{kind: "vit_video_cls", name: "layer scale", tensor: `param/blocks\.0\.gamma_2`},
		{kind: "vit_video_cls", name: "learned table", tensor: `param/pos_embed`},
		{kind: "vit_video_cls", name: "fixed table", tensor: `out/pos_table`},
		{kind: "vit_video_cls", name: "order of frames", tensor: `in/x`, reverse: true},
		{kind: "param_groups_video", name: "layer decay", meta: `"layer_decay": [0-9.]+`, to: `"layer_decay": 0.7`},
		{kind: "param_groups_video", name: "order in a group", meta: `"blocks.0.gamma_1",(\s*)"blocks.0.gamma_2"`, to: `"blocks.0.gamma_2",$1"blocks.0.gamma_1"`},
		{kind: "video_sinusoid_table", name: "width", meta: `"n": 64`, to: `"n": 63`},
		{kind: "posembed_interp_video_time", name: "table", tensor: `in/pos_embed`},
		{kind: "posembed_interp_video_time", name: "places of a frame", meta: `"T": 8`, to: `"T": 12`},
	}
}

func maskedChanges() []change {
	return []change{
		{kind: "chamfer", name: "first clouds", tensor: `in/xyz1`},
		{kind: "chamfer", name: "second clouds", tensor: `in/xyz2`, reverse: true},
		{kind: "chamfer", name: "gradient of the second clouds", tensor: `grad_l1/xyz2`},
		{kind: "chamfer", name: "gradient of squared distances", tensor: `grad_l2/xyz1`},
		{kind: "mae_len_keep", name: "tokens", tensor: `in/L`},
		{kind: "mae_len_keep", name: "ratios", tensor: `in/ratio`},
		{kind: "mae_len_keep", name: "masked in a slice", tensor: `out/num_mask_video`, reverse: true},
		{kind: "video_masks", name: "phases", tensor: `out/running_cell_all`, reverse: true},
		{kind: "video_masks", name: "a tube that ends", tensor: `out/tube_example`},
		{kind: "video_masks", name: "ratio", meta: `"tube_ratio": 0\.9`, to: `"tube_ratio": 0.8`},
		{kind: "video_masks", name: "window", meta: `"window": \[8, 14, 14\]`, to: `"window": [4, 14, 28]`},
	}
}

func pretrainChanges() []change {
	return []change{
		{kind: "mae_image_pretrain", name: "heads", meta: `"num_heads": \d+`, to: `"num_heads": 1`},
		{kind: "mae_image_pretrain", name: "heads of the decoder", meta: `"decoder_num_heads": \d+`, to: `"decoder_num_heads": 1`},
		{kind: "mae_image_pretrain", name: "ratio", meta: `"mask_ratio": [0-9.]+`, to: `"mask_ratio": 0.5`},
		{kind: "mae_image_pretrain", name: "noise", tensor: `in/noise`, reverse: true},
		{kind: "mae_image_pretrain", name: "mask token", tensor: `param/mask_token`},
		{kind: "mae_image_pretrain", name: "table", tensor: `param/pos_embed`},
		{kind: "mae_image_pretrain", name: "table of the decoder", tensor: `param/decoder_pos_embed`},
		{kind: "mae_image_pretrain", name: "order of the mask", tensor: `out/ids_restore`, reverse: true},
		{kind: "mae_image_pretrain", name: "predictions", tensor: `out/pred`},
		{kind: "mae_image_pretrain", name: "patches", tensor: `out/patchify`},
		{kind: "mae_image_pretrain", name: "patches put together", tensor: `out/unpatchify_pred`},
		{kind: "mae_image_pretrain", name: "loss of standardised patches", tensor: `loss/norm_pix`},
		{kind: "mae_image_pretrain", name: "gradient of the mask token", tensor: `grad/mask_token`},
		{kind: "mae_image_pretrain", name: "gradient for standardised patches", tensor: `grad_normpix/decoder_pred\.bias`},
		{kind: "mae_audio_pretrain", name: "kind of mask", meta: `"mask_2d": true`, to: `"mask_2d": false`},
		{kind: "mae_audio_pretrain", name: "masked rows", meta: `("mask_2d": true.*"mask_t_prob"): [0-9.]+`, to: `$1: 0.5`},
		{kind: "mae_audio_pretrain", name: "masked columns", tensor: `in/noise_f`, reverse: true},
		{kind: "mae_audio_pretrain", name: "targets", meta: `"norm_pix_loss": true`, to: `"norm_pix_loss": false`},
		{kind: "mae_audio_pretrain", name: "table", tensor: `param/pos_embed`, reverse: true},
		{kind: "mae_audio_pretrain", name: "table of the decoder", tensor: `param/decoder_pos_embed`, reverse: true},
		{kind: "mae_audio_pretrain", name: "windows", meta: `"decoder_window": 6`, to: `"decoder_window": 4`},
		{kind: "mae_audio_pretrain", name: "no windows", meta: `"decoder_window": 4`, to: `"decoder_window": 0`},
		{kind: "mae_audio_pretrain", name: "tau", tensor: `param/decoder_blocks\.1\.attn\.tau`},
		{kind: "mae_audio_pretrain", name: "biases", tensor: `param/decoder_blocks\.0\.attn\.meta_mlp\.fc2\.weight`},
		{kind: "mae_audio_pretrain", name: "key biases", tensor: `param/decoder_blocks\.0\.attn\.qkv\.bias`, reverse: true},
		{kind: "mae_audio_pretrain", name: "gradient of tau", tensor: `grad/decoder_blocks\.0\.attn\.tau`},
		{kind: "mae_audio_pretrain", name: "gradient of the bias network", tensor: `grad/decoder_blocks\.1\.attn\.meta_mlp\.fc1\.bias`},
		{kind: "mae_audio_pretrain", name: "tokens of a shifted block", tensor: `out/decoder_block1`},
		{kind: "point_mae", name: "mask", tensor: `in/mask`, reverse: true},
		{kind: "point_mae", name: "loss", meta: `"loss": "cdl1"`, to: `"loss": "cdl2"`},
		{kind: "point_mae", name: "heads of the decoder", meta: `"decoder_num_heads": \d+`, to: `"decoder_num_heads": 1`},
		{kind: "point_mae", name: "positions in the decoder", tensor: `param/decoder_pos_embed\.0\.bias`},
		{kind: "point_mae", name: "norm of the decoder", tensor: `param/MAE_decoder\.norm\.weight`},
		{kind: "point_mae", name: "last layer", tensor: `param/increase_dim\.0\.weight`},
		{kind: "point_mae", name: "gradient of the last layer", tensor: `grad/increase_dim\.0\.weight`},
		{kind: "point_mae", name: "gradient of a block of the encoder", tensor: `grad/MAE_encoder\.blocks\.blocks\.0\.attn\.qkv\.weight`},
		{kind: "point_mae", name: "true neighbours", tensor: `out/gt`},
		{kind: "point_mae", name: "running variance after", tensor: `state_after/MAE_encoder\.encoder\.second_conv\.1\.running_var`},
		{kind: "mae_video_pretrain", name: "mask", tensor: `in/mask`, reverse: true},
		{kind: "mae_video_pretrain", name: "mask of the decoder", tensor: `in/decode_mask`, reverse: true},
		{kind: "mae_video_pretrain", name: "heads of the decoder", meta: `"decoder_heads": \d+`, to: `"decoder_heads": 1`},
		{kind: "mae_video_pretrain", name: "targets", meta: `"normalize_target": true`, to: `"normalize_target": false`},
		{kind: "mae_video_pretrain", name: "deviations", meta: `"std": \[[0-9.]+`, to: `"std": [0.3`},
		{kind: "mae_video_pretrain", name: "what counts", tensor: `out/loss_mask`, reverse: true},
		{kind: "mae_video_pretrain", name: "table of the decoder", tensor: `out/decoder_pos_table`},
		{kind: "mae_video_pretrain", name: "bridge", tensor: `param/encoder_to_decoder\.weight`},
		{kind: "mae_video_pretrain", name: "gradient of the bridge", tensor: `grad/encoder_to_decoder\.weight`},
	}
}

func trainChanges() []change {
	return []change{
		{kind: "linprobe_head", name: "mode", meta: `"mode": "train"`, to: `"mode": "eval"`},
		{kind: "linprobe_head", name: "running mean", tensor: `param/head\.0\.running_mean`},
		{kind: "linprobe_head", name: "labels", tensor: `in/y`, reverse: true},
		{kind: "optim_sgd", name: "momentum", meta: `"momentum": [0-9.]+`, to: `"momentum": 0.8`},
		{kind: "optim_sgd", name: "Nesterov", meta: `"nesterov": true`, to: `"nesterov": false`},
		{kind: "optim_sgd", name: "weight decay", meta: `"weight_decay": [0-9.]+`, to: `"weight_decay": 0.01`},
		{kind: "optim_sgd", name: "a gradient", tensor: `in/step1/grad/b1`},
		{kind: "optim_lars", name: "momentum", meta: `"momentum": [0-9.]+`, to: `"momentum": 0.8`},
		{kind: "optim_lars", name: "trust", meta: `"trust_coefficient": [0-9.]+`, to: `"trust_coefficient": 0.01`},
		{kind: "optim_lars", name: "weight decay", meta: `"weight_decay": [0-9.]+`, to: `"weight_decay": 0.5`},
		{kind: "lr_schedule_point", name: "warm-up", meta: `"warmup_epochs": 5`, to: `"warmup_epochs": 4`},
		{kind: "lr_schedule_point", name: "first rate", meta: `"warmup_lr_init": 1e-06`, to: `"warmup_lr_init": 2e-06`},
		{kind: "lr_schedule_point", name: "last rate", meta: `"lr_min": 1e-06`, to: `"lr_min": 0`},
		{kind: "lr_schedule_video", name: "warm-up in iterations", meta: `"warmup_steps": 13`, to: `"warmup_steps": 12`},
		{kind: "lr_schedule_video", name: "warm-up in epochs", meta: `"warmup_epochs": 2`, to: `"warmup_epochs": 1`},
		{kind: "lr_schedule_video", name: "first rate", meta: `"start_warmup": 1e-07`, to: `"start_warmup": 0`},
		{kind: "lr_schedule_video", name: "iterations", meta: `"iters_per_epoch": 7`, to: `"iters_per_epoch": 6`},
	}
}

// apply is a falsified copy of a fixture, false where it has no such thing.
func (c change) apply(t *testing.T, f *parity.Fixture) (*parity.Fixture, bool) {
	t.Helper()
	changed := false
	re := regexp.MustCompile("^" + c.tensor + "$")
	g := rebuilt(t, f, func(tensor checkpoint.Tensor) (checkpoint.Tensor, bool) {
		if c.tensor != "" && re.MatchString(tensor.Name) {
			changed = true
			if c.reverse {
				return reversed(t, tensor), true
			}
			return falsified(t, tensor), true
		}
		return tensor, true
	})
	if c.meta != "" {
		g.Meta = regexp.MustCompile(c.meta).ReplaceAll(f.Meta, []byte(c.to))
		changed = string(g.Meta) != string(f.Meta)
	}
	return g, changed
}

// rebuilt is a copy of a fixture with every tensor edited or left out.
func rebuilt(t *testing.T, f *parity.Fixture, edit func(checkpoint.Tensor) (checkpoint.Tensor, bool)) *parity.Fixture {
	t.Helper()
	var list []checkpoint.Tensor
	for tensor := range f.All() {
		if edited, ok := edit(tensor); ok {
			list = append(list, edited)
		}
	}
	ts, err := checkpoint.Collect(list...)
	if err != nil {
		t.Fatal(err)
	}
	return &parity.Fixture{Dir: f.Dir, Name: f.Name, Kind: f.Kind, Meta: f.Meta, Tensors: ts}
}

// falsified moves the largest finite number by 2 %, an integer by 1.
func falsified(t *testing.T, tensor checkpoint.Tensor) checkpoint.Tensor {
	t.Helper()
	if ints, err := tensor.Int64s(); err == nil {
		v := slices.Clone(ints)
		v[0]++
		return checkpoint.New(tensor.Name, tensor.Shape, v)
	}
	floats, err := tensor.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	v, top := slices.Clone(floats), 0
	for i, x := range v {
		if magnitude(x) > magnitude(v[top]) {
			top = i
		}
	}
	v[top] += 0.02*math.Abs(v[top]) + 0.01
	return checkpoint.New(tensor.Name, tensor.Shape, v)
}

// magnitude is |x|, or less than any where adding to x would not change it.
func magnitude(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return -1
	}
	return math.Abs(x)
}

// reversed has the values of a tensor in the opposite order.
func reversed(t *testing.T, tensor checkpoint.Tensor) checkpoint.Tensor {
	t.Helper()
	if ints, err := tensor.Int64s(); err == nil {
		return checkpoint.New(tensor.Name, tensor.Shape, backwards(ints))
	}
	floats, err := tensor.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint.New(tensor.Name, tensor.Shape, backwards(floats))
}

func backwards[T any](v []T) []T {
	v = slices.Clone(v)
	slices.Reverse(v)
	return v
}
