package train

import (
	"cmp"
	"fmt"
	"path/filepath"

	"m2pt/data"
	"m2pt/data/generated"
	"m2pt/data/point"
	"m2pt/experiment"
)

// openClouds opens a split of point clouds, cut into groups.
func openClouds(cfg *experiment.Config, split, as Split) (data.Dataset, error) {
	src, err := cloudSource(cfg, split)
	if err != nil {
		return nil, err
	}
	p, t := cfg.Point, cfg.Tokenizer
	if p.Way > 0 {
		if src, err = fewShot(cfg, split, src); err != nil {
			return nil, err
		}
	}
	opt := point.Options{Points: p.Points, Groups: t.Groups, GroupSize: t.GroupSize, Sampling: p.Sampling, UnitSphere: p.UnitSphere,
		Parts: cfg.Head.Kind == "parts", Augment: point.Augment{Up: p.Up}}
	if as == ValSplit {
		opt.Views = cfg.Eval.Votes
		return point.NewDataset(src, opt)
	}
	opt.Train = true
	opt.Augment = point.Augment{ScaleTranslate: p.ScaleTranslate, ScaleShift: p.ScaleShift, Rotate: p.Rotate, Flip: p.Flip, Up: p.Up,
		Jitter: p.Jitter, Dropout: p.DropPoints}
	return point.NewDataset(src, opt)
}

func cloudSource(cfg *experiment.Config, split Split) (point.Source, error) {
	d := cfg.Data
	name, count := d.TrainSplit, d.Samples
	if split == ValSplit {
		name, count = d.ValSplit, d.ValSamples
	}
	usual := map[bool]string{true: "train", false: "test"}[split == TrainSplit]
	if name == "" {
		name = usual
	}
	switch d.Format {
	case "generated":
		variant := "shapes"
		if cfg.Head.Kind == "parts" {
			variant = "parts"
		}
		return generated.NewClouds(generated.CloudOptions{Variant: cmp.Or(d.Variant, variant), Split: string(split), Count: count, Points: 2 * cfg.Point.Points, Seed: d.Seed})
	case "folder":
		return point.OpenFolder(d.Path, name)
	case "csv":
		return point.OpenCSV(filepath.Join(d.Path, "split.csv"), name)
	case "modelnet10":
		return point.OpenModelNet(d.Path, name, 10)
	case "modelnet40":
		return point.OpenModelNet(d.Path, name, 40)
	case "shapenet":
		return point.OpenShapeNet(d.Path, name)
	case "shapenetpart":
		return point.OpenShapeNetPart(d.Path, name)
	case "shards":
		return point.OpenShards(d.Path, name)
	}
	return nil, fmt.Errorf("format %q is not one of point clouds", d.Format)
}

// fewShot restricts a split to the clouds of the experiment's few-shot task.
func fewShot(cfg *experiment.Config, split Split, src point.Source) (point.Source, error) {
	other := map[Split]Split{TrainSplit: ValSplit, ValSplit: TrainSplit}[split]
	rest, err := cloudSource(cfg, other)
	if err != nil {
		return nil, err
	}
	train, test := src, rest
	if split == ValSplit {
		train, test = rest, src
	}
	fold, err := point.NewFold(point.Episode{Way: cfg.Point.Way, Shot: cfg.Point.Shot, Fold: cfg.Point.Fold, Seed: cfg.Data.Seed}, train, test)
	if err != nil {
		return nil, err
	}
	if split == TrainSplit {
		return fold.TrainOf(src)
	}
	return fold.TestOf(src)
}
