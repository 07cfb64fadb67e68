package main

import (
	"context"
	"errors"
	"io"
	"slices"

	"m2pt/data/point"
	"m2pt/internal/cli"
)

func h5(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-data h5",
		Usage: "-in FILE... -out DIR [-memory MB] [-json]",
		About: `Converts the HDF5 files of ModelNet or ScanObjectNN into a folder of point clouds
(data.format "shards"). Each file belongs to the split whose name, train, test or
val, alone is in its own; class names are those of classes.txt or shape_names.txt
beside the first one. A process of its own reads the files, in limited memory. DIR
must be new or empty; it appears complete or not at all.`,
		Example: "m2pt-data h5 -in training_objectdataset.h5 -in test_objectdataset.h5 -out scanobjectnn",
	}, stdout, stderr)
	var files []string
	c.Flags.Func("in", "read `FILE`; repeatable", func(s string) error {
		if slices.Contains(files, s) {
			return errors.New("named twice")
		}
		files = append(files, s)
		return nil
	})
	out := c.Flags.String("out", "", "write to the folder `DIR`")
	memory := c.Flags.Int64("memory", 4096, "use at most so many `MB` of memory")
	return c.Main(args, func(ctx context.Context) error {
		const least, most = point.MinH5Limit >> 20, 1 << 24
		switch {
		case len(files) == 0:
			return cli.Misused("-in: name an HDF5 file")
		case *out == "":
			return cli.Misused("-out: name a folder")
		case *memory < least || *memory > most:
			return cli.Misused("-memory: is %d: want %d to %d", *memory, least, most)
		}
		if err := vacant(*out); err != nil {
			return err
		}
		counts, err := point.ConvertH5(ctx, files, *out, *memory<<20)
		if err != nil {
			return err
		}
		for _, split := range []string{"train", "val", "test"} {
			if n, ok := counts[split]; ok {
				c.Printf("wrote %s: %d clouds of split %s\n", *out, n, split)
			}
		}
		c.Printf("read it with -set data.format=shards -set data.path=%s\n", *out)
		return c.Result(converted{*out, "shards", counts})
	})
}

// converted is the command's result.
type converted struct {
	Path   string         `json:"path"`
	Format string         `json:"format"` // of data, in a config
	Clouds map[string]int `json:"clouds"` // of each split
}
