package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"m2pt/checkpoint"
	"m2pt/inspect"
	"m2pt/internal/cli"
	"m2pt/model"
	"m2pt/train"
)

func lambda(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:     "m2pt-inspect lambda",
		Operands: []string{"PATH"},
		Usage:    "[-json] PATH",
		About: `Shows on stdout what each pathway layer takes from its auxiliary models: λ, the L2
norms of W and W′, and ‖λW′‖/‖W‖; below it, for each kind of layer, the range of λ
and the means of |λ| and of ‖λW′‖/‖W‖.
` + paths + ` the model.`,
		Example: "m2pt-inspect lambda runs/quickstart",
	}, stdout, stderr)
	return c.Main(args, func(context.Context) error {
		cp, err := open(c, c.Operand(0))
		if err != nil {
			return err
		}
		ts, err := pathways(cp)
		if err != nil {
			return err
		}
		terms, err := inspect.Terms(ts)
		if err != nil {
			return fmt.Errorf("%q: %w", cp.Path, err)
		}
		found := measured{cp.Path, terms, inspect.Kinds(terms)}
		if err := found.print(stdout); err != nil {
			return err
		}
		return c.Result(found)
	})
}

// pathways are the weights of a checkpoint, but no averages in layers whose W′
// trains: those hold Ŵ in place of W, and no λ.
func pathways(cp *checkpoint.Checkpoint) (*checkpoint.Tensors, error) {
	ts, err := train.Weights(cp)
	if err != nil || cp.State == nil {
		return ts, err
	}
	trained, err := cp.Model()
	if err != nil {
		return nil, err
	}
	trains := map[string]bool{}
	for name := range trained.Names() {
		if layer, what, _, ok := model.SplitTerm(name); ok && what == model.AuxName {
			trains[layer] = true
		}
	}
	out := &checkpoint.Tensors{}
	for t := range ts.All() {
		layer, _, _, ok := model.SplitTerm(t.Name)
		if !ok {
			layer = strings.TrimSuffix(t.Name, ".weight")
		}
		if x, ok := trained.Lookup(t.Name); ok && trains[layer] {
			t = x
		}
		if err := out.Add(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// measured is the command's result.
type measured struct {
	Path  string         `json:"path"`
	Terms []inspect.Term `json:"terms"`
	Kinds []inspect.Kind `json:"kinds"`
}

func (m measured) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "layer\taux\tlambda\t|W|\t|W'|\t|λW'|/|W|\t")
	for _, t := range m.Terms {
		fmt.Fprintf(tw, "%s\t%d\t%+.6f\t%.4g\t%.4g\t%.4f\t\n", t.Layer, t.Aux, t.Lambda, t.Weight, t.AuxWeight, t.Share)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print pathways: %w", err)
	}
	fmt.Fprintln(tw, "\nkind\taux\tlayers\tleast lambda\tmost\tmean |lambda|\tmean |λW'|/|W|\t")
	for _, k := range m.Kinds {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%+.6f\t%+.6f\t%.6f\t%.4f\t\n", k.Kind, k.Aux, k.Terms, k.Min, k.Max, k.MeanAbs, k.MeanShare)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print pathways: %w", err)
	}
	return nil
}
