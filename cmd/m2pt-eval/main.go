// Command m2pt-eval evaluates a trained model on the validation split of its
// dataset.
package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"m2pt/data"
	"m2pt/internal/cli"
	"m2pt/train"
)

func main() { os.Exit(int(run(os.Args[1:], os.Stdout, os.Stderr))) }

// options are the command's flags.
type options struct {
	*cli.Experiment
	checkpoint  string
	predictions string
}

func run(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-eval",
		Usage: "-checkpoint PATH [-config FILE] [-set KEY=VALUE]... [-device DEVICE] [-predictions FILE.csv|FILE.npz] [-json]",
		About: `Evaluates a model on the validation split: loss, top-1 and top-5 accuracy in
percent; ranking metrics where samples have several classes, overlaps where points
have labels; of masked autoencoders the masked loss, that of the best constant and, with
-set eval.probe=ridge, what a linear probe makes of the encoder. Voting and several views: -set eval.votes=10, -set eval.segments=5
-set eval.crops=3. PATH is a run folder (its best checkpoint), one of its checkpoints, its
pointers best and last, or a weights file.`,
		Example: `m2pt-eval -checkpoint runs/first -predictions predictions.csv`,
	}, stdout, stderr)
	o := options{Experiment: c.ExperimentFlags("the experiment, a TOML `FILE` (default: config.toml of the run that the checkpoint is in)")}
	c.Flags.StringVar(&o.checkpoint, "checkpoint", "", "the model, a `PATH`")
	c.Flags.StringVar(&o.predictions, "predictions", "", "write the answer to every sample to `FILE`: its class as .csv, its logits as .npz or .safetensors")
	return c.Main(args, func(ctx context.Context) error { return execute(ctx, c, o) })
}

// outcome is the command's result.
type outcome struct {
	Checkpoint string `json:"checkpoint"`
	Step       int64  `json:"step"`
	train.Result
	Skipped int     `json:"skipped"`
	Seconds float64 `json:"seconds"`
}

func execute(ctx context.Context, c *cli.Command, o options) error {
	if o.checkpoint == "" {
		return cli.Misused("-checkpoint: name a run folder, a checkpoint or a weights file")
	}
	m, err := train.OpenModel(o.checkpoint, o.Config, o.Overrides())
	if err != nil {
		return err
	}
	if err := cli.CheckData(m.Config); err != nil {
		return err
	}
	start := time.Now()
	result, skipped, err := evaluate(ctx, c, o, m)
	if err != nil {
		return err
	}
	c.Printf("checkpoint    %s (step %d)\nsamples       %d\n", m.Path, m.Step, result.Samples)
	for _, f := range result.Figures() {
		c.Printf("%-14s%v\n", f.Name, f.Value)
	}
	for _, s := range skipped {
		c.Printf("skipped %s: %v\n", s.Name, s.Err)
	}
	if err := c.Result(outcome{m.Path, m.Step, result, len(skipped), time.Since(start).Seconds()}); err != nil {
		return err
	}
	return cli.SkippedError(len(skipped))
}

// evaluate runs the model over its validation data and writes the predictions
// where they are asked for.
func evaluate(ctx context.Context, c *cli.Command, o options, m *train.Model) (train.Result, []data.Skip, error) {
	dev, err := c.OpenDevice(m.Config.Device)
	if err != nil {
		return train.Result{}, nil, err
	}
	defer dev.Close()
	state, _, err := m.State(dev)
	if err != nil {
		return train.Result{}, nil, err
	}
	defer state.Close()
	e, loader, err := m.Evaluator(state, func(s data.Skip) { c.Log.Warn("sample skipped", "file", s.Name, "reason", s.Err) })
	if err != nil {
		return train.Result{}, nil, err
	}
	defer e.Close()
	progress := newProgress(c, loader.Dataset().Len()/data.Views(loader.Dataset()))
	defer progress.Close()
	run := func(each func(train.Prediction) error) (train.Result, error) {
		return e.Run(ctx, func(p train.Prediction) error { progress.sample(p); return each(p) })
	}
	var result train.Result
	switch ext := filepath.Ext(o.predictions); {
	case o.predictions == "":
		result, err = run(func(train.Prediction) error { return nil })
	case ext == ".npz" || ext == ".safetensors":
		result, err = writeLogits(o.predictions, m, loader.Dataset(), run)
	default:
		result, err = writePredictions(o.predictions, tableFor(m, loader.Dataset()), loader.Dataset(), run)
	}
	return result, loader.Skipped(), err
}
