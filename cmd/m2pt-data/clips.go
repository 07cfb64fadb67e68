package main

import (
	"context"
	"io"
	"path/filepath"

	"m2pt/data/image"
	"m2pt/experiment"
	"m2pt/train"
)

// writeClips writes both splits of generated clips as class folders, each clip a
// folder of frames.
func writeClips(ctx context.Context, dir string, cfg *experiment.Config) error {
	for _, split := range bothSplits() {
		src, err := train.Clips(cfg, split)
		if err != nil {
			return err
		}
		err = each(ctx, src.Len(), train.Workers(cfg.Data), func() writer {
			var p image.Picture
			return func(i int) error {
				clip, label, err := src.Open(i)
				if err != nil {
					return err
				}
				folder := filepath.Join(dir, string(split), src.Classes()[label], number6(i))
				all := make([]int, clip.Len())
				for k := range all {
					all[k] = k
				}
				return clip.Read(all, &p, func(k int) error {
					return writeFile(filepath.Join(folder, number6(k)+".png"), func(w io.Writer) error { return encodePNG(w, &p) })
				})
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
