// Command m2pt-data checks and measures the dataset of an experiment, and writes
// a generated one to files.
package main

import (
	"context"
	"io"
	"os"
	"strings"

	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

func main() { os.Exit(int(run(os.Args[1:], os.Stdout, os.Stderr))) }

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
	}
	c := cli.New(cli.Help{
		Name:  "m2pt-data",
		Usage: "check|stats|generate [OPTIONS]",
		About: `Looks at the dataset of an experiment.
  check     reads every sample: corrupt files, samples per class, duplicates
  stats     mean and std to normalise with, as lines of a config
  generate  writes a generated dataset to a folder of files
Each has its own options: m2pt-data check -h.`,
		Example: "m2pt-data check -config configs/quickstart.toml",
	}, stdout, stderr)
	if word != "" {
		args = nil // they belong to a sub-command that does not exist
	}
	return c.Main(args, func(context.Context) error {
		if word == "" {
			return cli.Misused("name a sub-command: check, stats or generate (m2pt-data -h)")
		}
		return cli.Misused("no sub-command %q: want check, stats or generate", word)
	})
}

// open reads the config; data that is not there is a usage error.
func open(x *cli.Experiment) (*experiment.Config, error) {
	if x.Config == "" {
		return nil, cli.Misused("-config: name an experiment, a TOML file")
	}
	cfg, err := experiment.Load(x.Config, x.Overrides())
	if err != nil {
		return nil, err
	}
	return cfg, cli.CheckData(cfg)
}

// splits are those that -split names, both where it is empty.
func splits(name string) ([]train.Split, error) {
	switch s := train.Split(name); s {
	case "":
		return []train.Split{train.TrainSplit, train.ValSplit}, nil
	case train.TrainSplit, train.ValSplit:
		return []train.Split{s}, nil
	}
	return nil, cli.Misused("-split: is %q: want train or val", name)
}
