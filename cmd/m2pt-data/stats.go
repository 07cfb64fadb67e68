package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"m2pt/data"
	"m2pt/data/survey"
	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

func stats(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-data stats",
		Usage: "-config FILE [-split train|val] [-set KEY=VALUE]... [-json]",
		About: `Measures what an experiment normalises with, over samples read as evaluation
reads them, unnormalised: mean and std of each channel of pictures, scaled to
0..1, or of the log-mel values of sounds, padding included. They go to stdout as
lines of a config. Of point clouds, which are not normalised so, it is each axis,
as a comment.`,
		Example: "m2pt-data stats -config configs/quickstart.toml >stats.toml",
	}, stdout, stderr)
	x := c.ConfigFlags("measure the data of the experiment in `FILE`")
	split := c.Flags.String("split", string(train.TrainSplit), "measure one `SPLIT`, train or val")
	return c.Main(args, func(ctx context.Context) error {
		if _, err := splits(*split); err != nil || *split == "" {
			return cli.Misused("-split: is %q: want train or val", *split)
		}
		cfg, err := open(x)
		if err != nil {
			return err
		}
		m, err := measure(ctx, c, cfg, train.Split(*split))
		if err != nil {
			return err
		}
		if _, err := io.WriteString(stdout, m.toml(cfg.Tokenizer.Kind)); err != nil {
			return fmt.Errorf("print statistics: %w", err)
		}
		if err := c.Result(m); err != nil {
			return err
		}
		return cli.SkippedError(len(m.Corrupt))
	})
}

// measured is the command's result.
type measured struct {
	Split   train.Split `json:"split"`
	Samples int         `json:"samples"` // readable
	Shape   []int       `json:"shape"`   // of one sample: [C,H,W], [C,T,H,W], [T,M] or [N,3]
	Mean    []float64   `json:"mean"`
	Std     []float64   `json:"std"`
	Corrupt []corrupt   `json:"corrupt"`
}

func measure(ctx context.Context, c *cli.Command, cfg *experiment.Config, split train.Split) (*measured, error) {
	set, err := train.OpenPlain(unnormalised(*cfg), split)
	if err != nil {
		return nil, err
	}
	got, err := survey.Measure(ctx, set, reading(c, cfg, split, set))
	if err != nil {
		return nil, err
	}
	m := &measured{split, got.Samples, shape(set.Layout()), got.Mean, got.Std, corrupts(got.Corrupt)}
	c.Printf("%s: %d samples of shape %v\n", m.Split, m.Samples, m.Shape)
	for _, s := range m.Corrupt {
		c.Printf("  corrupt %s: %s\n", s.File, s.Reason)
	}
	return m, nil
}

// unnormalised makes (x - mean) / (2 std) of spectrograms x. Pixels are
// normalised later, in the graph.
func unnormalised(cfg experiment.Config) *experiment.Config {
	cfg.Audio.Mean, cfg.Audio.Std = 0, 0.5
	return &cfg
}

func shape(l data.Layout) []int {
	if l.Pixels != nil {
		return l.Pixels
	}
	return l.Values
}

// toml are the figures as a config has them: always three channels of pictures,
// of which a grey one has the first.
func (m *measured) toml(kind string) string {
	switch kind {
	case "audio":
		return fmt.Sprintf("[audio]\nmean = %s\nstd = %s\n", number(m.Mean[0]), number(m.Std[0]))
	case "point":
		return fmt.Sprintf("# x, y, z: mean = %s, std = %s\n", triple(m.Mean), triple(m.Std))
	}
	return fmt.Sprintf("[data]\nmean = %s\nstd = %s\n", triple(m.Mean), triple(m.Std))
}

func triple(channels []float64) string {
	var words [3]string
	for i := range words {
		words[i] = number(channels[min(i, len(channels)-1)])
	}
	return "[" + strings.Join(words[:], ", ") + "]"
}

// number is v with seven digits behind the point, a TOML float.
func number(v float64) string { return strconv.FormatFloat(v, 'f', 7, 64) }
