// Command m2pt-export writes a trained model as a plain Vision Transformer, its
// pathways folded into the weights.
package main

import (
	"context"
	"io"
	"os"

	"m2pt/export"
	"m2pt/internal/cli"
	"m2pt/train"
)

func main() { os.Exit(int(run(os.Args[1:], os.Stdout, os.Stderr))) }

// options are the command's flags.
type options struct {
	*cli.Experiment
	checkpoint string
	out        string
	verify     bool
}

func run(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-export",
		Usage: "-checkpoint PATH -out FILE.safetensors|FILE.npz|DIR [-verify] [-config FILE] [-set KEY=VALUE]... [-device DEVICE] [-json]",
		About: `Folds the pathways of a trained model into its weights, W + λ·W′, and writes the
plain model with timm's names: as one file, or as a folder with config.json and
model.safetensors that timm loads. PATH is as for m2pt-eval.`,
		Example: `m2pt-export -checkpoint runs/first -out first.safetensors -verify`,
	}, stdout, stderr)
	o := options{Experiment: c.ExperimentFlags("the experiment, a TOML `FILE` (default: config.toml of the run that the checkpoint is in)")}
	c.Flags.StringVar(&o.checkpoint, "checkpoint", "", "the model, a `PATH`")
	c.Flags.StringVar(&o.out, "out", "", "write to `PATH`: a .safetensors or .npz file, or a folder")
	c.Flags.BoolVar(&o.verify, "verify", false, "read the result back and compare its logits with the model's, pathways computed apart")
	return c.Main(args, func(ctx context.Context) error { return execute(ctx, c, o) })
}

// outcome is the command's result.
type outcome struct {
	export.Summary
	Verified *export.Report `json:"verified,omitempty"`
}

func execute(ctx context.Context, c *cli.Command, o options) error {
	switch {
	case o.checkpoint == "":
		return cli.Misused("-checkpoint: name a run folder, a checkpoint or a weights file")
	case o.out == "":
		return cli.Misused("-out: name a .safetensors or .npz file, or a folder")
	}
	m, err := train.OpenModel(o.checkpoint, o.Config, o.Overrides())
	if err != nil {
		return err
	}
	var result outcome
	if result.Summary, err = export.Write(m, o.out); err != nil {
		return err
	}
	c.Printf("wrote %s: %d tensors, %d parameters, %d pathway layers folded\n", result.Path, result.Tensors, result.Parameters, result.Folded)
	for _, line := range result.Beyond {
		c.Log.Warn("timm has to be told", "what", line)
	}
	if o.verify {
		if err := ctx.Err(); err != nil {
			return err
		}
		if result.Verified, err = verify(c, o, m); err != nil {
			return err
		}
	}
	return c.Result(result)
}
