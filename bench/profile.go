package bench

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/train"
)

// Share is what one kind of op takes of a step.
type Share struct {
	Op      string  `json:"op"`
	Calls   int     `json:"calls"`
	MS      float64 `json:"ms"`
	GFLOPS  float64 `json:"gflops"`
	GBPerS  float64 `json:"gb_per_s"`
	Percent float64 `json:"percent"`
}

// Profile times every op of the experiment's step, the mean of steps steps,
// largest share first.
func Profile(cfg *experiment.Config, dev engine.Device, steps int) ([]Share, error) {
	s, err := train.NewSynthetic(cfg, Answers(), dev)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Step(); err != nil { // warm up
		return nil, err
	}
	times, err := s.Program().Profile(func() error {
		for range steps {
			if err := s.Step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return shares(s.Program().Plan(), times, steps), nil
}

func shares(plan []engine.Row, times []time.Duration, steps int) []Share {
	index := map[string]int{}
	var all []Share
	var total float64
	var flops, bytes []float64
	for i, row := range plan {
		name, _, _ := strings.Cut(row.Op, "(")
		if strings.HasSuffix(row.Op, ".grad") && !strings.HasSuffix(name, ".grad") {
			name += ".grad"
		}
		k, ok := index[name]
		if !ok {
			k = len(all)
			index[name] = k
			all, flops, bytes = append(all, Share{Op: name}), append(flops, 0), append(bytes, 0)
		}
		all[k].Calls++
		all[k].MS += times[i].Seconds() * 1e3 / float64(steps)
		flops[k] += float64(row.FLOPs)
		bytes[k] += float64(row.Bytes)
		total += times[i].Seconds() * 1e3 / float64(steps)
	}
	for k := range all {
		all[k].Percent = 100 * all[k].MS / total
		if all[k].MS > 0 { // an accumulate of one micro-batch takes no time at all
			all[k].GFLOPS = flops[k] / all[k].MS / 1e6
			all[k].GBPerS = bytes[k] / all[k].MS / 1e6
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].MS > all[j].MS })
	return all
}

// PrintProfile writes the shares as a table.
func PrintProfile(w io.Writer, all []Share) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "op\tcalls\tms\t%\tGFLOP/s\tGB/s\t")
	for _, s := range all {
		fmt.Fprintf(tw, "%s\t%d\t%.2f\t%.1f\t%.1f\t%.1f\t\n", s.Op, s.Calls, s.MS, s.Percent, s.GFLOPS, s.GBPerS)
	}
	return tw.Flush()
}
