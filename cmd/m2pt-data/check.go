package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"m2pt/data"
	"m2pt/data/survey"
	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

func check(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-data check",
		Usage: "-config FILE [-split train|val] [-set KEY=VALUE]... [-json]",
		About: `Reads every sample of a dataset as evaluation does. Names the corrupt files and
why they cannot be read, counts samples per class, and finds samples with equal
content: twins within a split and samples of val that are in train too. The exit
status is 3 where a file is corrupt.`,
		Example: "m2pt-data check -config configs/quickstart.toml",
	}, stdout, stderr)
	x := c.ConfigFlags("check the data of the experiment in `FILE`")
	split := c.Flags.String("split", "", "check one `SPLIT`, train or val (default: both)")
	return c.Main(args, func(ctx context.Context) error {
		names, err := splits(*split)
		if err != nil {
			return err
		}
		cfg, err := open(x)
		if err != nil {
			return err
		}
		found, err := checkAll(ctx, c, cfg, names)
		if err != nil {
			return err
		}
		if err := c.Result(found); err != nil {
			return err
		}
		corrupt := 0
		for _, f := range found.Splits {
			corrupt += len(f.Corrupt)
		}
		return cli.SkippedError(corrupt)
	})
}

// findings are the command's result.
type findings struct {
	Splits []splitFindings `json:"splits"`
	Shared []survey.Twin   `json:"shared"` // samples of val that are in train
}

type splitFindings struct {
	Split   train.Split    `json:"split"`
	Samples int            `json:"samples"` // readable or not
	Corrupt []corrupt      `json:"corrupt"`
	Classes []survey.Class `json:"classes"`
	Twins   []survey.Twin  `json:"twins"`
}

// corrupt is a file that cannot be read.
type corrupt struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// corrupts names the unreadable samples.
func corrupts(list []data.Skip) []corrupt {
	files := []corrupt{}
	for _, s := range list {
		files = append(files, corrupt{s.Name, s.Err.Error()})
	}
	return files
}

// checkAll opens all splits before it reads the first: what is missing shows at
// once.
func checkAll(ctx context.Context, c *cli.Command, cfg *experiment.Config, names []train.Split) (*findings, error) {
	var sets []data.Dataset
	for _, name := range names {
		set, err := train.OpenPlain(cfg, name)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	all := &findings{Shared: []survey.Twin{}}
	var reports []*survey.Report
	for i, set := range sets {
		r, err := survey.Check(ctx, set, reading(c, cfg, names[i], set))
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
		f := splitFindings{names[i], r.Samples, corrupts(r.Corrupt), r.Classes, append([]survey.Twin{}, r.Twins()...)}
		all.Splits = append(all.Splits, f)
		f.print(c, r.Empty())
	}
	if len(sets) < 2 {
		return all, nil
	}
	if a, b := sets[0].Classes(), sets[1].Classes(); !slices.Equal(a, b) {
		return nil, cli.Misused("the splits differ in their classes, so labels do not mean the same: %s has %v, %s has %v", names[0], a, names[1], b)
	}
	all.Shared = append(all.Shared, reports[1].Shared(reports[0])...)
	printTwins(c, "val samples in train", all.Shared)
	return all, nil
}

// print writes the findings for people.
func (f splitFindings) print(c *cli.Command, empty []string) {
	c.Printf("%s: %d samples, %d corrupt, %d classes\n", f.Split, f.Samples, len(f.Corrupt), len(f.Classes))
	for _, s := range f.Corrupt {
		c.Printf("  corrupt %s: %s\n", s.File, s.Reason)
	}
	for _, k := range f.Classes {
		c.Printf("  %6d  %s\n", k.Samples, k.Name)
	}
	if len(empty) > 0 {
		c.Printf("  classes without samples: %s\n", strings.Join(empty, ", "))
	}
	printTwins(c, "twins", f.Twins)
}

// printTwins counts samples with equal content, and names those whose labels
// contradict each other.
func printTwins(c *cli.Command, what string, twins []survey.Twin) {
	if len(twins) == 0 {
		return
	}
	c.Printf("  %s: %d (-json lists them)\n", what, len(twins))
	for _, t := range twins {
		if t.Conflict {
			c.Printf("  %s equals %s, but has another label\n", t.Name, t.Of)
		}
	}
}
