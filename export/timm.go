package export

import (
	"fmt"

	"m2pt/checkpoint/names"
	"m2pt/heads"
	"m2pt/tokenizers"
	"m2pt/train"
)

// timm is the layout of pictures and sounds: its VisionTransformer with explicit
// arguments.
type timm struct{}

func (timm) source() names.Source { return names.TIMM }

// architectures are timm's functions by the ε of LayerNorm that they fix: no argument
// in a config.json says it. Of the second, CLIP's, the norm ahead of the blocks is
// taken off again.
func architectures() map[float64]string {
	return map[float64]string{1e-6: "vit_base_patch16_224", 1e-5: "vit_base_patch16_clip_224"}
}

// beyond: as text, norm_layer names a layer and not its ε; PatchEmbed's stride is its
// patch.
func (timm) beyond(m *train.Trained) []string {
	var all []string
	c := m.Classifier
	if _, linear := c.Head.(heads.Classifier); !linear && !encoderOnly(m) {
		all = append(all, fmt.Sprintf("head.kind is %q, timm's is \"linear\"", m.Config.Head.Kind))
	}
	if c.ViT.CosAttn {
		all = append(all, "model.cos_attn is on, which timm's attention has not")
	}
	if c.ViT.PosEmbed == "sinusoid" {
		all = append(all, "model.pos_embed is \"sinusoid\", a table that no checkpoint holds")
	}
	if eps := c.ViT.Eps; architectures()[eps] == "" {
		all = append(all, fmt.Sprintf("model.norm_eps is %g, timm's 1e-6 or 1e-5: build the model with norm_layer=functools.partial(torch.nn.LayerNorm, eps=%g)", eps, eps))
	}
	if t := picture(c.Tokenizer); t.Stride != t.Patch {
		all = append(all, fmt.Sprintf("tokenizer.stride is %d, timm's is patch_size, %d: build the model with an embed_layer of that stride", t.Stride, t.Patch))
	}
	return all
}

func (timm) notes(*train.Trained) []string { return nil }

// picture is a tokenizer as timm's patch embedding has it: a spectrogram is a picture
// of one channel.
func picture(t tokenizers.Tokenizer) tokenizers.Image {
	if t, ok := t.(tokenizers.Audio); ok {
		p := t.Picture()
		p.Mean, p.Std = []float64{0}, []float64{1} // the input is normalised already
		return p
	}
	return t.(tokenizers.Image)
}

// timmSize is img_size: a number for squares, else height and width.
func timmSize(size [2]int) any {
	if size[0] == size[1] {
		return size[0]
	}
	return size
}

func (timm) files(m *train.Trained) map[string]any {
	v, t := m.Classifier.ViT, picture(m.Classifier.Tokenizer)
	classes, pool := timmHead(m)
	args := map[string]any{
		"img_size": timmSize(t.Size), "patch_size": t.Patch, "in_chans": t.Channels, "embed_dim": v.Dim, "depth": v.Depth,
		"num_heads": v.Heads, "mlp_ratio": v.MLPRatio, "qkv_bias": v.QKVBias != "none", "class_token": v.ClassToken,
		"global_pool": pool,
	}
	if v.LayerScale > 0 {
		args["init_values"] = v.LayerScale
	}
	if v.Eps == 1e-5 {
		args["pre_norm"] = false
	}
	if encoderOnly(m) {
		args["fc_norm"] = false // the norm is that of all tokens
	}
	config := map[string]any{
		"architecture": architectures()[v.Eps],
		"num_classes":  classes,
		"num_features": v.Dim,
		"global_pool":  pool,
		"model_args":   args,
		"pretrained_cfg": map[string]any{
			"input_size": []int{t.Channels, t.Size[0], t.Size[1]}, "mean": t.Mean, "std": t.Std, "crop_pct": m.Config.Eval.CropPct,
			"interpolation": m.Config.Augment.Interpolation, "fixed_input_size": true, "num_classes": classes,
			"pool_size": nil, "first_conv": "patch_embed.proj", "classifier": "head",
		},
	}
	if m.Classes != nil {
		config["label_names"] = m.Classes
	}
	return map[string]any{configFile: config}
}

// timmHead is num_classes and global_pool.
func timmHead(m *train.Trained) (classes int, pool string) {
	switch h, ok := m.Classifier.Head.(heads.Classifier); {
	case ok:
		return h.Classes, h.Pool
	case m.Classifier.ViT.ClassToken:
		return 0, "token"
	}
	return 0, "avg"
}

func (timm) card(m *train.Trained) library {
	l := library{Name: "timm", Task: "image-classification", Load: `import timm

model = timm.create_model("local-dir:FOLDER", checkpoint_path="FOLDER/model.safetensors").eval()`}
	switch sounds := m.Config.Tokenizer.Kind == "audio"; {
	case encoderOnly(m) && sounds:
		l.Task = "feature-extraction"
	case encoderOnly(m):
		l.Task = "image-feature-extraction"
	case sounds:
		l.Task = "audio-classification"
	}
	return l
}
