package main

import (
	"context"
	stdimage "image"
	"image/png"
	"io"
	"path/filepath"

	"m2pt/data/image"
	"m2pt/experiment"
	"m2pt/train"
)

// writePictures writes both splits of generated pictures as class folders.
func writePictures(ctx context.Context, dir string, cfg *experiment.Config) error {
	for _, split := range bothSplits() {
		src, err := train.Pictures(cfg, split)
		if err != nil {
			return err
		}
		err = each(ctx, src.Len(), train.Workers(cfg.Data), func() writer {
			var p image.Picture
			return func(i int) error {
				label, err := src.Load(i, &p)
				if err != nil {
					return err
				}
				path := filepath.Join(dir, string(split), src.Classes()[label], number6(i)+".png")
				return writeFile(path, func(w io.Writer) error { return encodePNG(w, &p) })
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func encodePNG(w io.Writer, p *image.Picture) error {
	m := stdimage.NewNRGBA(stdimage.Rect(0, 0, p.W, p.H))
	for i := range p.W * p.H {
		copy(m.Pix[4*i:], p.Pix[3*i:][:3])
		m.Pix[4*i+3] = 255
	}
	return png.Encode(w, m)
}
