package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"m2pt/experiment"
	"m2pt/internal/atomicfile"
	"m2pt/internal/cli"
)

func generate(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-data generate",
		Usage: "-config FILE -out DIR [-set KEY=VALUE]... [-json]",
		About: `Writes the generated dataset of an experiment to files, to look at or listen to,
without loss: pictures as DIR/train|val/CLASS/NUMBER.png, clips as folders of such,
point clouds as DIR/train|val/CLASS/NUMBER.ply (all data.format "folder"), sounds as
DIR/train|val/NUMBER.wav with split.csv and classes.txt (data.format "csv"). DIR
must be new or empty; it appears complete or not at all.`,
		Example: "m2pt-data generate -config configs/quickstart.toml -set data.samples=100 -out shapes",
	}, stdout, stderr)
	x := c.ConfigFlags("write the data of the experiment in `FILE`")
	out := c.Flags.String("out", "", "write to the folder `DIR`")
	return c.Main(args, func(ctx context.Context) error {
		if *out == "" {
			return cli.Misused("-out: name a folder")
		}
		cfg, err := open(x)
		if err != nil {
			return err
		}
		if cfg.Data.Format != "generated" {
			return cli.Misused("data.format: is %q: only a generated dataset can be written; set data.format=generated", cfg.Data.Format)
		}
		if err := vacant(*out); err != nil {
			return err
		}
		w, err := write(ctx, cfg, *out)
		if err != nil {
			return err
		}
		c.Printf("wrote %s: %d samples for training, %d for validation\nread it with -set data.format=%s -set data.path=%s\n", w.Path, w.Train, w.Val, w.Format, w.Path)
		return c.Result(w)
	})
}

// written is the command's result.
type written struct {
	Path   string `json:"path"`
	Format string `json:"format"` // of data, in a config
	Train  int    `json:"train"`  // samples
	Val    int    `json:"val"`
}

// vacant makes sure that the folder can be written, and nothing is lost by that.
func vacant(dir string) error {
	if link, err := os.Lstat(dir); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		return cli.Misused("-out: %s is a link: name the folder itself", dir)
	}
	here, err1 := os.Stat(".")
	there, err2 := os.Stat(dir)
	if err1 == nil && err2 == nil && os.SameFile(here, there) {
		return cli.Misused("-out: %s is the working directory, which cannot be replaced: name a new folder", dir)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cli.Misused("-out: %v: name a new or empty folder", err)
	case len(entries) > 0:
		return cli.Misused("-out: %s is not empty: name a new or empty folder", dir)
	}
	return nil
}

func write(ctx context.Context, cfg *experiment.Config, out string) (*written, error) {
	w := &written{Path: out, Format: "folder", Train: cfg.Data.Samples, Val: cfg.Data.ValSamples}
	var fill func(ctx context.Context, dir string, cfg *experiment.Config) error
	switch cfg.Tokenizer.Kind {
	case "audio":
		w.Format, fill = "csv", writeSounds
	case "point":
		if cfg.Head.Kind == "parts" {
			return nil, cli.Misused(`head.kind: is "parts": no format that is written has labels of points`)
		}
		fill = writeClouds
	case "video":
		fill = writeClips
	default:
		fill = writePictures
	}
	return w, atomicfile.Folder(out, func(dir string) error { return fill(ctx, dir, cfg) })
}
