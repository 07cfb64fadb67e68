package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/train"
)

// Profile is what the kinds of op take of a step, beside the roofline: the least that the
// device can take for their arithmetic, or for what they move where that takes longer.
// Every op counts for itself and with its operands in memory, so an op whose operands are
// still in a cache can be faster than its floor.
type Profile struct {
	Device     string  `json:"device"`
	PeakGFLOPS float64 `json:"peak_gflops"` // of multiply-adds, measured in the same run; 0 where the device cannot tell
	PeakGBPerS float64 `json:"peak_gb_per_s"`
	StepMS     float64 `json:"step_ms"` // mean, the host's part included; ops run one after another
	OpsMS      float64 `json:"ops_ms"`
	FloorMS    float64 `json:"floor_ms"` // of all ops; 0 without peaks
	Ops        []Share `json:"ops"`      // largest first
}

// Share is what one kind of op takes of a step.
type Share struct {
	Op      string  `json:"op"`
	Calls   int     `json:"calls"`
	MS      float64 `json:"ms"`
	Percent float64 `json:"percent"` // of OpsMS
	GFLOP   float64 `json:"gflop"`
	GFLOPS  float64 `json:"gflops"`
	MB      float64 `json:"mb"` // read and written, see engine.Row
	GBPerS  float64 `json:"gb_per_s"`
	FloorMS float64 `json:"floor_ms"`
	// Distance is MS / FloorMS; 0 without peaks.
	Distance float64 `json:"distance"`
}

// ProfileOps times every op of the experiment's step, the mean of steps steps.
func ProfileOps(cfg *experiment.Config, dev engine.Device, steps int) (*Profile, error) {
	s, err := train.NewSynthetic(cfg, Answers(), dev)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Step(); err != nil { // warm up
		return nil, err
	}
	p := &Profile{Device: dev.Name()}
	if err := p.measurePeaks(dev); err != nil {
		return nil, err
	}
	var total time.Duration
	times, err := s.Program().Profile(func() error {
		start := time.Now()
		for range steps {
			if err := s.Step(); err != nil {
				return err
			}
		}
		total = time.Since(start)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := p.measurePeaks(dev); err != nil {
		return nil, err
	}
	p.StepMS = total.Seconds() * 1e3 / float64(steps)
	p.take(s.Program().Plan(), times, steps)
	return p, nil
}

// measurePeaks asks the device what it can do at most; called again it keeps the better.
func (p *Profile) measurePeaks(dev engine.Device) error {
	if d, ok := dev.(interface{ Peak() float64 }); ok {
		p.PeakGFLOPS = max(p.PeakGFLOPS, d.Peak())
	}
	d, ok := dev.(interface{ Bandwidth() (float64, error) })
	if !ok {
		return nil
	}
	rate, err := d.Bandwidth()
	p.PeakGBPerS = max(p.PeakGBPerS, rate)
	return err
}

// take adds up the steps of a plan by kind.
func (p *Profile) take(plan []engine.Row, times []time.Duration, steps int) {
	index := map[string]int{}
	for i, row := range plan {
		if row.Calls == 0 {
			continue
		}
		name := row.Kind
		if row.Recompute {
			name += " again"
		}
		k, ok := index[name]
		if !ok {
			k = len(p.Ops)
			index[name] = k
			p.Ops = append(p.Ops, Share{Op: name})
		}
		s, calls := &p.Ops[k], float64(row.Calls)
		s.Calls += row.Calls
		s.MS += times[i].Seconds() * 1e3 / float64(steps)
		s.GFLOP += calls * float64(row.FLOPs) / 1e9
		s.MB += calls * float64(row.Bytes) / 1e6
		s.FloorMS += calls * p.floor(row)
	}
	for _, s := range p.Ops {
		p.OpsMS += s.MS
		p.FloorMS += s.FloorMS
	}
	for i := range p.Ops {
		s := &p.Ops[i]
		s.Percent, s.GFLOPS, s.GBPerS = 100*ratio(s.MS, p.OpsMS), 1e3*ratio(s.GFLOP, s.MS), ratio(s.MB, s.MS)
		s.Distance = ratio(s.MS, s.FloorMS)
	}
	slices.SortStableFunc(p.Ops, func(a, b Share) int { return cmp.Compare(b.MS, a.MS) })
}

// floor is the least time of one call, ms: max(FLOPs / peak, bytes / bandwidth).
func (p *Profile) floor(r engine.Row) float64 {
	return max(ratio(float64(r.FLOPs)/1e6, p.PeakGFLOPS), ratio(float64(r.Bytes)/1e6, p.PeakGBPerS))
}

// ratio is a/b, 0 where b is 0: a clock may see no time pass, a device not know its peaks.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Print writes the profile as a table.
func (p *Profile) Print(w io.Writer) error {
	fmt.Fprintf(w, "%s   peak %.1f GFLOP/s, memory %.1f GB/s, measured in this run\n", p.Device, p.PeakGFLOPS, p.PeakGBPerS)
	fmt.Fprintf(w, "step %.1f ms with ops one after another, ops %.1f ms, their floor %.1f ms\n", p.StepMS, p.OpsMS, p.FloorMS)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "op\tcalls\tms\t%\tGFLOP/s\t% of peak\tMB\tGB/s\t% of memory\tfloor ms\tms / floor\t")
	for _, s := range p.Ops {
		fmt.Fprintf(tw, "%s\t%d\t%.2f\t%.1f\t%s\t%s\t%.1f\t%.1f\t%.0f\t%.2f\t%s\t\n", s.Op, s.Calls, s.MS, s.Percent,
			cell("%.1f", s.GFLOPS, s.GFLOP > 0), cell("%.0f", 100*ratio(s.GFLOPS, p.PeakGFLOPS), s.GFLOP > 0),
			s.MB, s.GBPerS, 100*ratio(s.GBPerS, p.PeakGBPerS), s.FloorMS, cell("%.1f", s.Distance, s.FloorMS >= 0.005))
	}
	return tw.Flush()
}

// cell is empty where v says nothing: arithmetic that is not counted, a floor of next to
// nothing.
func cell(format string, v float64, show bool) string {
	if !show {
		return ""
	}
	return fmt.Sprintf(format, v)
}
