package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"

	"m2pt/data/point"
	"m2pt/experiment"
	"m2pt/train"
)

// writeClouds writes both splits of generated point clouds as class folders.
func writeClouds(ctx context.Context, dir string, cfg *experiment.Config) error {
	for _, split := range bothSplits() {
		src, err := train.Clouds(cfg, split)
		if err != nil {
			return err
		}
		err = each(ctx, src.Len(), train.Workers(cfg.Data), func() writer {
			var cloud point.Cloud
			return func(i int) error {
				label, err := src.Load(i, &cloud)
				if err != nil {
					return err
				}
				path := filepath.Join(dir, string(split), src.Classes()[label], number6(i)+".ply")
				return writeFile(path, func(w io.Writer) error { return encodePLY(w, &cloud) })
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// encodePLY writes a cloud as 32-bit floats, which keep its points exactly.
func encodePLY(w io.Writer, c *point.Cloud) error {
	const head = "ply\nformat binary_little_endian 1.0\nelement vertex %d\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
	if _, err := fmt.Fprintf(w, head, c.Len()); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, c.XYZ)
}
