// Command m2pt-export writes a trained model for others to load, its pathways folded
// into the weights.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"m2pt/checkpoint"
	"m2pt/export"
	"m2pt/internal/cli"
	"m2pt/train"
)

func main() { os.Exit(int(run(os.Args[1:], os.Stdout, os.Stderr))) }

// options are the command's flags.
type options struct {
	*cli.Experiment
	checkpoints []string
	out         string
	dtype       string
	unmerged    bool
	verify      bool
}

func run(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name: "m2pt-export",
		Usage: "-checkpoint PATH... -out FILE.safetensors|FILE.npz|DIR [-dtype DTYPE] [-unmerged] [-verify] [-config FILE]\n" +
			"         [-set KEY=VALUE]... [-device DEVICE] [-json]",
		About: `Folds the pathways of a trained model into its weights, W + λ·W′, and writes the
plain model: as one file with timm's names, or as a folder in Hugging Face's
layout, with config.json, model.safetensors and a model card (README.md): for timm
(pictures, sounds), transformers' VideoMAE (clips) or Point-MAE's code (point
clouds). Of a masked autoencoder it is the encoder. PATH is as for m2pt-eval. Where
the run keeps running averages (train.ema_decay) those are written; -set
eval.ema=false writes the weights that trained.`,
		Example: `m2pt-export -checkpoint runs/first -out first.safetensors -verify
m2pt-export -checkpoint runs/first -out first -dtype bfloat16
m2pt-export -checkpoint runs/first -checkpoint runs/second -out mean.safetensors`,
	}, stdout, stderr)
	o := options{Experiment: c.ExperimentFlags("the experiment, a TOML `FILE` (default: config.toml of the run that the checkpoint is in)")}
	c.Flags.Func("checkpoint", "the model, a `PATH`; repeatable: of several the mean of their weights, pathways folded", func(path string) error {
		o.checkpoints = append(o.checkpoints, path)
		return nil
	})
	c.Flags.StringVar(&o.out, "out", "", "write to `PATH`: a .safetensors or .npz file, or a folder")
	c.Flags.StringVar(&o.dtype, "dtype", "float32", "round floating tensors to `DTYPE`, to nearest even: "+dtypes())
	c.Flags.BoolVar(&o.unmerged, "unmerged", false, "leave W, W′ and λ apart: LAYER.weight, LAYER.aux_weight, LAYER.cross_modal_scale; files only")
	c.Flags.BoolVar(&o.verify, "verify", false, "read the result back and compare its logits with the model's, pathways computed apart")
	return c.Main(args, func(ctx context.Context) error { return execute(ctx, c, o) })
}

// outcome is the command's result.
type outcome struct {
	Checkpoints []string `json:"checkpoints"`
	export.Summary
	Verified *export.Report `json:"verified,omitempty"`
}

func execute(ctx context.Context, c *cli.Command, o options) error {
	form, err := o.form()
	if err != nil {
		return err
	}
	m, paths, err := o.open()
	if err != nil {
		return err
	}
	result := outcome{Checkpoints: paths}
	if result.Summary, err = export.Write(m, form); err != nil {
		return err
	}
	c.Printf("wrote %s: %d tensors, %d parameters in %s, %s\n", result.Path, result.Tensors, result.Parameters, result.Dtype, described(result, o.unmerged))
	for _, line := range result.Beyond {
		c.Log.Warn("whoever loads it has to be told", "what", line)
	}
	if o.verify {
		if err := ctx.Err(); err != nil {
			return err
		}
		if result.Verified, err = verify(c, form, m); err != nil {
			return err
		}
	}
	return c.Result(result)
}

// form is what the flags ask for.
func (o options) form() (export.Form, error) {
	f := export.Form{Out: o.out, Unmerged: o.unmerged}
	switch {
	case len(o.checkpoints) == 0:
		return f, cli.Misused("-checkpoint: name a run folder, a checkpoint or a weights file")
	case o.out == "":
		return f, cli.Misused("-out: name a .safetensors or .npz file, or a folder")
	case o.unmerged && len(o.checkpoints) > 1:
		return f, cli.Misused("-unmerged: the mean of several checkpoints has its pathways folded: name one")
	}
	all := export.Dtypes()
	i := slices.IndexFunc(all, func(d checkpoint.Dtype) bool { return d.String() == o.dtype })
	if i < 0 {
		return f, cli.Misused("-dtype: is %q, want %s", o.dtype, dtypes())
	}
	f.Dtype = all[i]
	return f, nil
}

func dtypes() string {
	var names []string
	for _, d := range export.Dtypes() {
		names = append(names, d.String())
	}
	return strings.Join(names, ", ")
}

// open reads the model, of several checkpoints their mean, and says which they are.
func (o options) open() (m *train.Trained, paths []string, err error) {
	var all []*train.Trained
	for _, path := range o.checkpoints {
		m, err := train.OpenTrained(path, o.Config, o.Overrides())
		if err != nil {
			return nil, nil, err
		}
		all, paths = append(all, m), append(paths, m.Path)
	}
	m, err = export.Mean(all)
	return m, paths, err
}

// described says which weights were written.
func described(r outcome, unmerged bool) string {
	what := fmt.Sprintf("%d pathway layers folded", r.Folded)
	switch {
	case len(r.Checkpoints) > 1:
		what = fmt.Sprintf("the mean of %d checkpoints", len(r.Checkpoints))
	case unmerged:
		what = "pathways unmerged"
	}
	if r.EMA {
		return what + ", running averages (EMA)"
	}
	return what + ", weights as trained"
}
