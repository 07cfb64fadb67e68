package train

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"m2pt/data"
	"m2pt/data/generated"
	"m2pt/data/image"
	"m2pt/experiment"
	"m2pt/heads"
	"m2pt/internal/randaug"
	"m2pt/model"
	"m2pt/tokenizers"
)

// Split names a part of a dataset.
type Split string

// The splits.
const (
	TrainSplit Split = "train"
	ValSplit   Split = "val"
)

// OpenData opens one split of an experiment's dataset, with the transform that
// training or evaluation uses. Data that is not there, and a class that only
// validation has, are an [experiment.UsageError].
func OpenData(cfg *experiment.Config, split Split) (data.Dataset, error) {
	return openData(cfg, split, split)
}

// OpenPlain is [OpenData] with the transform of evaluation whatever the split:
// nothing about a sample is random.
func OpenPlain(cfg *experiment.Config, split Split) (data.Dataset, error) {
	return openData(cfg, split, ValSplit)
}

// openData opens a split with the transform of split as.
func openData(cfg *experiment.Config, split, as Split) (data.Dataset, error) {
	open := openImages
	switch cfg.Tokenizer.Kind {
	case "audio":
		open = openSounds
	case "point":
		open = openClouds
	case "video":
		open = openClips
	}
	set, err := open(cfg, split, as)
	return set, openError(split, err)
}

func openImages(cfg *experiment.Config, split, as Split) (data.Dataset, error) {
	src, err := openSource(cfg.Data, split)
	if err != nil {
		return nil, err
	}
	t, err := transform(cfg, as)
	if err != nil {
		return nil, err
	}
	augments, err := augmenting(cfg, as)
	if err != nil {
		return nil, err
	}
	if cfg.Data.Channels == 1 {
		return image.NewGreyDataset(src, t, augments...), nil
	}
	return image.NewDataset(src, t, augments...), nil
}

// Workers is how many goroutines prepare samples.
func Workers(d experiment.Data) int {
	if d.Workers > 0 {
		return d.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func openSource(d experiment.Data, split Split) (image.Source, error) {
	count := d.Samples
	if split == ValSplit {
		count = d.ValSamples
	}
	switch d.Format {
	case "generated":
		return generated.NewImages(generated.Options{Variant: cmp.Or(d.Variant, "shapes"), Split: string(split), Size: d.ImageSize, Count: count, Seed: d.Seed})
	case "folder":
		return openPictures(d, split, image.FolderClasses, image.OpenFolder)
	case "shards":
		return openPictures(d, split, image.ShardClasses, image.OpenShards)
	case "cifar10":
		if split == ValSplit {
			return image.OpenCIFAR10(d.Path, "test")
		}
		return image.OpenCIFAR10(d.Path, "train")
	}
	return nil, fmt.Errorf("format %q is not one of pictures", d.Format)
}

// openPictures opens a split of files or shards with the classes of the training
// split; validation data alone has its own.
func openPictures[S jpegSource](d experiment.Data, split Split, list func(path, split string) ([]string, error),
	open func(path, split string, classes []string) (S, error)) (image.Source, error) {
	training, name := cmp.Or(d.TrainSplit, string(TrainSplit)), cmp.Or(d.ValSplit, string(split))
	var classes []string
	var err error
	if split == TrainSplit {
		name = training
	} else if classes, err = list(d.Path, training); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s, err := open(d.Path, name, classes)
	if err != nil {
		return nil, err
	}
	turbo, err := openTurbo(d.JPEG, image.OpenTurbo)
	s.UseTurbo(turbo)
	return s, err
}

// jpegSource is a source whose JPEG decoder is chosen.
type jpegSource interface {
	image.Source
	UseTurbo(t *image.Turbo)
}

// openTurbo loads the library that data.jpeg asks for; nil is the standard library.
func openTurbo(jpeg string, load func() (*image.Turbo, error)) (*image.Turbo, error) {
	if jpeg == "go" {
		return nil, nil
	}
	turbo, err := load()
	if err != nil && jpeg == "turbo" {
		return nil, misused(`data.jpeg: is "turbo", but libturbojpeg is not here (%v): install it (Debian: libturbojpeg0), or set data.jpeg to "go"`, err)
	}
	return turbo, nil
}

// settle returns cfg with what data.jpeg = "auto" is on this machine, so that the
// config hash and the run folder tell which pixels a run saw.
func settle(cfg *experiment.Config, load func() (*image.Turbo, error)) *experiment.Config {
	if _, err := load(); err != nil {
		return cfg.WithJPEG("go")
	}
	return cfg.WithJPEG("turbo")
}

func transform(cfg *experiment.Config, split Split) (image.Transform, error) {
	a, side := cfg.Augment, cfg.Data.ImageSize
	filter, err := image.ParseFilter(a.Interpolation)
	if err != nil {
		return nil, err
	}
	if split == ValSplit {
		return image.CropPct(side, cfg.Eval.CropPct, filter), nil
	}
	switch a.Crop {
	case "resized", "byol":
		return image.RandomResizedCrop{Side: side, Scale: a.Scale, Ratio: a.Ratio, Flip: a.HFlip, Filter: filter, Once: a.Crop == "byol"}, nil
	case "multi_scale":
		return image.MultiScaleCrop{Side: side, Flip: a.HFlip, Filter: filter}, nil
	case "shift":
		return image.Shift{Side: side, Pad: a.Shift, Flip: a.HFlip, Filter: filter}, nil
	}
	return image.Shift{Side: side, Flip: a.HFlip, Filter: filter}, nil
}

// augmenting is what training pictures go through after the crop: RandAugment, or
// else colour jitter.
func augmenting(cfg *experiment.Config, split Split) ([]image.Augment, error) {
	a := cfg.Augment
	switch {
	case split != TrainSplit:
		return nil, nil
	case a.AutoAugment != "":
		filter, err := image.ParseFilter(a.Interpolation)
		if err != nil {
			return nil, err
		}
		policy, err := randaug.Parse(a.AutoAugment)
		if err != nil {
			return nil, fmt.Errorf("auto-augment %q: %w", a.AutoAugment, err)
		}
		fill := image.FillColour(cfg.Data.Mean)
		if cfg.Tokenizer.Kind == "video" { // VideoMAE's
			filter, fill = image.Bicubic, [3]uint8{128, 128, 128}
		}
		return []image.Augment{image.RandAugment{Policy: policy, Filter: filter, Fill: fill}}, nil
	case a.ColorJitter > 0:
		return []image.Augment{image.ColorJitter{Brightness: a.ColorJitter, Contrast: a.ColorJitter, Saturation: a.ColorJitter}}, nil
	}
	return nil, nil
}

// mixing are the random parameters of mixup and cutmix.
func mixing(a experiment.Augment) (data.Mix, error) {
	mode, err := data.ParseMixMode(a.MixupMode)
	if err != nil {
		return data.Mix{}, err
	}
	return data.Mix{Mixup: a.Mixup, Cutmix: a.Cutmix, Prob: a.MixupProb, Switch: a.MixupSwitchProb, Mode: mode, CutmixMinMax: a.CutmixMinmax}, nil
}

// tokenizer is the one of the experiment's modality.
func tokenizer(cfg *experiment.Config) tokenizers.Tokenizer {
	d, t, dim := cfg.Data, cfg.Tokenizer, cfg.Model.EmbedDim
	size, mean, std := [2]int{d.ImageSize, d.ImageSize}, d.Mean[:d.Channels], d.Std[:d.Channels]
	switch t.Kind {
	case "audio":
		return tokenizers.Audio{Frames: cfg.Audio.Frames, Mels: cfg.Audio.MelBins, Patch: t.PatchSize, Stride: t.Stride, Dim: dim}
	case "point":
		return tokenizers.Point{Points: cfg.Point.Points, Groups: t.Groups, Size: t.GroupSize, Widths: t.Widths, Dim: dim}
	case "video":
		return tokenizers.Video{Frames: cfg.Video.Frames, Size: size, Channels: d.Channels, Tubelet: t.TubeletSize, Patch: t.PatchSize,
			Dim: dim, Mean: mean, Std: std}
	}
	return tokenizers.Image{Size: size, Channels: d.Channels, Patch: t.PatchSize, Stride: t.Stride, Dim: dim, Mean: mean, Std: std}
}

// Answers counts what a model can answer: classes of samples, and labels of
// points where every point has one.
type Answers struct{ Classes, Parts int }

// AnswersOf are those of a dataset.
func AnswersOf(set data.Dataset) Answers {
	a := Answers{Classes: len(set.Classes())}
	if s, ok := set.(data.Segmented); ok {
		for _, ids := range s.Parts() {
			for _, id := range ids {
				a.Parts = max(a.Parts, int(id)+1)
			}
		}
	}
	return a
}

// head is the experiment's.
func head(cfg *experiment.Config, a Answers) heads.Head {
	h, pool := cfg.Head, cfg.Model.GlobalPool
	switch h.Kind {
	case "probe":
		return heads.Probe{Classes: a.Classes, Pool: pool, InitStd: h.InitStd}
	case "point":
		return heads.PointClassifier{Classes: a.Classes, Hidden: h.Hidden, Dropout: h.Dropout}
	case "parts":
		return heads.PartSegmenter{Parts: a.Parts, Dropout: h.Dropout,
			Widths: heads.Widths{Propagation: [2]int(h.Widths[:2]), Convs: [2]int(h.Widths[2:])}}
	}
	return heads.Classifier{Classes: a.Classes, Pool: pool, Dropout: h.Dropout, InitStd: h.InitStd}
}

// NewClassifier is the model of an experiment; auxDepth holds the block count of
// each pathway's auxiliary model.
func NewClassifier(cfg *experiment.Config, a Answers, auxDepth []int) Classifier {
	m, kind := cfg.Model, cfg.Tokenizer.Kind
	c := Classifier{
		Tokenizer: tokenizer(cfg),
		ViT: model.ViT{Dim: m.EmbedDim, Depth: m.Depth, Heads: m.NumHeads, MLPRatio: m.MLPRatio, QKVBias: m.QKVBias,
			ClassToken: m.ClassToken, PosEmbed: m.PosEmbed, WeightInit: m.WeightInit, Eps: m.NormEps, DropPath: m.DropPath,
			LayerScale: m.InitValues, CosAttn: m.CosAttn},
		Head:        head(cfg, a),
		Frozen:      m.Frozen,
		Loss:        cfg.Head.Loss,
		Targets:     kind == "audio" && cfg.Audio.Mixup > 0,
		Smoothing:   cfg.Augment.Smoothing,
		Mixes:       cfg.Augment.Mixes(),
		MergeLogits: kind == "point",
	}
	if cfg.Head.Kind == "parts" {
		c.Categories = a.Classes
	}
	if cfg.Augment.ReProb > 0 && (kind == "image" || kind == "video") {
		c.Erase = cfg.Augment.ReMode
	}
	if mask, err := tokenMask(cfg); err == nil && mask != nil {
		c.Keep = c.ViT.Tokens(mask.Kept())
	}
	for i, p := range cfg.Pathway {
		c.ViT.Pathways = append(c.ViT.Pathways, model.Pathway{Layers: p.Layers, AuxDepth: auxDepth[i], Reversed: p.Order == "reversed",
			LambdaInit: p.LambdaInit, LambdaTrainable: p.LambdaTrainable, AuxTrainable: p.AuxTrainable})
	}
	return c
}
