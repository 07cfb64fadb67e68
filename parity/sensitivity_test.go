package parity_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/cpu"
	"m2pt/engine"
	"m2pt/parity"
)

// change is one way to falsify a fixture of a kind: the replay must notice.
type change struct {
	kind, name string
	tensor     string // pattern of the tensors that are falsified, all that match
	reverse    bool   // by turning their values round, where one may change unnoticed
	meta, to   string // or: pattern in the meta, and what replaces it
}

// TestReplayNotices falsifies parameters, options and results one at a time;
// some file of the kind must notice. (Not every one has to: a change of a clip
// limit that nothing exceeds is none.)
func TestReplayNotices(t *testing.T) {
	files, dev := fixtures(t), open(t, cpu.Options{})
	for _, c := range append(imageChanges(), audioChanges()...) {
		t.Run(c.kind+"/"+c.name, func(t *testing.T) {
			tried, noticed := 0, 0
			for _, f := range files {
				if f.Kind != c.kind {
					continue
				}
				if g, ok := c.apply(t, f); ok {
					tried++
					if parity.Replay(g, dev).Err != nil {
						noticed++
					}
				}
			}
			switch {
			case tried == 0:
				t.Skipf("no fixture of kind %s has it", c.kind)
			case noticed == 0:
				t.Errorf("%d falsified files passed all the same", tried)
			}
		})
	}
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

// TestReplayComparesEverything falsifies, in the first file of each kind, the
// first recorded result of each group.
func TestReplayComparesEverything(t *testing.T) {
	dev, seen := open(t, cpu.Options{}), map[string]bool{}
	for _, f := range fixtures(t) {
		for tensor := range f.All() {
			group, _, _ := strings.Cut(tensor.Name, "/")
			if seen[f.Kind+group] || slices.Contains([]string{"param", "in", "meta"}, group) {
				continue
			}
			seen[f.Kind+group] = true
			t.Run(f.Kind+"/"+group, func(t *testing.T) {
				g, _ := change{tensor: regexp.QuoteMeta(tensor.Name)}.apply(t, f)
				fails(t, g, dev)
			})
		}
	}
}

// TestReplayIsStrict: what a file holds and the replay does not know is a
// failure, and so is what it lacks.
func TestReplayIsStrict(t *testing.T) {
	files, dev := fixtures(t), open(t, cpu.Options{})
	i := slices.IndexFunc(files, func(f *parity.Fixture) bool { return f.Kind == "vit_image_cls" })
	if i < 0 {
		t.Skip("no fixture of kind vit_image_cls")
	}
	f := files[i]
	with := func(name string) *parity.Fixture {
		g := rebuilt(t, f, func(tensor checkpoint.Tensor) (checkpoint.Tensor, bool) { return tensor, true })
		if err := g.Add(checkpoint.New(name, []int{1}, []float32{1})); err != nil {
			t.Fatal(err)
		}
		return g
	}
	without := func(name string) *parity.Fixture {
		return rebuilt(t, f, func(tensor checkpoint.Tensor) (checkpoint.Tensor, bool) { return tensor, tensor.Name != name })
	}
	for name, g := range map[string]*parity.Fixture{
		"another output":    with("out/attention"),
		"another loss":      with("loss/focal"),
		"another gradients": with("grad_focal/head.bias"),
		"another parameter": with("param/head.scale"),
		"frozen parameter":  without("grad/head.bias"),
		"missing parameter": without("param/head.bias"),
		"missing input":     without("in/x"),
	} {
		t.Run(name, func(t *testing.T) { fails(t, g, dev) })
	}
}

// TestFrozenParameters: what trains follows from the recorded gradients, and
// the others do not depend on it.
func TestFrozenParameters(t *testing.T) {
	files, dev := fixtures(t), open(t, cpu.Options{})
	for name, frozen := range map[string]string{
		"lambda":           `grad(_soft)?/.*\.cross_modal_scale`,
		"auxiliary weight": `grad(_soft)?/.*\.aux_weight`,
		"both":             `grad(_soft)?/.*\.(cross_modal_scale|aux_weight)`,
		"position table":   `grad(_soft)?/pos_embed`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range files {
				if f.Kind != "vit_image_cls" {
					continue
				}
				re := regexp.MustCompile("^" + frozen + "$")
				g := rebuilt(t, f, func(tensor checkpoint.Tensor) (checkpoint.Tensor, bool) { return tensor, !re.MatchString(tensor.Name) })
				if r := parity.Replay(g, dev); r.Err != nil {
					t.Error(r.Err)
				}
			}
		})
	}
}

// TestFileNamesDoNotMatter: a fixture under another name is replayed all the
// same, a truncated one fails.
func TestFileNamesDoNotMatter(t *testing.T) {
	dir, dev := t.TempDir(), open(t, cpu.Options{})
	for _, f := range fixtures(t) {
		if f.Kind != "reparam_linear" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(beside, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{"renamed.npz": data, "truncated.npz": data[:len(data)/2], "empty.npz": nil, "notes.txt": data} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		results, err := parity.Folder(dir, dev)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if passed := r.Err == nil && r.Covered; passed != (r.File == "renamed.npz") {
				t.Errorf("%s: covered %v, error %v", r.File, r.Covered, r.Err)
			}
		}
		if len(results) != 3 {
			t.Errorf("%d files replayed, want 3", len(results))
		}
		return
	}
	t.Skip("no fixture of kind reparam_linear")
}

// fixtures are the covered ones beside the repository: what a replay notices is
// tested on known files, what it accepts on those of any folder.
func fixtures(t *testing.T) []*parity.Fixture {
	t.Helper()
	entries, err := os.ReadDir(beside)
	if err != nil {
		t.Skipf("no fixtures in %s: that replays notice differences is not tested", beside)
	}
	var list []*parity.Fixture
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".npz" && ext != ".json" {
			continue
		}
		f, err := parity.Open(filepath.Join(beside, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(parity.Covered(), f.Kind) {
			list = append(list, f)
		}
	}
	return list
}

func fails(t *testing.T, f *parity.Fixture, dev engine.Device) {
	t.Helper()
	if r := parity.Replay(f, dev); r.Err == nil {
		t.Errorf("%s passed all the same", f.Name)
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
	return &parity.Fixture{Name: f.Name, Kind: f.Kind, Meta: f.Meta, Tensors: ts}
}

// falsified moves the largest number by 2 %, an integer by 1.
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
		if math.Abs(x) > math.Abs(v[top]) {
			top = i
		}
	}
	v[top] += 0.02*math.Abs(v[top]) + 0.01
	return checkpoint.New(tensor.Name, tensor.Shape, v)
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
