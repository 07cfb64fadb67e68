package main

import (
	"context"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"m2pt/data/point"
	"m2pt/experiment"
	"m2pt/internal/atomicfile"
	"m2pt/internal/cli"
	"m2pt/train"
)

func fewshot(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-data fewshot",
		Usage: "-config FILE -out DIR [-way K,...] [-shot N,...] [-folds N] [-set KEY=VALUE]... [-json]",
		About: `Writes the few-shot tasks of the point clouds of an experiment: for each number of
classes and of training clouds per class the folds DIR/5way_10shot/0.json, ..., which
name the classes, the training clouds and 20 test clouds of each class. They are
those that training draws where point.way, point.shot and point.fold say so, with
the same data.seed. DIR must be new or empty; it appears complete or not at all.`,
		Example: "m2pt-data fewshot -config configs/quickstart_point.toml -way 5 -shot 10 -folds 2 -out folds",
	}, stdout, stderr)
	x := c.ConfigFlags("draw from the data of the experiment in `FILE`")
	out := c.Flags.String("out", "", "write to the folder `DIR`")
	way := c.Flags.String("way", "5,10", "tell `K,...` classes apart")
	shot := c.Flags.String("shot", "10,20", "learn from `N,...` clouds of each class")
	folds := c.Flags.Int("folds", 10, "write the first `N` folds of each")
	return c.Main(args, func(context.Context) error {
		ways, err1 := numbers("way", *way)
		shots, err2 := numbers("shot", *shot)
		switch {
		case err1 != nil:
			return err1
		case err2 != nil:
			return err2
		case *folds < 1:
			return cli.Misused("-folds: is %d: want 1 or more", *folds)
		}
		cfg, err := open(x)
		switch {
		case err != nil:
			return err
		case *out == "":
			return cli.Misused("-out: name a folder")
		case cfg.Tokenizer.Kind != "point":
			return cli.Misused("tokenizer.kind: is %q: few-shot tasks are of point clouds", cfg.Tokenizer.Kind)
		}
		if err := vacant(*out); err != nil {
			return err
		}
		if err := writeFolds(cfg, *out, ways, shots, *folds); err != nil {
			return err
		}
		n := len(ways) * len(shots) * *folds
		c.Printf("wrote %s: %d folds\ntrain on one with -set point.way=%d -set point.shot=%d -set point.fold=0\n", *out, n, ways[0], shots[0])
		return c.Result(drawn{*out, n})
	})
}

// drawn is the command's result.
type drawn struct {
	Path  string `json:"path"`
	Folds int    `json:"folds"`
}

// numbers reads the positive numbers of a flag.
func numbers(flag, text string) ([]int, error) {
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, cli.Misused("-%s: is %q: want positive numbers with commas between", flag, text)
		}
		list = append(list, n)
	}
	return list, nil
}

func writeFolds(cfg *experiment.Config, out string, ways, shots []int, folds int) error {
	training, err := train.Clouds(cfg, train.TrainSplit)
	if err != nil {
		return err
	}
	test, err := train.Clouds(cfg, train.ValSplit)
	if err != nil {
		return err
	}
	return atomicfile.Folder(out, func(dir string) error {
		for _, way := range ways {
			for _, shot := range shots {
				for fold := range folds {
					f, err := point.NewFold(point.Episode{Way: way, Shot: shot, Fold: fold, Seed: cfg.Data.Seed}, training, test)
					if err == nil {
						err = f.WriteFile(filepath.Join(dir, f.Path()))
					}
					if err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}
