// Command m2pt-bench measures the training step of an experiment on synthetic
// data, prints its plan, or profiles it by op.
package main

import (
	"context"
	"io"
	"os"

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
		Usage:   "-config FILE [-steps N] [-alone | -plan | -profile] [-set KEY=VALUE]... [-device DEVICE] [-json]",
		About:   "Measure the training step of an experiment on synthetic data: samples per second, GFLOP/s\nand the share of the device's peak, memory, and what the pathway costs (median of\nalternating steps with and without it). Needs neither the data nor the weights.",
		Example: "m2pt-bench -config configs/bench/vit_ti16_224.toml -json\nm2pt-bench -config configs/quickstart.toml -plan\n",
	}, stdout, stderr)
	x := c.ExperimentFlags("measure the experiment in `FILE`")
	steps := c.Flags.Int("steps", 21, "measure `N` steps of each kind")
	alone := c.Flags.Bool("alone", false, "measure nothing beside the experiment, for a comparison with another program")
	plan := c.Flags.Bool("plan", false, "print the steps of the program instead: stage, shapes, bytes, FLOPs")
	profile := c.Flags.Bool("profile", false, "print the time per kind of op instead")
	return c.Main(args, func(context.Context) error {
		if x.Config == "" || *steps < 1 || *plan && *profile || *alone && (*plan || *profile) {
			return cli.Misused("want -config FILE, -steps of at least 1, and one of -alone, -plan and -profile at most")
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
		if *profile {
			return printProfile(c, cfg, dev, *steps)
		}
		measure := bench.Run
		if *alone {
			measure = bench.Alone
		}
		r, err := measure(cfg, dev, *steps)
		if err != nil {
			return err
		}
		c.Printf("%v\n", r)
		return c.Result(r)
	})
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
	shares, err := bench.Profile(cfg, dev, steps)
	if err != nil {
		return err
	}
	if err := bench.PrintProfile(c.Text(), shares); err != nil {
		return err
	}
	return c.Result(shares)
}
