package train

import (
	"fmt"
	"path/filepath"

	"m2pt/data"
	"m2pt/data/generated"
	"m2pt/data/image"
	"m2pt/data/video"
	"m2pt/experiment"
)

// openClips opens a split of videos.
func openClips(cfg *experiment.Config, split, as Split) (data.Dataset, error) {
	src, err := clipSource(cfg, split)
	if err != nil {
		return nil, err
	}
	a, v, side := cfg.Augment, cfg.Video, cfg.Data.ImageSize
	filter, err := image.ParseFilter(a.Interpolation)
	if err != nil {
		return nil, err
	}
	opt := video.Options{Frames: v.Frames, Size: side, Rate: v.Rate, Sparse: v.Sparse, Filter: filter, Short: v.Short}
	if as == ValSplit {
		opt.Segments, opt.Crops = cfg.Eval.Segments, cfg.Eval.Crops
		return video.NewDataset(src, opt)
	}
	opt.Train, opt.Scale, opt.Ratio, opt.Flip = true, a.Scale, a.Ratio, a.HFlip
	switch a.Crop {
	case "multi_scale":
		opt.MultiScale = true
	case "none":
		opt.Scale, opt.Ratio = [2]float64{1, 1}, [2]float64{1, 1}
	}
	if opt.Augments, err = augmenting(cfg, as); err != nil {
		return nil, err
	}
	return video.NewDataset(src, opt)
}

func clipSource(cfg *experiment.Config, split Split) (video.Source, error) {
	d := cfg.Data
	name, count := d.TrainSplit, d.Samples
	if split == ValSplit {
		name, count = d.ValSplit, d.ValSamples
	}
	if name == "" {
		name = string(split)
	}
	if d.Format == "generated" {
		return generated.NewClips(generated.ClipOptions{Split: string(split), Count: count, Frames: 2 * cfg.Video.Frames, Size: d.ImageSize, Seed: d.Seed})
	}
	turbo, err := openTurbo(d.JPEG, image.OpenTurbo)
	if err != nil {
		return nil, err
	}
	switch d.Format {
	case "folder":
		return jpegs(turbo)(video.OpenFolder(d.Path, name))
	case "csv":
		return jpegs(turbo)(video.OpenCSV(filepath.Join(d.Path, "split.csv"), name))
	case "list":
		return jpegs(turbo)(video.OpenList(d.Path, name, video.ListOptions{Pattern: cfg.Video.Pattern, ZeroBased: cfg.Video.FirstFrame == 0}))
	case "shards":
		s, err := video.OpenShards(d.Path, name)
		if err != nil {
			return nil, err
		}
		s.UseTurbo(turbo)
		return s, nil
	}
	return nil, fmt.Errorf("format %q is not one of clips", d.Format)
}

// jpegs gives files their decoder of frames.
func jpegs(turbo *image.Turbo) func(*video.Files, error) (video.Source, error) {
	return func(f *video.Files, err error) (video.Source, error) {
		if err != nil {
			return nil, err
		}
		f.UseTurbo(turbo)
		return f, nil
	}
}
