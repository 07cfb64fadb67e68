package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"m2pt/inspect"
	"m2pt/internal/cli"
)

func list(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:     "m2pt-inspect list",
		Operands: []string{"PATH"},
		Usage:    "[-match GLOB] [-json] PATH",
		About: `Lists every tensor on stdout: dtype, shape, bytes, L2 norm, smallest and largest
element, and how many elements are NaN or infinite; the other figures leave those
out.
` + paths + ` everything,
under the keys that lead to it: model.head.bias.`,
		Example: "m2pt-inspect list runs/quickstart -match 'blocks.0.*'",
	}, stdout, stderr)
	glob := c.Flags.String("match", "*", "only tensors whose names match `GLOB`: * stands for any text, ? for a character, [ab] for one of them")
	return c.Main(args, func(ctx context.Context) error {
		match, err := matcher(*glob)
		if err != nil {
			return err
		}
		ts, err := everything(c, c.Operand(0))
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		l := inspect.List(ts, match)
		if l.Total.Tensors == 0 && ts.Len() > 0 {
			return fmt.Errorf("list %q: -match: none of its %d tensors is named like %q", c.Operand(0), ts.Len(), *glob)
		}
		if err := printListing(stdout, l); err != nil {
			return err
		}
		return c.Result(listed{c.Operand(0), l})
	})
}

// matcher tells which names match a pattern. Names in an npz may hold slashes, which
// are nothing special here.
func matcher(glob string) (func(name string) bool, error) {
	plain := strings.NewReplacer("/", ".")
	glob = plain.Replace(glob)
	if _, err := path.Match(glob, ""); err != nil {
		return nil, cli.Misused("-match: %q: %v", glob, err)
	}
	return func(name string) bool {
		ok, err := path.Match(glob, plain.Replace(name))
		return ok && err == nil
	}, nil
}

// listed is the command's result.
type listed struct {
	Path string `json:"path"`
	inspect.Listing
}

func printListing(w io.Writer, l inspect.Listing) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "tensor\tdtype\tshape\tbytes\tnorm\tmin\tmax\tnon-finite\t")
	for _, t := range l.Tensors {
		fmt.Fprintf(tw, "%s\t%s\t%v\t%d\t%.4g\t%.4g\t%.4g\t%d\t\n", t.Name, t.Dtype, t.Shape, t.Bytes, t.Norm, t.Min, t.Max, t.NonFinite)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print listing: %w", err)
	}
	_, err := fmt.Fprintf(w, "%d tensors, %d elements, %d bytes, norm %.6g, %d elements not finite\n",
		l.Total.Tensors, l.Total.Elements, l.Total.Bytes, l.Total.Norm, l.Total.NonFinite)
	return err
}
