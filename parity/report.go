package parity

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Print writes the failures, the kinds that are not covered, and then a table of
// the covered kinds: their files, results compared, and the worst error of forward
// values and of gradients beside its limit.
func Print(w io.Writer, results []Result) error {
	for _, r := range results {
		if r.Err != nil {
			fmt.Fprintf(w, "FAILED: %v\n", r.Err)
		}
	}
	for _, n := range NotCovered(results) {
		fmt.Fprintf(w, "not covered: %s, %d files\n", n.Kind, n.Files)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "kind\tfiles\tfailed\tcompared\tforward\tlimit\tgradient\tlimit\tworst forward value")
	for _, kind := range Covered() {
		printKind(tw, kind, ofKind(results, kind))
	}
	return tw.Flush()
}

func printKind(w io.Writer, kind string, files []Result) {
	failed, compared, of := 0, 0, "no file of this kind"
	var worst Worst
	for _, f := range files {
		compared += f.Compared
		if f.Err != nil {
			failed++
		}
		worst.Gradient.worse(f.Worst.Gradient)
		worst.Forward.worse(f.Worst.Forward)
		if worst.Forward == f.Worst.Forward {
			of = f.File + " " + f.Worst.Forward.Tensor
		}
	}
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\t%s\n", kind, len(files), failed, compared, worst.Forward, worst.Gradient, of)
}

// String is the error and its limit, in two columns.
func (c Check) String() string {
	if c.Tensor == "" {
		return "-\t-"
	}
	return fmt.Sprintf("%.2g\t%.2g", c.Err, c.Limit)
}

func ofKind(results []Result, kind string) []Result {
	var of []Result
	for _, r := range results {
		if r.Kind == kind {
			of = append(of, r)
		}
	}
	return of
}

// Count is how many files there are of a kind.
type Count struct {
	Kind  string
	Files int
}

// NotCovered are the kinds of files that have no replay, sorted.
func NotCovered(results []Result) []Count {
	var counts []Count
	for _, r := range results {
		if r.Covered {
			continue
		}
		i, found := slices.BinarySearchFunc(counts, r.Kind, func(c Count, kind string) int { return cmp.Compare(c.Kind, kind) })
		if !found {
			counts = slices.Insert(counts, i, Count{Kind: r.Kind})
		}
		counts[i].Files++
	}
	return counts
}
