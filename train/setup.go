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
	if cfg.Tokenizer.Kind == "audio" {
		open = openSounds
	}
	set, err := open(cfg, split, as)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, image.ErrClass) {
		return nil, misused("open %s data: %v", split, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s data: %w", split, err)
	}
	return set, nil
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
		return openFolder(d, split)
	case "cifar10":
		if split == ValSplit {
			return image.OpenCIFAR10(d.Path, "test")
		}
		return image.OpenCIFAR10(d.Path, "train")
	}
	return nil, fmt.Errorf("format %q: want generated, folder or cifar10", d.Format)
}

// openFolder opens a split with the classes of the training split; validation
// data alone has its own.
func openFolder(d experiment.Data, split Split) (image.Source, error) {
	training, name := cmp.Or(d.TrainSplit, string(TrainSplit)), cmp.Or(d.ValSplit, string(split))
	var classes []string
	var err error
	if split == TrainSplit {
		name = training
	} else if classes, err = image.FolderClasses(d.Path, training); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := image.OpenFolder(d.Path, name, classes)
	if err != nil {
		return nil, err
	}
	turbo, err := openTurbo(d.JPEG, image.OpenTurbo)
	f.UseTurbo(turbo)
	return f, err
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
		return []image.Augment{image.RandAugment{Policy: policy, Filter: filter, Fill: image.FillColour(cfg.Data.Mean)}}, nil
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
	d, a, t, dim := cfg.Data, cfg.Audio, cfg.Tokenizer, cfg.Model.EmbedDim
	if t.Kind == "audio" {
		return tokenizers.Audio{Frames: a.Frames, Mels: a.MelBins, Patch: t.PatchSize, Stride: t.Stride, Dim: dim}
	}
	return tokenizers.Image{Size: [2]int{d.ImageSize, d.ImageSize}, Channels: d.Channels, Patch: t.PatchSize, Stride: t.Stride, Dim: dim,
		Mean: d.Mean[:d.Channels], Std: d.Std[:d.Channels]}
}

// NewClassifier is the model of an experiment; auxDepth holds the block count of
// each pathway's auxiliary model.
func NewClassifier(cfg *experiment.Config, classes int, auxDepth []int) Classifier {
	m := cfg.Model
	c := Classifier{
		Tokenizer: tokenizer(cfg),
		ViT: model.ViT{Dim: m.EmbedDim, Depth: m.Depth, Heads: m.NumHeads, MLPRatio: m.MLPRatio, QKVBias: m.QKVBias,
			ClassToken: m.ClassToken, PosEmbed: m.PosEmbed, WeightInit: m.WeightInit, Eps: m.NormEps, DropPath: m.DropPath},
		Head:      heads.Classifier{Classes: classes, Pool: m.GlobalPool, InitStd: cfg.Head.InitStd},
		Loss:      cfg.Head.Loss,
		Targets:   cfg.Tokenizer.Kind == "audio" && cfg.Audio.Mixup > 0,
		Smoothing: cfg.Augment.Smoothing,
		Mixes:     cfg.Augment.Mixes(),
	}
	if cfg.Augment.ReProb > 0 && cfg.Tokenizer.Kind == "image" {
		c.Erase = cfg.Augment.ReMode
	}
	for i, p := range cfg.Pathway {
		c.ViT.Pathways = append(c.ViT.Pathways, model.Pathway{Layers: p.Layers, AuxDepth: auxDepth[i], Reversed: p.Order == "reversed",
			LambdaInit: p.LambdaInit, LambdaTrainable: p.LambdaTrainable, AuxTrainable: p.AuxTrainable})
	}
	return c
}
