package main

import (
	"errors"
	"fmt"

	"m2pt/internal/cli"
	"m2pt/train"
)

// report says how a run ended that returned err. Samples that were skipped make
// a finished one an error.
func report(c *cli.Command, out *train.Outcome, err error) error {
	c.Printf("\n")
	if out.Eval.Samples > 0 {
		c.Printf("last  %v  (step %d)\nbest  %v  (step %d)\n", out.Eval, out.EvalStep, out.Best, out.BestStep)
	}
	if len(out.Lambda) > 0 {
		c.Printf("\n")
		if err := train.PrintLambdas(c.Text(), out.Lambda); err != nil {
			return fmt.Errorf("print lambdas: %w", err)
		}
	}
	for _, s := range out.Skipped {
		c.Printf("skipped %s\n", s)
	}
	if out.BadSteps > 0 {
		c.Printf("left out %d steps that were not finite\n", out.BadSteps)
	}
	c.Printf("\nrun folder: %s\n", out.Run)
	switch {
	case errors.Is(err, train.ErrStopped):
		c.Printf("to go on: the same command again\n")
		return nil
	case err != nil:
		return nil
	}
	if out.Eval.Masked {
		c.Printf("next: name it in model.init to fine-tune it, or in pathway.aux\n")
		return cli.SkippedError(len(out.Skipped))
	}
	c.Printf("next:\n  m2pt-eval -checkpoint %s\n  m2pt-export -checkpoint %[1]s -out %[1]s/export.safetensors -verify\n", out.Run)
	return cli.SkippedError(len(out.Skipped))
}
