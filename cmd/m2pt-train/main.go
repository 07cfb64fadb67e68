// Command m2pt-train runs an experiment: it trains, evaluates and keeps the run
// folder, or with -dry-run tells what that would take.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

func main() { os.Exit(int(run(os.Args[1:], os.Stdout, os.Stderr))) }

// options are the command's flags.
type options struct {
	*cli.Experiment
	out    string
	resume string
	dryRun bool
}

func run(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-train",
		Usage: "-config FILE [-set KEY=VALUE]... [-out DIR] [-device DEVICE] [-resume auto|never|DIR] [-dry-run] [-json]",
		About: `Trains the experiment in FILE, evaluates it and keeps config, metrics and
checkpoints in the run folder. Auxiliary experiments that it needs are trained
first. Run again, it goes on from the newest checkpoint. The first SIGINT,
SIGTERM or SIGHUP saves and leaves, a second one leaves at once.`,
		Example: `m2pt-train -config configs/quickstart.toml -set train.epochs=3 -out runs/first`,
	}, stdout, stderr)
	o := options{Experiment: c.ExperimentFlags("the experiment, a TOML `FILE`")}
	c.Flags.StringVar(&o.out, "out", "", "the run folder `DIR` (default: output in the config, else runs/NAME of the config file)")
	c.Flags.StringVar(&o.resume, "resume", "auto", "`WHERE` to go on from: auto (the run folder's newest checkpoint), never (refuse a run folder that has one),\nor a checkpoint folder")
	c.Flags.BoolVar(&o.dryRun, "dry-run", false, "print parameters, FLOPs, memory, parameter groups, learning rates and pathways; needs no data or weights")
	return c.Main(args, func(ctx context.Context) error {
		cfg, err := o.load()
		switch {
		case err != nil:
			return err
		case o.dryRun:
			return dryRun(c, cfg)
		}
		return execute(ctx, c, o, cfg)
	})
}

func (o options) load() (*experiment.Config, error) {
	var flags []string
	switch {
	case o.Config == "":
		return nil, cli.Misused("-config: name an experiment, such as configs/quickstart.toml")
	case o.resume == "":
		return nil, cli.Misused("-resume: want auto, never or a checkpoint folder")
	case o.out != "":
		flags = append(flags, "output="+o.out)
	}
	return experiment.Load(o.Config, o.Overrides(flags...))
}

// execute trains and reports. A run that stops early is reported as well.
func execute(ctx context.Context, c *cli.Command, o options, cfg *experiment.Config) error {
	dev, err := c.OpenDevice(cfg.Device)
	if err != nil {
		return err
	}
	defer dev.Close()
	if lines := cli.Missing(cfg); len(lines) > 0 {
		return &experiment.UsageError{Problems: lines}
	}
	c.Log.Info("training", "run", cfg.Output, "device", dev.Name())
	progress := c.Progress()
	out, err := train.Run(context.WithoutCancel(ctx), cfg, train.Options{Device: dev, Log: c.Log, Resume: o.resume, Stop: ctx.Done(), Progress: progress.Step})
	progress.Close()
	if out == nil {
		return err
	}
	return errors.Join(err, report(c, out, err), c.Result(out))
}
