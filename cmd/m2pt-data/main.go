// Command m2pt-data checks and measures the dataset of an experiment, and writes
// it to files that are read faster.
package main

import (
	"context"
	"io"
	"os"
	"strings"

	"m2pt/data/point"
	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

func main() {
	if child, code := point.H5Child(); child {
		os.Exit(code)
	}
	os.Exit(int(run(os.Args[1:], os.Stdout, os.Stderr)))
}

func run(args []string, stdout, stderr io.Writer) cli.Code {
	word := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		word, args = args[0], args[1:]
	}
	switch word {
	case "check":
		return check(args, stdout, stderr)
	case "stats":
		return stats(args, stdout, stderr)
	case "generate":
		return generate(args, stdout, stderr)
	case "shards":
		return shards(args, stdout, stderr)
	case "h5":
		return h5(args, stdout, stderr)
	case "fewshot":
		return fewshot(args, stdout, stderr)
	}
	const words = "check, stats, generate, shards, h5 or fewshot"
	c := cli.New(cli.Help{
		Name:  "m2pt-data",
		Usage: "check|stats|generate|shards|h5|fewshot [OPTIONS]",
		About: `Looks at the dataset of an experiment, or writes another form of it.
  check     reads every sample: corrupt files, samples per class, duplicates
  stats     mean and std to normalise with, as lines of a config
  generate  writes a generated dataset to a folder of files
  shards    packs pictures, the frames of clips, or point clouds into large files
  h5        converts HDF5 files of point clouds
  fewshot   writes which clouds each few-shot task has
Each has its own options: m2pt-data check -h.`,
		Example: "m2pt-data check -config configs/quickstart.toml",
	}, stdout, stderr)
	if word != "" {
		args = nil // they belong to a sub-command that does not exist
	}
	return c.Main(args, func(context.Context) error {
		if word == "" {
			return cli.Misused("name a sub-command: %s (m2pt-data -h)", words)
		}
		return cli.Misused("no sub-command %q: want %s", word, words)
	})
}

// open reads the config; data that is not there is a usage error. Samples are
// looked at once, whatever evaluation does.
func open(x *cli.Experiment) (*experiment.Config, error) {
	if x.Config == "" {
		return nil, cli.Misused("-config: name an experiment, a TOML file")
	}
	cfg, err := experiment.Load(x.Config, x.Overrides())
	if err != nil {
		return nil, err
	}
	cfg.Eval.Votes, cfg.Eval.Segments, cfg.Eval.Crops = 1, 0, 0
	return cfg, cli.CheckData(cfg)
}

// splits are those that -split names, both where it is empty.
func splits(name string) ([]train.Split, error) {
	switch s := train.Split(name); s {
	case "":
		return bothSplits(), nil
	case train.TrainSplit, train.ValSplit:
		return []train.Split{s}, nil
	}
	return nil, cli.Misused("-split: is %q: want train or val", name)
}

func bothSplits() []train.Split { return []train.Split{train.TrainSplit, train.ValSplit} }
