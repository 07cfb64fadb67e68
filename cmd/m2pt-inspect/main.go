// Command m2pt-inspect looks into files of weights: what tensors they hold, how two
// of them differ, what the pathways of a model have learned.
package main

import (
	"context"
	"io"
	"os"
	"strings"

	"m2pt/checkpoint"
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
	case "list":
		return list(args, stdout, stderr)
	case "diff":
		return diff(args, stdout, stderr)
	case "lambda":
		return lambda(args, stdout, stderr)
	}
	c := cli.New(cli.Help{
		Name:  "m2pt-inspect",
		Usage: "list|diff|lambda [OPTIONS]",
		About: `Looks into files of weights.
  list    every tensor: shape, dtype, norm, range
  diff    how the tensors of two files differ
  lambda  what each pathway layer takes from its auxiliary model
Each has its own options: m2pt-inspect list -h.`,
		Example: "m2pt-inspect list runs/quickstart",
	}, stdout, stderr)
	if word != "" {
		args = nil // they belong to a sub-command that does not exist
	}
	return c.Main(args, func(context.Context) error {
		if word == "" {
			return cli.Misused("name a sub-command: list, diff or lambda (m2pt-inspect -h)")
		}
		return cli.Misused("no sub-command %q: want list, diff or lambda", word)
	})
}

// paths says what a PATH may be.
const paths = `PATH is a run folder (its best checkpoint), one of its checkpoints, its pointers
best and last, or a file: .safetensors, .npz, .npy, .pth or .pt. Of a run it is the
weights that evaluation uses, frozen W′ included; of a PyTorch file`

// open resolves path and says which checkpoints were passed over.
func open(c *cli.Command, path string) (*checkpoint.Checkpoint, error) {
	cp, rejected, err := checkpoint.Open(path)
	for _, r := range rejected {
		c.Log.Warn("passed over", "checkpoint", r.Dir, "why", r.Err)
	}
	return cp, err
}

// weights are those of the model that path stands for.
func weights(c *cli.Command, path string) (*checkpoint.Tensors, error) {
	cp, err := open(c, path)
	if err != nil {
		return nil, err
	}
	return train.Weights(cp)
}

// everything is all of a file, and of a run its weights.
func everything(c *cli.Command, path string) (*checkpoint.Tensors, error) {
	cp, err := open(c, path)
	switch {
	case err != nil:
		return nil, err
	case cp.State == nil:
		return checkpoint.LoadAll(cp.Path)
	}
	return train.Weights(cp)
}
