package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

// dryRun prints what the experiment would take.
func dryRun(c *cli.Command, cfg *experiment.Config) error {
	missing := cli.Missing(cfg)
	answers, samples, assumed := survey(cfg)
	p, err := train.NewPlan(cfg, answers, samples)
	if err != nil {
		return err
	}
	if assumed != "" {
		p.Assumed = append(p.Assumed, assumed)
	}
	if err := printPlan(c.Text(), cfg, p); err != nil {
		return fmt.Errorf("print plan: %w", err)
	}
	for _, line := range missing {
		c.Printf("missing: %s\n", line)
	}
	return c.Result(struct {
		*train.Plan
		Missing []string `json:"missing,omitempty"`
	}{p, missing})
}

// survey finds the number of answers and of training samples, 0 samples where
// the data cannot be opened; assumed says what it then took for granted.
func survey(cfg *experiment.Config) (a train.Answers, samples int, assumed string) {
	set, err := train.OpenData(cfg, train.TrainSplit)
	if err == nil {
		return train.AnswersOf(set), set.Len(), ""
	}
	a = train.Answers{Classes: 1000}
	switch format := cfg.Data.Format; {
	case cfg.Point.Way > 0:
		a.Classes = cfg.Point.Way
	case format == "cifar10" || format == "modelnet10":
		a.Classes = 10
	case format == "modelnet40":
		a.Classes = 40
	case format == "shapenetpart":
		a = train.Answers{Classes: 16, Parts: 50}
	}
	return a, 0, fmt.Sprintf("%d classes, and no number of samples: %v", a.Classes, err)
}

func printPlan(w io.Writer, cfg *experiment.Config, p *train.Plan) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n, f, m := p.Parameters, p.FLOPs, p.Memory
	fmt.Fprintf(t, "parameters\t%s training\t%s trained\t%s merged\n", thousands(n.Training), thousands(n.Trained), thousands(n.Merged))
	fmt.Fprintf(t, "GFLOPs\t%.2f forward per sample\t%.2f training per sample\t%.1f per step of %d\n",
		giga(f.Forward), giga(f.PerSample), giga(f.PerStep), cfg.Train.Batch)
	fmt.Fprintf(t, "memory, MiB\t%.1f state\t%.1f arena + %.1f feeds\t%.1f evaluation\n", mebi(m.State), mebi(m.Arena), mebi(m.Feeds), mebi(m.Eval))
	if p.Steps.PerEpoch > 0 {
		fmt.Fprintf(t, "steps\t%d per epoch\t%d in all\t\n", p.Steps.PerEpoch, p.Steps.Total)
	}
	fmt.Fprintf(t, "classes\t%d\t\t\n", p.Classes)
	if err := t.Flush(); err != nil {
		return err
	}
	return printTables(w, p)
}

func printTables(w io.Writer, p *train.Plan) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nlr_scale\tweight_decay\ttensors\tparameters\t")
	for _, g := range p.Groups {
		fmt.Fprintf(t, "%.6f\t%g\t%d\t%s\t\n", g.LRScale, g.WeightDecay, g.Tensors, thousands(g.Parameters))
	}
	fmt.Fprintln(t, "\nepoch\tlr\t")
	for _, r := range p.Rates {
		fmt.Fprintf(t, "%.4g\t%.3e\t\n", r.Epoch, r.LR)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return printPathways(w, p)
}

// printPathways writes a line per pair of blocks with the layers that it joins.
func printPathways(w io.Writer, p *train.Plan) error {
	var b strings.Builder
	last := ""
	for _, l := range p.Pathways {
		if pair := pairing(l); pair != last {
			fmt.Fprintf(&b, "\n%s:", pair)
			last = pair
		}
		_, kind := blockOf(l.Layer)
		fmt.Fprintf(&b, " %s", kind)
	}
	b.WriteString("\n")
	for _, a := range p.Assumed {
		fmt.Fprintf(&b, "assumed: %s\n", a)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func pairing(l train.PlanLayer) string {
	own, _ := blockOf(l.Layer)
	other, _ := blockOf(l.Source)
	return fmt.Sprintf("block %s + λ·block %s of auxiliary %d", own, other, l.Aux)
}

// blockOf takes "blocks.3.attn.qkv" apart: 3, attn.qkv.
func blockOf(layer string) (block, kind string) {
	block, kind, _ = strings.Cut(strings.TrimPrefix(layer, "blocks."), ".")
	return block, kind
}

// thousands is n in groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func giga(n int64) float64 { return float64(n) / 1e9 }

func mebi(n int) float64 { return float64(n) / (1 << 20) }
