package experiment

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// Default returns the experiment of an empty file: MAE's fine-tuning of a
// ViT-B/16 on generated images. It is valid.
func Default() *Config {
	c := defaults("image")
	c.Output = outputFor("experiment")
	c.derive()
	return c
}

// defaults is the first layer for a modality; what Load derives is still 0.
func defaults(kind string) *Config {
	c := pictureDefaults()
	switch kind {
	case "audio":
		c.MAE.MaskRatio, c.MAE.NormTarget = 0.8, true
	case "point":
		c.Model.QKVBias, c.Model.PosEmbed, c.Model.NormEps = "none", "mlp", 1e-5
		c.Head.Kind, c.Head.Dropout = "point", 0.5
		c.Optimizer.LayerDecay = 1
		c.Augment.Smoothing, c.Augment.ReProb = 0, 0
		c.MAE.MaskRatio, c.MAE.DecoderDim, c.MAE.DecoderDepth, c.MAE.DecoderHeads = 0.6, 0, 4, 0
	case "video":
		c.Model.QKVBias, c.Model.PosEmbed, c.Model.ClassToken = "split", "sinusoid", false
		c.Augment.Interpolation = "linear"
		c.MAE = MAE{Mask: "tube", MaskRatio: 0.9, MaskTProb: 0.7, MaskFProb: 0.3, DecoderMask: "none", Decoder: "global", DecoderWindow: 4, DecoderDim: 384, DecoderDepth: 4, DecoderHeads: 6, NormTarget: true, Chamfer: "l2"}
	}
	return c
}

// usePretraining gives c, of a modality's defaults, those of its masked
// pretraining.
func (c *Config) usePretraining(kind string) {
	c.Model.WeightInit, c.Model.DropPath = "xavier", 0
	c.Optimizer.Betas, c.Optimizer.LayerDecay = [2]float64{0.9, 0.95}, 1
	c.Augment.Scale, c.Augment.Smoothing, c.Augment.ReProb = [2]float64{0.2, 1}, 0, 0
	c.Schedule.MinLR = 0
	switch kind {
	case "image", "audio":
		c.Model.PosEmbed = "sincos"
	case "point":
		c.Model.ClassToken, c.Model.WeightInit, c.Model.DropPath = false, "normal", 0.1
		c.Optimizer.Betas = [2]float64{0.9, 0.999}
	case "video":
		c.Augment.Crop, c.Augment.HFlip, c.Augment.Interpolation = "multi_scale", 0, "bilinear"
	}
}

// pictureDefaults are those of images and sounds.
func pictureDefaults() *Config {
	c := &Config{
		Task:      "classify",
		Tokenizer: Tokenizer{Kind: "image", PatchSize: 16, TubeletSize: 2, Groups: 64, GroupSize: 32, Widths: [3]int{128, 256, 512}},
		Head:      Head{Kind: "linear", Hidden: 256, Loss: "cross_entropy", InitStd: 2e-5},
		Point:     Point{Points: 1024, UnitSphere: true, Sampling: "fps", ScaleTranslate: true, Up: "y", Shot: 10},
		Video:     Video{Frames: 16, Rate: 4, Pattern: "img_{:05}.jpg", FirstFrame: 1},
		Audio:     Audio{SampleRate: 16000, MelBins: 128, Frames: 1024, Mean: -4.2677393, Std: 4.5689974, Fold: 1},
		Schedule:  Schedule{Name: "cosine", WarmupEpochs: 5, MinLR: 1e-6},
		MAE: MAE{Mask: "random", MaskRatio: 0.75, MaskTProb: 0.7, MaskFProb: 0.3, DecoderMask: "none",
			Decoder: "global", DecoderWindow: 4, DecoderDim: 512, DecoderDepth: 8, DecoderHeads: 16, Chamfer: "l2"},
		Eval:   Eval{Every: 1, Votes: 1, EMA: true, Probe: "none"},
		Device: Device{Name: "cpu", Precision: "float32"},
	}
	c.Data = Data{
		Format:     "generated",
		Samples:    2000,
		ValSamples: 500,
		ImageSize:  224,
		Channels:   3,
		Mean:       [3]float64{0.485, 0.456, 0.406},
		Std:        [3]float64{0.229, 0.224, 0.225},
		JPEG:       "auto",
		MaxSkipped: 10,
	}
	c.Model = Model{
		MLPRatio:   4,
		QKVBias:    "full",
		GlobalPool: "avg",
		ClassToken: true,
		PosEmbed:   "learned",
		NormEps:    1e-6,
		DropPath:   0.1,
		WeightInit: "normal",
		InitSource: "auto",
	}
	c.Model.usePreset("vit_base")
	c.Train = Train{
		Epochs:     50,
		Batch:      64,
		Accumulate: 1,
		NonFinite:  "stop",
		Keep:       2,
		LogEvery:   20,
	}
	c.Optimizer = Optimizer{
		Name:        "adamw",
		Momentum:    0.9,
		BLR:         1e-3,
		Betas:       [2]float64{0.9, 0.999},
		Eps:         1e-8,
		WeightDecay: 0.05,
		LayerDecay:  0.75,
	}
	c.Augment = Augment{
		Crop:            "resized",
		Scale:           [2]float64{0.08, 1},
		Ratio:           [2]float64{3. / 4, 4. / 3},
		Shift:           4,
		HFlip:           0.5,
		Interpolation:   "bicubic",
		Repeated:        1,
		MixupProb:       1,
		MixupSwitchProb: 0.5,
		MixupMode:       "batch",
		Smoothing:       0.1,
		ReProb:          0.25,
		ReMode:          "pixel",
	}
	return c
}

func defaultPathway() Pathway {
	return Pathway{AuxSource: "auto", AuxSet: []string{}, Layers: Layers(), LambdaTrainable: true, Order: "forward"}
}

// Layers lists the linear layers of a block that can have a pathway.
func Layers() []string { return []string{"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"} }

// Sources lists whose names a checkpoint may have: "auto" for what its names tell,
// ours, timm's, those of MAE, AudioMAE, Point-MAE and VideoMAE, and Hugging Face's of
// ViT (and ViTMAE) and VideoMAE.
func Sources() []string {
	return []string{"auto", "m2pt", "timm", "mae", "audiomae", "pointmae", "videomae", "hf-vit", "hf-videomae"}
}

type preset struct {
	name                string
	dim, depth, numHead int
}

// presets lists timm's model sizes.
func presets() []preset {
	return []preset{
		{"vit_tiny", 192, 12, 3},
		{"vit_small", 384, 12, 6},
		{"vit_base", 768, 12, 12},
		{"vit_large", 1024, 24, 16},
	}
}

func presetNames() []string {
	var names []string
	for _, p := range presets() {
		names = append(names, p.name)
	}
	return names
}

// usePreset names the model and takes over the numbers of that preset; an
// unknown name, which Validate reports, leaves them.
func (m *Model) usePreset(name string) {
	m.Name = name
	i := slices.IndexFunc(presets(), func(p preset) bool { return p.name == name })
	if i >= 0 {
		p := presets()[i]
		m.EmbedDim, m.Depth, m.NumHeads = p.dim, p.depth, p.numHead
	}
}

// derive fills the fields of a valid c whose 0 stands for a rule.
func (c *Config) derive() {
	c.Tokenizer.Stride = c.Tokenizer.stride()
	c.Optimizer.LR, c.Optimizer.BLR = c.learningRate(), 0
	if c.Eval.Batch == 0 {
		c.Eval.Batch = c.Train.MicroBatch()
	}
	if c.Tokenizer.Kind == "point" {
		c.MAE.DecoderDim = cmp.Or(c.MAE.DecoderDim, c.Model.EmbedDim)
		c.MAE.DecoderHeads = cmp.Or(c.MAE.DecoderHeads, c.Model.NumHeads)
	}
	for i, usual := range [4]int{4 * c.Model.EmbedDim, 1024, 512, 256} {
		if c.Head.Kind == "parts" && c.Head.Widths[i] == 0 {
			c.Head.Widths[i] = usual
		}
	}
	if c.Eval.CropPct == 0 {
		c.Eval.CropPct = c.cropPct()
	}
}

func (t Tokenizer) stride() int {
	if t.Stride == 0 {
		return t.PatchSize
	}
	return t.Stride
}

// learningRate is lr, or MAE's blr*batch/256.
func (c *Config) learningRate() float64 {
	if c.Optimizer.LR == 0 {
		return c.Optimizer.BLR * float64(c.Train.Batch) / 256
	}
	return c.Optimizer.LR
}

// cropPct is timm's rule where training looks at a part of the picture, which it
// sees enlarged. Where it sees the whole, so does evaluation.
func (c *Config) cropPct() float64 {
	whole := c.Augment.Crop == "shift" || c.Augment.Crop == "none"
	if !whole && c.Data.ImageSize <= 224 {
		return 224. / 256
	}
	return 1
}

// outputFor is the run folder of a config file that names none.
func outputFor(file string) string {
	base := filepath.Base(file)
	return absolute(".", filepath.Join("runs", strings.TrimSuffix(base, filepath.Ext(base))))
}
