package train

import (
	"errors"
	"fmt"
	"io/fs"

	"m2pt/data/image"
	"m2pt/data/point"
	"m2pt/data/video"
	"m2pt/experiment"
)

// Pictures opens a split of an experiment's pictures as they are, ahead of any
// transform. Errors are those of [OpenData].
func Pictures(cfg *experiment.Config, split Split) (image.Source, error) {
	src, err := openSource(cfg.Data, split)
	return src, openError(split, err)
}

// Clips opens a split of an experiment's videos as they are; see [Pictures].
func Clips(cfg *experiment.Config, split Split) (video.Source, error) {
	src, err := clipSource(cfg, split)
	return src, openError(split, err)
}

// Clouds opens a split of an experiment's point clouds as they are, also where the
// experiment is a few-shot task; see [Pictures].
func Clouds(cfg *experiment.Config, split Split) (point.Source, error) {
	src, err := cloudSource(cfg, split)
	return src, openError(split, err)
}

// openError says which data cannot be opened; that it is not there is an
// [experiment.UsageError].
func openError(split Split, err error) error {
	_, usage := errors.AsType[*experiment.UsageError](err)
	switch {
	case err == nil:
		return nil
	case usage || errors.Is(err, fs.ErrNotExist) || errors.Is(err, image.ErrClass):
		return misused("open %s data: %v", split, err)
	}
	return fmt.Errorf("open %s data: %w", split, err)
}
