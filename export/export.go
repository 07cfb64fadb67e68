// Package export turns a trained model into a plain Vision Transformer that
// costs nothing extra: every pathway folded, Ŵ = W + Σₖ λₖ·W′ₖ, timm's names and
// shapes, no λ, no W′ and no split bias left.
package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/heads"
	"m2pt/internal/atomicfile"
	"m2pt/model"
	"m2pt/tokenizers"
	"m2pt/train"
)

// Summary says what was written.
type Summary struct {
	Path       string `json:"path"`
	Tensors    int    `json:"tensors"`
	Parameters int    `json:"parameters"`
	Folded     int    `json:"folded"` // layers that had a pathway
	// Beyond says what the tensors do not and timm's arguments cannot: whoever
	// loads them has to set it.
	Beyond []string `json:"beyond_timm,omitempty"`
}

// Write writes the merged model to out: a .safetensors or .npz file by its
// extension, otherwise a folder in Hugging Face's layout, config.json and
// model.safetensors, which timm loads with `local-dir:`. A folder that holds
// anything else is left alone, and a model that config.json cannot describe gets
// none: both are an [experiment.UsageError].
func Write(m *train.Model, out string) (Summary, error) {
	merged, err := train.Merge(m.Weights)
	if err == nil {
		merged, err = wholeBiases(merged)
	}
	if err != nil {
		return Summary{}, fmt.Errorf("export %s: %w", m.Path, err)
	}
	s := Summary{Path: out, Tensors: merged.Len(), Beyond: beyondTimm(m.Classifier)}
	for t := range merged.All() {
		s.Parameters += t.Len()
	}
	s.Folded = len(foldedLayers(m.Weights))
	merged.Metadata = map[string]string{"format": "pt"}
	switch filepath.Ext(out) {
	case ".safetensors", ".npz":
		err = checkpoint.Save(out, merged)
	case "":
		err = writeFolder(m, merged, out)
	default:
		err = misused("want a .safetensors or .npz file, or a folder without extension")
	}
	if err != nil {
		return Summary{}, fmt.Errorf("export to %s: %w", out, err)
	}
	return s, nil
}

// wholeBiases joins the split biases of attentions to timm's single one, in
// which the keys have zeros.
func wholeBiases(ts *checkpoint.Tensors) (*checkpoint.Tensors, error) {
	out := &checkpoint.Tensors{}
	for t := range ts.All() {
		attn, isQ := strings.CutSuffix(t.Name, ".q_bias")
		switch {
		case strings.HasSuffix(t.Name, ".v_bias"):
			continue
		case isQ:
			q, err := t.Float32s()
			if err != nil {
				return nil, err
			}
			v, err := ts.Get(attn + ".v_bias")
			if err != nil {
				return nil, err
			}
			last, err := v.Float32s()
			if err != nil {
				return nil, err
			}
			t = checkpoint.New(attn+".qkv.bias", []int{3 * len(q)}, slices.Concat(q, make([]float32, len(q)), last))
		}
		if err := out.Add(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// foldedLayers is the set of layers that have a pathway.
func foldedLayers(ts *checkpoint.Tensors) map[string]bool {
	layers := map[string]bool{}
	for t := range ts.All() {
		if layer, _, _, ok := model.SplitTerm(t.Name); ok {
			layers[layer] = true
		}
	}
	return layers
}

// WeightsFile is the path of the tensors in what Write wrote.
func WeightsFile(out string) string {
	if filepath.Ext(out) == "" {
		return filepath.Join(out, modelFile)
	}
	return out
}

// The files of Hugging Face's layout.
const (
	configFile = "config.json"
	modelFile  = "model.safetensors"
)

func misused(problem string) error { return &experiment.UsageError{Problems: []string{problem}} }

// beyondTimm lists what the arguments of timm's VisionTransformer cannot say. As
// text, norm_layer names a layer and not its eps; PatchEmbed's stride is its
// patch.
func beyondTimm(c train.Classifier) []string {
	var all []string
	if _, ok := c.Head.(heads.Classifier); !ok {
		all = append(all, "head.kind is not \"linear\"")
	}
	if c.ViT.CosAttn || c.ViT.LayerScale > 0 {
		all = append(all, "model.cos_attn or model.init_values is on, with VideoMAE's names")
	}
	t, ok := picture(c.Tokenizer)
	if !ok {
		return append(all, "tokenizer.kind is neither \"image\" nor \"audio\"")
	}
	if c.ViT.PosEmbed == "sinusoid" {
		all = append(all, "model.pos_embed is \"sinusoid\", a table that no checkpoint holds")
	}
	if c.ViT.Eps != timmEps {
		all = append(all, fmt.Sprintf("model.norm_eps is %g, timm's %g: build the model with norm_layer=functools.partial(torch.nn.LayerNorm, eps=%g)", c.ViT.Eps, timmEps, c.ViT.Eps))
	}
	if t.Stride != t.Patch {
		all = append(all, fmt.Sprintf("tokenizer.stride is %d, timm's is patch_size, %d: build the model with an embed_layer of that stride", t.Stride, t.Patch))
	}
	return all
}

// picture is a tokenizer as timm's patch embedding has it: a spectrogram is a
// picture of one channel. Clips and point clouds are none.
func picture(t tokenizers.Tokenizer) (p tokenizers.Image, ok bool) {
	switch t := t.(type) {
	case tokenizers.Audio:
		p = t.Picture()
		p.Mean, p.Std = []float64{0}, []float64{1} // the input is normalised already
		return p, true
	case tokenizers.Image:
		return t, true
	}
	return p, false
}

// timmSize is img_size: a number for squares, else height and width.
func timmSize(size [2]int) any {
	if size[0] == size[1] {
		return size[0]
	}
	return size
}

// timmEps is the epsilon of timm's LayerNorm.
const timmEps = 1e-6

// checkFolder refuses a folder whose content would be lost.
func checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if name := e.Name(); name != configFile && name != modelFile {
			return misused(fmt.Sprintf("the folder holds %s, which is no part of an export: name a new folder, or an earlier export to replace", name))
		}
	}
	return err
}

func writeFolder(m *train.Model, merged *checkpoint.Tensors, dir string) error {
	if beyond := beyondTimm(m.Classifier); beyond != nil {
		return misused("config.json cannot describe the model; write a .safetensors file instead: " + strings.Join(beyond, "; "))
	}
	if err := checkFolder(dir); err != nil {
		return err
	}
	text, err := json.MarshalIndent(timmConfig(m), "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	return atomicfile.Folder(dir, func(tmp string) error {
		err := atomicfile.Write(filepath.Join(tmp, configFile), 0o644, func(w io.Writer) error {
			_, err := w.Write(append(text, '\n'))
			return err
		})
		if err != nil {
			return err
		}
		return checkpoint.Save(filepath.Join(tmp, modelFile), merged)
	})
}

// timmConfig is what timm needs to build the model: a VisionTransformer with
// explicit arguments, and how its input is prepared.
func timmConfig(m *train.Model) map[string]any {
	v, c, head := m.Classifier.ViT, m.Config, m.Classifier.Head.(heads.Classifier)
	t, _ := picture(m.Classifier.Tokenizer)
	crop := c.Eval.CropPct
	return map[string]any{
		"architecture": "vit_base_patch16_224",
		"num_classes":  head.Classes,
		"num_features": v.Dim,
		"global_pool":  head.Pool,
		"label_names":  m.Classes,
		"model_args": map[string]any{
			"img_size": timmSize(t.Size), "patch_size": t.Patch, "in_chans": t.Channels, "embed_dim": v.Dim, "depth": v.Depth,
			"num_heads": v.Heads, "mlp_ratio": v.MLPRatio, "qkv_bias": v.QKVBias != "none", "class_token": v.ClassToken,
			"global_pool": head.Pool,
		},
		"pretrained_cfg": map[string]any{
			"input_size": []int{t.Channels, t.Size[0], t.Size[1]}, "mean": t.Mean, "std": t.Std, "crop_pct": crop,
			"interpolation": c.Augment.Interpolation, "fixed_input_size": true, "num_classes": head.Classes,
			"pool_size": nil, "first_conv": "patch_embed.proj", "classifier": "head",
		},
	}
}

// Report compares an exported file with the model it came from.
type Report struct {
	MaxLambda float64 `json:"max_lambda"`
	MaxDelta  float64 `json:"max_delta"` // largest difference between two logits
	MaxLogit  float64 `json:"max_logit"`
	Tolerance float64 `json:"tolerance"` // of MaxDelta / MaxLogit
}

// Tolerance is the largest difference of logits, over the largest logit, that
// verification accepts.
const Tolerance = 1e-4

// OK reports whether the file computes what the model does.
func (r Report) OK() bool { return r.MaxDelta <= r.Tolerance*r.MaxLogit && !math.IsNaN(r.MaxLogit) }
