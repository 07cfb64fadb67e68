package parity

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Print writes a table of the covered kinds with their files, results compared
// and the error nearest to its limit, then the kinds that are not covered.
func Print(w io.Writer, results []Result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "kind\tfiles\tfailed\tcompared\terror\tlimit\tof")
	for _, kind := range Covered() {
		printKind(tw, kind, ofKind(results, kind))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			fmt.Fprintf(w, "FAILED: %v\n", r.Err)
		}
	}
	for _, n := range NotCovered(results) {
		if _, err := fmt.Fprintf(w, "not covered: %s, %d files\n", n.Kind, n.Files); err != nil {
			return err
		}
	}
	return nil
}

func printKind(w io.Writer, kind string, files []Result) {
	if len(files) == 0 {
		fmt.Fprintf(w, "%s\t0\t\t\t\t\tno file of this kind\n", kind)
		return
	}
	failed, compared := 0, 0
	for _, f := range files {
		compared += f.Compared
		if f.Err != nil {
			failed++
		}
	}
	top := slices.MaxFunc(files, func(a, b Result) int { return cmp.Compare(a.Worst.Use(), b.Worst.Use()) })
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.2g\t%.2g\t%s %s\n", kind, len(files), failed, compared, top.Worst.Err, top.Worst.Limit, top.File, top.Worst.Tensor)
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
