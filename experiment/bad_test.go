package experiment_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/experiment"
)

// badFiles has the exact message for every file of testdata/bad, with the
// folder left out.
var badFiles = []struct{ file, message string }{
	{"accumulate", `accumulate.toml:3: train.accumulate: is 4, which does not divide train.batch = 10`},
	{"augment_colours", `augment_colours.toml:2: augment.auto_augment: is "rand-m9-q3": section "q3": want m, n, mstd, inc or w and a number` + "\n" +
		`augment_colours.toml:3: augment.color_jitter: is 0.4, but augment.auto_augment takes its place; keep one`},
	{"augment_ranges", `augment_ranges.toml:3: augment.repeated: is 0, want 1 to 65536` + "\n" +
		`augment_ranges.toml:2: augment.color_jitter: is -0.4, want 0 or more`},
	{"aux_cycle", `aux_cycle_back.toml:2: pathway.aux_config: cycle: aux_cycle.toml -> aux_cycle_back.toml -> aux_cycle.toml`},
	{"aux_cycle_back", `aux_cycle.toml:2: pathway.aux_config: cycle: aux_cycle_back.toml -> aux_cycle.toml -> aux_cycle_back.toml`},
	{"aux_invalid", `accumulate.toml:3: train.accumulate: is 4, which does not divide train.batch = 10`},
	{"aux_missing", `aux_missing.toml:2: pathway.aux_config: nosuch.toml does not exist`},
	{"aux_set_invalid", `-set aux.train.epocs=3: train.epocs: unknown key "epocs"; did you mean "epochs"?`},
	{"aux_unset", `aux_unset.toml:2: pathway.aux_config: environment variable EXPERIMENT_TEST_UNSET is not set ($EXPERIMENT_TEST_UNSET/aux.toml)`},
	{"betas", `betas.toml:2: optimizer.betas: is 1, want 0 or more and below 1`},
	{"blr_overflow", `blr_overflow.toml:2: optimizer.blr: is 1e+308, too large for train.batch = 1024`},
	{"cutmix_minmax_off", `cutmix_minmax_off.toml:2: augment.cutmix_minmax: is given, but augment.cutmix = 0 is off`},
	{"cutmix_minmax_order", `cutmix_minmax_order.toml:3: augment.cutmix_minmax: is [0.8 0.2], want a range within 0 to 1, low first`},
	{"data_path_empty", `data_path_empty.toml:1: data.path: is empty; format "cifar10" needs the folder of the dataset`},
	{"data_path_generated", `data_path_generated.toml:2: data.path: is given, but format "generated" reads no files`},
	{"data_ranges", `data_ranges.toml:2: data.samples: is 0, want 1 to 100000000` + "\n" +
		`data_ranges.toml:3: data.channels: is 4, want 1 or 3` + "\n" +
		`data_ranges.toml:6: data.std: is 0, want numbers above 0` + "\n" +
		`data_ranges.toml:4: data.workers: is -1, want 0 to 4096` + "\n" +
		`data_ranges.toml:5: data.max_skipped: is -1, want 0 or more`},
	{"drop_path_one", `drop_path_one.toml:2: model.drop_path: is 1, want 0 or more and below 1`},
	{"duplicate_key", `duplicate_key.toml:3: Key 'optimizer.lr' has already been defined`},
	{"duplicate_section", `duplicate_section.toml:3: Key 'train' has already been defined`},
	{"enum_augment", `enum_augment.toml:2: augment.crop: is "random", want resized or byol or multi_scale or shift or none` + "\n" +
		`enum_augment.toml:3: augment.interpolation: is "nearest", want bicubic or bilinear or linear` + "\n" +
		`enum_augment.toml:4: augment.remode: is "noise", want pixel or rand or const` + "\n" +
		`enum_augment.toml:5: augment.mixup_mode: is "half", want batch or pair or elem`},
	{"enum_device", `enum_device.toml:2: device.name: is "gpu", want cpu, cuda or cuda:INDEX` + "\n" +
		`enum_device.toml:3: device.precision: is "fp16", want float32 or bf16`},
	{"enum_format", `enum_format.toml:2: data.format: is "imagefolder", want generated or folder or cifar10 or shards`},
	{"enum_jpeg", `enum_jpeg.toml:2: data.jpeg: is "fast", want auto or turbo or go`},
	{"enum_model", `enum_model.toml:2: model.name: is "vit_huge", want vit_tiny or vit_small or vit_base or vit_large`},
	{"enum_non_finite", `enum_non_finite.toml:2: train.non_finite: is "ignore", want stop or skip`},
	{"enum_optimizer", `enum_optimizer.toml:2: optimizer.name: is "adam", want adamw or sgd or lars`},
	{"enum_qkv_bias", `enum_qkv_bias.toml:2: model.qkv_bias: is "q", want full or split or none`},
	{"enum_schedule", `enum_schedule.toml:2: schedule.name: is "step", want cosine or cosine_epochs or cosine_steps`},
	{"enum_task", `enum_task.toml:1: task: is "clasify", want classify or pretrain`},
	{"enum_tokenizer", `enum_tokenizer.toml:2: tokenizer.kind: is "text", want image or audio or point or video`},
	{"enum_weight_init", `enum_weight_init.toml:2: model.weight_init: is "kaiming", want normal or xavier or fan_in`},
	{"audio_ranges", `audio_ranges.toml:5: audio.mel_bins: is 0, want 1 to 4096` + "\n" +
		`audio_ranges.toml:6: audio.std: is 0, want a number above 0` + "\n" +
		`audio_ranges.toml:7: audio.mixup: is 2, want 0 to 1` + "\n" +
		`audio_ranges.toml:1: tokenizer.patch_size: is 16, larger than the spectrogram (audio.frames = 1024, audio.mel_bins = 0)` + "\n" +
		`audio_ranges.toml: augment.smoothing: is 0.1, but targets of mixed clips and of several classes are not smoothed: set it to 0`},
	{"bce_image", `bce_image.toml:2: head.loss: is "bce", which needs samples of several classes: tokenizer.kind = "audio"`},
	{"eval_ranges", `eval_ranges.toml:2: eval.every: is 0, want 1 or more` + "\n" +
		`eval_ranges.toml:3: eval.crop_pct: is 1.5, want 0.01 to 1, or 0 for the default`},
	{"frozen_aux", `frozen_aux.toml:5: pathway.aux_trainable: is on, but model.frozen leaves only lambda and the head to train`},
	{"head_point", `head_point.toml:2: head.kind: is "point", which needs tokenizer.kind = "point"` + "\n" +
		`head_point.toml:3: head.dropout: is 1, want 0 or more and below 1`},
	{"other_modality", `other_modality.toml:9: audio.mixup: is given, but tokenizer.kind is "image": it is for "audio"` + "\n" +
		`other_modality.toml:5: point.way: is given, but tokenizer.kind is "image": it is for "point"` + "\n" +
		`other_modality.toml:7: video.frames: is given, but tokenizer.kind is "image": it is for "video"` + "\n" +
		`other_modality.toml:3: head.dropout: is 0.5, but a "probe" has none`},
	{"parts", `parts.toml:6: head.kind: is "parts", which needs model.class_token = false and a model.depth that 3 divides` + "\n" +
		`parts.toml:6: head.kind: is "parts", which needs labelled points: data.format = "generated" or "shapenetpart"` + "\n" +
		`parts.toml:8: eval.votes: is 3, but only the classes of point clouds are voted on`},
	{"point_ranges", `point_ranges.toml:5: point.points: is 0, want 1 to 524288` + "\n" +
		`point_ranges.toml:6: point.sampling: is "grid", want fps or random or replace` + "\n" +
		`point_ranges.toml:7: point.up: is "w", want x or y or z` + "\n" +
		`point_ranges.toml:8: point.scale_shift: and scale_translate are both on; keep one` + "\n" +
		`point_ranges.toml:2: tokenizer.groups: gives 64 groups of 32 of point.points = 0` + "\n" +
		`point_ranges.toml:10: augment.mixup: cutmix and reprob change pixels; point clouds have none: set them to 0` + "\n" +
		`point_ranges.toml:12: model.pos_embed: is "learned" with tokenizer.kind = "point": "mlp" is for point clouds, and they for it`},
	{"video_ranges", `video_ranges.toml:5: video.rate: is 0, want 1 to 4096` + "\n" +
		`video_ranges.toml:2: tokenizer.tubelet_size: is 3, which does not divide video.frames = 16` + "\n" +
		`video_ranges.toml:6: video.short: is 64, smaller than data.image_size = 224` + "\n" +
		`video_ranges.toml:8: model.pos_embed: is "sincos", the table of pictures: clips have "sinusoid" or "learned"` + "\n" +
		`video_ranges.toml:10: eval.crops: is 0 and segments 5: give both or neither`},
	{"probe_batch", `probe_batch.toml:4: train.batch: gives micro-batches of 1, but batch normalisation needs 2 samples or more`},
	{"heads_not_dividing", `heads_not_dividing.toml:3: model.num_heads: is 5, which does not divide model.embed_dim = 192`},
	{"heads_zero", `heads_zero.toml:2: model.num_heads: is 0, want 1 to 16384`},
	{"include_cycle", `include_cycle_back.toml:1: include: cycle: include_cycle.toml leads back to itself`},
	{"include_cycle_back", `include_cycle.toml:1: include: cycle: include_cycle_back.toml leads back to itself`},
	{"include_invalid", `unknown_key.toml:2: train.epohcs: unknown key "epohcs"; did you mean "epochs"?`},
	{"include_missing", `include_missing.toml:2: include: open nosuch.toml: no such file or directory`},
	{"include_unset", `include_unset.toml:1: include: environment variable EXPERIMENT_TEST_UNSET is not set (${EXPERIMENT_TEST_UNSET}/base.toml)`},
	{"infinite", `infinite.toml:5: pathway.lambda_init: is -Inf, want a number` + "\n" +
		`infinite.toml:2: train.clip_grad: is +Inf, want 0 or more`},
	{"layer_decay", `layer_decay.toml:2: optimizer.layer_decay: is 1.5, want above 0 and at most 1 (off)`},
	{"lr_and_blr", `lr_and_blr.toml:2: optimizer.lr: and blr are both given; keep one`},
	{"lr_none", `lr_none.toml:2: optimizer.lr: and blr are both 0; give one`},
	{"min_lr", `min_lr.toml:4: schedule.min_lr: is 0.1, above the learning rate 0.001`},
	{"nan", `nan.toml:2: optimizer.lr: is NaN, want a number above 0` + "\n" +
		`nan.toml:3: optimizer.weight_decay: is NaN, want 0 or more` + "\n" +
		`nan.toml:6: augment.ratio: is [NaN 1], want a range above 0, low first` + "\n" +
		`nan.toml:5: augment.hflip: is NaN, want 0 to 1`},
	{"negative", `negative.toml:5: train.max_steps: is -1, want 0 or more` + "\n" +
		`negative.toml:4: train.batch: is -4, want 1 to 65536` + "\n" +
		`negative.toml:2: optimizer.lr: is -0.1, want a number above 0`},
	{"odd_mixup", `odd_mixup.toml:2: train.batch: gives micro-batches of 3, but mixup and cutmix pair samples and need an even number`},
	{"output_unset", `output_unset.toml:1: output: environment variable EXPERIMENT_TEST_UNSET is not set ($EXPERIMENT_TEST_UNSET/run)`},
	{"patch_not_dividing", `patch_not_dividing.toml:4: tokenizer.patch_size: patches of 5 every 5 pixels do not tile data.image_size = 32`},
	{"patch_too_large", `patch_too_large.toml: tokenizer.patch_size: is 16, larger than the image (data.image_size = 8)`},
	{"pathway_aux_set", `pathway_aux_set.toml:3: pathway.aux_set: is given without aux_config`},
	{"pathway_both", `pathway_both.toml:2: pathway.aux: and aux_config are both given; keep one`},
	{"pathway_layer", `pathway_layer.toml:3: pathway.layers: is "mlp.fc3", want attn.qkv or attn.proj or mlp.fc1 or mlp.fc2`},
	{"pathway_layer_twice", `pathway_layer_twice.toml:3: pathway.layers: names "mlp.fc1" twice`},
	{"pathway_neither", `pathway_neither.toml:1: pathway: names no auxiliary model; give aux (a checkpoint) or aux_config (an experiment)`},
	{"pathway_no_layers", `pathway_no_layers.toml:3: pathway.layers: is empty, want some of attn.qkv, attn.proj, mlp.fc1, mlp.fc2`},
	{"pathway_second", `pathway_second.toml:7: pathway[1].order: is "backward", want forward or reversed`},
	{"pathway_unknown_second", `pathway_unknown_second.toml:6: pathway[1].lambda: unknown key "lambda"; [pathway] has aux, aux_source, aux_config, aux_set, layers, lambda_init, lambda_trainable, aux_trainable, order`},
	{"pool_without_token", `pool_without_token.toml:3: model.global_pool: is "token", which needs model.class_token = true`},
	{"scale_order", `scale_order.toml:2: augment.scale: is [1 0.08], want a range within 0 to 1, low first`},
	{"section_is_list", `section_is_list.toml:1: train: want a table, got a list of tables`},
	{"section_is_number", `section_is_number.toml:1: train: want a table, got the integer 3`},
	{"several", `several.toml:1: sed: unknown key "sed"; did you mean "seed"?` + "\n" +
		`several.toml:4: train.epochs: want an integer, got the string "ten"` + "\n" +
		`several.toml:5: train.batches: unknown key "batches"; did you mean "batch"?`},
	{"sincos_width", `sincos_width.toml:4: model.pos_embed: is "sincos", which needs model.embed_dim = 6 to be a multiple of 4`},
	{"stride_not_dividing", `stride_not_dividing.toml:4: tokenizer.patch_size: patches of 4 every 3 pixels do not tile data.image_size = 32`},
	{"syntax", `syntax.toml:2: expected '.' or ']' to end table name, but got '\n' instead`},
	{"syntax_value", `syntax_value.toml:2: expected value but found "folder" instead`},
	{"type_bool_for_string", `type_bool_for_string.toml:1: task: want a string, got true`},
	{"type_date_for_string", `type_date_for_string.toml:1: name: want a string, got a date`},
	{"type_float_for_int", `type_float_for_int.toml:2: train.epochs: want an integer, got the number 3.0`},
	{"type_include", `type_include.toml:1: include: want a list of strings, got the string "base.toml"`},
	{"type_int_for_bool", `type_int_for_bool.toml:2: model.class_token: want true or false, got the integer 1`},
	{"type_int_for_string", `type_int_for_string.toml:1: output: want a string, got the integer 3`},
	{"type_list_item", `type_list_item.toml:3: pathway.layers: item 2: want a string, got the integer 2`},
	{"type_list_length", `type_list_length.toml:2: data.mean: want a list of 3 numbers, got a list of 1`},
	{"type_pathway", `type_pathway.toml:1: pathway: want a table or a list of tables, got the string "w.safetensors"`},
	{"type_pathway_list", `type_pathway_list.toml:1: pathway: want a table or a list of tables, got a list of 1`},
	{"type_seed_negative", `type_seed_negative.toml:1: seed: want an integer from 0 to 9223372036854775807, got the integer -1`},
	{"type_string_for_float", `type_string_for_float.toml:2: optimizer.lr: want a number, got the string "1e-3"`},
	{"type_string_for_int", `type_string_for_int.toml:2: train.epochs: want an integer, got the string "3"`},
	{"type_string_for_list", `type_string_for_list.toml:3: pathway.layers: want a list of strings, got the string "attn.qkv"`},
	{"unknown_after_multiline", `unknown_after_multiline.toml:11: augment.mixupp: unknown key "mixupp"; did you mean "mixup"?`},
	{"unknown_dotted", `unknown_dotted.toml:2: model.embed_dims: unknown key "embed_dims"; did you mean "embed_dim"?`},
	{"unknown_inline", `unknown_inline.toml:1: data.sample: unknown key "sample"; did you mean "samples"?`},
	{"unknown_key", `unknown_key.toml:2: train.epohcs: unknown key "epohcs"; did you mean "epochs"?`},
	{"unknown_key_case", `unknown_key_case.toml:2: optimizer.LR: unknown key "LR"; did you mean "lr"?`},
	{"unknown_key_hyphen", `unknown_key_hyphen.toml:2: optimizer.layer-decay: unknown key "layer-decay"; did you mean "layer_decay"?`},
	{"unknown_key_near_elsewhere", `unknown_key_near_elsewhere.toml:1: epoch: unknown key "epoch"; did you mean "train.epochs"?`},
	{"unknown_key_no_idea", `unknown_key_no_idea.toml:2: head.zebra: unknown key "zebra"; [head] has kind, hidden, widths, dropout, loss, init_std`},
	{"unknown_key_other_section", `unknown_key_other_section.toml:2: train.lr: unknown key "lr"; it belongs to [optimizer]`},
	{"unknown_key_two_sections", `unknown_key_two_sections.toml:2: head.batch: unknown key "batch"; it belongs to [train] or [eval]`},
	{"unknown_section", `unknown_section.toml:1: optimiser: unknown key "optimiser"; did you mean "optimizer"?`},
	{"unknown_section_case", `unknown_section_case.toml:1: Train: unknown key "Train"; did you mean "train"?`},
	{"unknown_subsection", `unknown_subsection.toml:1: train.loop: unknown key "loop"; [train] has epochs, max_steps, batch, accumulate, grad_checkpointing, clip_grad, ema_decay, non_finite, checkpoint_every, keep, log_every`},
	{"warmup", `warmup.toml:4: schedule.warmup_epochs: is 5, longer than the run (train.epochs = 3)`},
}

func TestBadFiles(t *testing.T) {
	t.Setenv("EXPERIMENT_TEST_UNSET", "")
	covered := map[string]bool{}
	for _, tc := range badFiles {
		t.Run(tc.file, func(t *testing.T) {
			covered[tc.file+".toml"] = true
			_, err := experiment.Load(filepath.Join("testdata/bad", tc.file+".toml"), nil)
			wantUsage(t, err, tc.message)
		})
	}
	files, err := os.ReadDir("testdata/bad")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !covered[f.Name()] {
			t.Errorf("testdata/bad/%s is in no case", f.Name())
		}
	}
}

// badSets has the exact message for a -set on top of testdata/good/aux.toml,
// with the leading "-set ENTRY: " left out.
var badSets = []struct{ entry, message string }{
	{"train.epocs=3", `train.epocs: unknown key "epocs"; did you mean "epochs"?`},
	{"lr=0.1", `lr: unknown key "lr"; it belongs to [optimizer]`},
	{"optimiser.lr=0.1", `optimiser: unknown key "optimiser"; did you mean "optimizer"?`},
	{"train..epochs=3", `train.: unknown key ""; [train] has epochs, max_steps, batch, accumulate, grad_checkpointing, clip_grad, ` +
		`ema_decay, non_finite, checkpoint_every, keep, log_every`},
	{"train.epochs", `want KEY=VALUE, such as train.epochs=3`},
	{"=3", `want KEY=VALUE, such as train.epochs=3`},
	{"train.epochs=", `train.epochs: want an integer, got the string ""`},
	{"train.epochs=three", `train.epochs: want an integer, got the string "three"`},
	{"train.epochs=3.5", `train.epochs: want an integer, got the number 3.5`},
	{"train.epochs=99999999999999999999", `train.epochs: want an integer, got the string "99999999999999999999"`},
	{"train.epochs.x=3", `train.epochs: want an integer, got a table`},
	{"train=3", `train: want a table, got the integer 3`},
	{"optimizer.lr=1e-", `optimizer.lr: want a number, got the string "1e-"`},
	{"optimizer.lr=0.1\noptimizer.eps=1", `optimizer.lr: want a number, got the string "0.1\noptimizer.eps=1"`},
	{"model.class_token=yes", `model.class_token: want true or false, got the string "yes"`},
	{"pathway.layers=attn.qkv", `pathway.layers: want a list of strings, got the string "attn.qkv"`},
	{"data.mean=[0.5, 0.5]", `data.mean: want a list of 3 numbers, got a list of 2`},
	{"train.batch=0", `train.batch: is 0, want 1 to 65536`},
	{"train.batch=9000000000000", `train.batch: is 9000000000000, want 1 to 65536`},
	{"train.accumulate=9000000000000", `train.accumulate: is 9000000000000, want 1 to 65536`},
	{"train.epochs=9000000000000000000", `train.epochs: is 9000000000000000000, want 1 to 1000000`},
	{"eval.batch=9000000000000", `eval.batch: is 9000000000000, want 0 to 65536`},
	{"eval.crop_pct=1e-300", `eval.crop_pct: is 1e-300, want 0.01 to 1, or 0 for the default`},
	{"data.samples=9000000000000000000", `data.samples: is 9000000000000000000, want 1 to 100000000`},
	{"data.val_samples=9000000000000000000", `data.val_samples: is 9000000000000000000, want 1 to 100000000`},
	{"data.workers=100000000000", `data.workers: is 100000000000, want 0 to 4096`},
	{"data.image_size=9000000000000000000", `data.image_size: is 9000000000000000000, want 1 to 16384`},
	{"tokenizer.stride=9000000000000000000", `tokenizer.stride: is 9000000000000000000, want 0 to 16384`},
	{"model.depth=1000000", `model.depth: is 1000000, want 1 to 1024`},
	{"model.embed_dim=9000000000000000000", `model.embed_dim: is 9000000000000000000, want 1 to 16384`},
	{"model.mlp_ratio=1e300", `model.mlp_ratio: is 1e+300, want above 0 and at most 64`},
	{"augment.shift=9000000000000000000", `augment.shift: is 9000000000000000000, want 0 to 16384`},
	{"device.threads=100000000000", `device.threads: is 100000000000, want 0 to 4096`},
	{"data.format=foldr", `data.format: is "foldr", want generated or folder or cifar10 or shards`},
	{`include=["a.toml"]`, `include: only a file can include`},
	{"aux.train.epochs=3", `no pathway has an aux_config`},
}

func TestBadSets(t *testing.T) {
	for _, tc := range badSets {
		t.Run(tc.entry, func(t *testing.T) {
			_, err := experiment.Load("testdata/good/aux.toml", []string{tc.entry})
			if err == nil {
				t.Fatalf("no error, want %s", tc.message)
			}
			first, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "-set "+tc.entry+": "), "\n-set")
			if first, _, _ = strings.Cut(first, "\ntestdata"); first != tc.message {
				t.Errorf("got  %s\nwant %s", err, tc.message)
			}
		})
	}
}

// TestTooMuch: values that are fine alone and too much together.
func TestTooMuch(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"train.batch=8192", "train.batch: gives batches of 2.58e+10 values, want 1.72e+10 at most: smaller samples or fewer"},
		{"eval.batch=8192", "eval.batch: gives batches of 2.58e+10 values, want 1.72e+10 at most: smaller samples or fewer"},
		{"tokenizer.patch_size=2", "tokenizer.patch_size: gives 262144 patches, want 65536 at most"},
	} {
		t.Run(c.set, func(t *testing.T) {
			_, err := experiment.Load("testdata/good/aux.toml", []string{"data.image_size=1024", c.set})
			wantUsage(t, err, "-set "+c.set+": "+c.want)
		})
	}
}

func TestSetNotUTF8(t *testing.T) {
	_, err := experiment.Load("testdata/good/aux.toml", []string{"description=\xff"})
	wantUsage(t, err, `-set "description=\xff": not UTF-8`)
}

func TestLoadMissingFile(t *testing.T) {
	_, err := experiment.Load("testdata/nosuch.toml", nil)
	wantUsage(t, err, "open testdata/nosuch.toml: no such file or directory")
}

// TestLoadHugeFile would take minutes without the bounds on what is parsed.
func TestLoadHugeFile(t *testing.T) {
	for name, text := range map[string]string{
		"too large": strings.Repeat("# comment\n", 10000),
		"lists":     "seed = " + strings.Repeat("[", 60000),
		"tables":    "seed = " + strings.Repeat("{a = ", 10000),
		"many keys": manyKeys(6000),
		"dotted":    strings.Repeat("a.", 30000) + "a = 1",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := experiment.Load(writeFile(t, text), nil); err == nil {
				t.Error("no error")
			}
		})
	}
}

// manyKeys is a document of n unknown keys.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=1\n", i)
	}
	return b.String()
}

// wantUsage wants err to be a *UsageError with the given text, once the
// folders of this package are taken out of it.
func wantUsage(t *testing.T, err error, want string) {
	t.Helper()
	var usage *experiment.UsageError
	if !errors.As(err, &usage) {
		t.Fatalf("error %v is no *UsageError, want %s", err, want)
	}
	wd, wdErr := os.Getwd()
	if wdErr != nil {
		t.Fatal(wdErr)
	}
	got := strings.ReplaceAll(usage.Error(), wd+"/", "")
	if got = strings.ReplaceAll(got, "testdata/bad/", ""); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func writeFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "experiment.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
