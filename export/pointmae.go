package export

import (
	"fmt"

	"m2pt/checkpoint/names"
	"m2pt/heads"
	"m2pt/tokenizers"
	"m2pt/train"
)

// pointMAE is the layout of point clouds: the names of Point-MAE's code, which no
// library on the hub loads. Its config.json has the words of Point-MAE's configs.
type pointMAE struct{}

func (pointMAE) source() names.Source { return names.PointMAE }

func (pointMAE) beyond(m *train.Trained) []string {
	switch m.Classifier.Head.(type) {
	case heads.PointClassifier, heads.PartSegmenter:
		return nil
	}
	if encoderOnly(m) {
		return nil
	}
	return []string{fmt.Sprintf("head.kind is %q, Point-MAE's are \"point\" and \"parts\"", m.Config.Head.Kind)}
}

// notes are the numbers that Point-MAE's code has fixed.
func (pointMAE) notes(m *train.Trained) []string {
	v, t := m.Classifier.ViT, m.Classifier.Tokenizer.(tokenizers.Point)
	var all []string
	note := func(key string, ours, theirs any) {
		if ours != theirs {
			all = append(all, fmt.Sprintf("%s is %v, in Point-MAE's code %v: change it there", key, ours, theirs))
		}
	}
	note("tokenizer.widths", t.Widths, [3]int{128, 256, 512})
	note("model.mlp_ratio", v.MLPRatio, 4.)
	note("model.norm_eps", v.Eps, 1e-5)
	note("model.qkv_bias", v.QKVBias, "none")
	switch h := m.Classifier.Head.(type) {
	case heads.PointClassifier:
		note("head.hidden", h.Hidden, 256)
	case heads.PartSegmenter:
		note("head.widths", h.Widths, heads.Widths{Propagation: [2]int{4 * v.Dim, 1024}, Convs: [2]int{512, 256}})
	}
	return all
}

func (pointMAE) files(m *train.Trained) map[string]any {
	v, t := m.Classifier.ViT, m.Classifier.Tokenizer.(tokenizers.Point)
	config := map[string]any{
		"NAME": "PointTransformer", "trans_dim": v.Dim, "encoder_dims": v.Dim, "depth": v.Depth, "num_heads": v.Heads,
		"drop_path_rate": v.DropPath, "group_size": t.Size, "num_group": t.Groups,
	}
	if !encoderOnly(m) {
		config["cls_dim"] = m.Classifier.Head.Outputs()
	}
	return map[string]any{configFile: map[string]any{"npoints": t.Points, "model": config, "label_names": m.Classes}}
}

func (pointMAE) card(m *train.Trained) library {
	build := "from models.Point_MAE import PointTransformer  # of Point-MAE's code\n\nmodel = PointTransformer(EasyDict(config[\"model\"]))"
	if _, parts := m.Classifier.Head.(heads.PartSegmenter); parts {
		build = "from segmentation.models.pt import get_model  # of Point-MAE's code\n\nmodel = get_model(config[\"model\"][\"cls_dim\"])"
	}
	strict := ""
	if encoderOnly(m) {
		strict = ", strict=False" // there is no head
	}
	return library{Name: "pytorch", Load: "import json\n\nfrom easydict import EasyDict\nfrom safetensors.torch import load_file\n" + build + `
model.load_state_dict(load_file("FOLDER/model.safetensors")` + strict + ")"}
}
