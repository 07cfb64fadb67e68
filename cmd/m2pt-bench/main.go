// Command m2pt-bench measures the training step of an experiment on synthetic
// data, prints its plan, or profiles it by op.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"

	"m2pt/bench"
	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

func main() { os.Exit(int(run(os.Args[1:], os.Stdout, os.Stderr))) }

func run(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:    "m2pt-bench",
		Usage:   "-config FILE [-steps N] [-alone | -eval | -plan | -profile] [-cpuprofile FILE] [-set KEY=VALUE]... [-device DEVICE] [-json]",
		About:   "Measure the training step of an experiment on synthetic data: samples per second, GFLOP/s\nand the share of the device's peak, memory, and what the pathway costs (median of\nalternating steps with and without it). Needs neither the data nor the weights.",
		Example: "m2pt-bench -config configs/bench/vit_ti16_224.toml -json\nm2pt-bench -config configs/quickstart.toml -plan\nm2pt-bench -config configs/quickstart.toml -alone -cpuprofile cpu.prof && go tool pprof -tags cpu.prof\n",
	}, stdout, stderr)
	x := c.ExperimentFlags("measure the experiment in `FILE`")
	steps := c.Flags.Int("steps", 21, "measure `N` steps of each kind")
	alone := c.Flags.Bool("alone", false, "measure nothing beside the experiment, for a comparison with another program")
	eval := c.Flags.Bool("eval", false, "measure the evaluation of a micro-batch instead, alone")
	plan := c.Flags.Bool("plan", false, "print the steps of the program instead: stage, shapes, bytes, FLOPs")
	profile := c.Flags.Bool("profile", false, "print what each kind of op takes instead: time, GFLOP/s, GB/s, and the least the device could take")
	samples := c.Flags.String("cpuprofile", "", "write a CPU profile to `FILE`, for go tool pprof: samples of an op are labelled op=NAME")
	return c.Main(args, func(context.Context) error {
		if x.Config == "" || *steps < 1 || count(*alone, *eval, *plan, *profile) > 1 || *plan && *samples != "" {
			return cli.Misused("want -config FILE, -steps of at least 1, one of -alone, -eval, -plan and -profile at most, and -cpuprofile without -plan")
		}
		cfg, err := experiment.Load(x.Config, x.Overrides())
		if err != nil {
			return err
		}
		if *plan {
			return printPlan(c, cfg, stdout)
		}
		dev, err := c.OpenDevice(cfg.Device)
		if err != nil {
			return err
		}
		defer dev.Close()
		do := func() error { return measure(c, cfg, dev, *steps, bench.Run) }
		switch {
		case *profile:
			do = func() error { return printProfile(c, cfg, dev, *steps) }
		case *alone:
			do = func() error { return measure(c, cfg, dev, *steps, bench.Alone) }
		case *eval:
			do = func() error { return measure(c, cfg, dev, *steps, bench.Eval) }
		}
		if *samples == "" {
			return do()
		}
		return sample(*samples, dev, do)
	})
}

// count is how many are set.
func count(flags ...bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

func measure(c *cli.Command, cfg *experiment.Config, dev engine.Device, steps int,
	run func(*experiment.Config, engine.Device, int) (*bench.Result, error)) error {
	r, err := run(cfg, dev, steps)
	if err != nil {
		return err
	}
	c.Printf("%v\n", r)
	return c.Result(r)
}

// sample writes a CPU profile of do, with the labels of ops where the device has them.
func sample(path string, dev engine.Device, do func() error) (err error) {
	if d, ok := dev.(interface{ LabelSamples() }); ok {
		d.LabelSamples()
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("CPU profile: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("CPU profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return do()
}

// printPlan lists the program without the memory it would take.
func printPlan(c *cli.Command, cfg *experiment.Config, stdout io.Writer) error {
	s, err := train.NewSynthetic(cfg, bench.Answers(), engine.Planner{})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Program().Print(stdout); err != nil {
		return err
	}
	return c.Result(s.Program().Memory())
}

func printProfile(c *cli.Command, cfg *experiment.Config, dev engine.Device, steps int) error {
	p, err := bench.ProfileOps(cfg, dev, steps)
	if err != nil {
		return err
	}
	if err := p.Print(c.Text()); err != nil {
		return err
	}
	return c.Result(p)
}
