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
	if p.Way > 0 || p.FoldFile != "" {
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
	name = cmp.Or(name, string(split))
	published := name // these have no validation split
	if published == string(ValSplit) {
		published = "test"
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
		return point.OpenModelNet(d.Path, published, 10)
	case "modelnet40":
		return point.OpenModelNet(d.Path, published, 40)
	case "shapenet":
		return point.OpenShapeNet(d.Path, published)
	case "shapenetpart":
		return point.OpenShapeNetPart(d.Path, published)
	case "shards":
		return point.OpenShards(d.Path, name)
	}
	return nil, fmt.Errorf("format %q is not one of point clouds", d.Format)
}

// fewShot restricts a split to the clouds of the experiment's few-shot task.
func fewShot(cfg *experiment.Config, split Split, src point.Source) (point.Source, error) {
	fold, err := fold(cfg, split, src)
	if err != nil {
		return nil, misused("few-shot task: %v", err)
	}
	if split == TrainSplit {
		return fold.TrainOf(src)
	}
	return fold.TestOf(src)
}

// fold reads the task or draws it from both splits, of which src is one.
func fold(cfg *experiment.Config, split Split, src point.Source) (*point.Fold, error) {
	p := cfg.Point
	if p.FoldFile != "" {
		return point.ReadFold(p.FoldFile)
	}
	other := map[Split]Split{TrainSplit: ValSplit, ValSplit: TrainSplit}[split]
	rest, err := cloudSource(cfg, other)
	if err != nil {
		return nil, err
	}
	train, test := src, rest
	if split == ValSplit {
		train, test = rest, src
	}
	return point.NewFold(point.Episode{Way: p.Way, Shot: p.Shot, Fold: p.Fold, Seed: cfg.Data.Seed}, train, test)
}
