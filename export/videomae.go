package export

import (
	"fmt"

	"m2pt/checkpoint/names"
	"m2pt/experiment"
	"m2pt/heads"
	"m2pt/tokenizers"
	"m2pt/train"
)

// videoMAE is the layout of clips: VideoMAE in Hugging Face's transformers.
type videoMAE struct{}

func (videoMAE) source() names.Source { return names.HFVideoMAE }

func (videoMAE) beyond(m *train.Trained) []string {
	var all []string
	v := m.Classifier.ViT
	if _, linear := m.Classifier.Head.(heads.Classifier); !linear && !encoderOnly(m) {
		all = append(all, fmt.Sprintf("head.kind is %q, VideoMAE's is \"linear\"", m.Config.Head.Kind))
	}
	if v.ClassToken {
		all = append(all, "model.class_token is on, VideoMAE has none")
	}
	if v.PosEmbed != "sinusoid" {
		all = append(all, fmt.Sprintf("model.pos_embed is %q, VideoMAE's is \"sinusoid\"", v.PosEmbed))
	}
	if v.CosAttn || v.LayerScale > 0 {
		all = append(all, "model.cos_attn or model.init_values is on, which transformers' VideoMAE has not")
	}
	return all
}

// notes: in transformers the norm of pooled tokens has PyTorch's ε whatever its config
// says, also in its ports of the published models.
func (videoMAE) notes(m *train.Trained) []string {
	const fixed = 1e-5
	if h, ok := m.Classifier.Head.(heads.Classifier); ok && h.Pool == "avg" && m.Classifier.ViT.Eps != fixed {
		return []string{fmt.Sprintf("model.norm_eps is %g, and transformers computes fc_norm with %g: to be exact set model.fc_norm.eps = %g once it is loaded",
			m.Classifier.ViT.Eps, fixed, m.Classifier.ViT.Eps)}
	}
	return nil
}

func (videoMAE) files(m *train.Trained) map[string]any {
	v, t := m.Classifier.ViT, m.Classifier.Tokenizer.(tokenizers.Video)
	h, _ := m.Classifier.Head.(heads.Classifier)
	config := map[string]any{
		"architectures": []string{videoMAEClass(m)}, "model_type": "videomae",
		"image_size": t.Size[0], "patch_size": t.Patch, "num_channels": t.Channels, "num_frames": t.Frames, "tubelet_size": t.Tubelet,
		"hidden_size": v.Dim, "num_hidden_layers": v.Depth, "num_attention_heads": v.Heads, "intermediate_size": v.Hidden(),
		"hidden_act": "gelu", "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0,
		"layer_norm_eps": v.Eps, "qkv_bias": v.QKVBias != "none", "use_mean_pooling": h.Pool == "avg",
	}
	if !encoderOnly(m) {
		names, ids := map[int]string{}, map[string]int{}
		for i := range h.Classes {
			names[i] = fmt.Sprintf("LABEL_%d", i)
			if m.Classes != nil {
				names[i] = m.Classes[i]
			}
			ids[names[i]] = i
		}
		config["id2label"], config["label2id"] = names, ids
	}
	return map[string]any{configFile: config, preprocessorFile: preprocessor(m.Config, t)}
}

// preprocessor is how transformers prepares frames: as our evaluation does, but for
// the choice of frames.
func preprocessor(c *experiment.Config, t tokenizers.Video) map[string]any {
	const bilinear, bicubic = 2, 3 // Pillow's numbers
	short, resample := c.Video.Short, bilinear
	if short == 0 {
		short = t.Size[0]
	}
	if c.Augment.Interpolation == "bicubic" {
		resample = bicubic
	}
	return map[string]any{
		"image_processor_type": "VideoMAEImageProcessor",
		"do_resize":            true, "size": map[string]int{"shortest_edge": short}, "resample": resample,
		"do_center_crop": true, "crop_size": map[string]int{"height": t.Size[0], "width": t.Size[1]},
		"do_rescale": true, "rescale_factor": 1. / 255,
		"do_normalize": true, "image_mean": t.Mean, "image_std": t.Std,
	}
}

// videoMAEClass is the class of transformers that the folder is for.
func videoMAEClass(m *train.Trained) string {
	if encoderOnly(m) {
		return "VideoMAEModel"
	}
	return "VideoMAEForVideoClassification"
}

func (videoMAE) card(m *train.Trained) library {
	class := videoMAEClass(m)
	l := library{Name: "transformers", Task: "video-classification", Load: "from transformers import " + class + ", VideoMAEImageProcessor\n\n" +
		"model = " + class + ".from_pretrained(\"FOLDER\").eval()\nprocessor = VideoMAEImageProcessor.from_pretrained(\"FOLDER\")"}
	if encoderOnly(m) {
		l.Task = "feature-extraction"
	}
	return l
}
