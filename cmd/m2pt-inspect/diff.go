package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"m2pt/checkpoint"
	"m2pt/inspect"
	"m2pt/internal/cli"
)

// diffStatus is that of diff(1).
const diffStatus = `  0      equal
  1      different
  2      wrong options, or a PATH that cannot be read
  128+n  stopped by signal n
`

func diff(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:     "m2pt-inspect diff",
		Operands: []string{"A", "B"},
		Usage:    "[-tolerance T] [-json] A B",
		About: `Compares the tensors of A and B, each a PATH, on stdout: names that only one of them
has, shapes and dtypes that differ, and of all others that differ max|Δ| and the
relative L2 distance ‖a-b‖/‖b‖. Two NaN are equal.
` + paths + ` the model.`,
		Example: "m2pt-inspect diff runs/first runs/second -tolerance 1e-6",
		Exit:    diffStatus,
	}, stdout, stderr)
	tolerance := c.Flags.Float64("tolerance", 0, "tensors with max|Δ| of at most `T` are equal")
	return c.Main(args, func(ctx context.Context) error {
		if !(*tolerance >= 0) {
			return cli.Misused("-tolerance: is %v: want 0 or more", *tolerance)
		}
		var both [2]*checkpoint.Tensors
		for i := range both {
			var err error
			if both[i], err = weights(c, c.Operand(i)); err != nil {
				return cli.Misused("%v", err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		found := inspect.Diff(both[0], both[1], *tolerance)
		if err := printComparison(stdout, found); err != nil {
			return err
		}
		if err := c.Result(found); err != nil {
			return err
		}
		if !found.Equal {
			return errDifferent
		}
		return nil
	})
}

var errDifferent = errors.New("the files are different")

func printComparison(w io.Writer, d inspect.Comparison) error {
	for _, name := range d.OnlyA {
		fmt.Fprintf(w, "only in A: %s\n", name)
	}
	for _, name := range d.OnlyB {
		fmt.Fprintf(w, "only in B: %s\n", name)
	}
	for _, m := range d.Mismatched {
		fmt.Fprintf(w, "%s: %s in A, %s in B\n", m.Name, m.A, m.B)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if d.Max > 0 {
		fmt.Fprintln(tw, "tensor\tmax|Δ|\t‖Δ‖/‖b‖\t")
	}
	for _, x := range d.Deltas {
		if x.Max > 0 {
			fmt.Fprintf(tw, "%s\t%.4g\t%.4g\t\n", x.Name, x.Max, x.Relative)
		}
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print comparison: %w", err)
	}
	_, err := fmt.Fprintf(w, "%d tensors in both: %d differ beyond the tolerance, max|Δ| %.4g; %d only in A, %d only in B, %d of other shape or dtype\n",
		len(d.Deltas)+len(d.Mismatched), d.Differing, d.Max, len(d.OnlyA), len(d.OnlyB), len(d.Mismatched))
	return err
}
