// Package bench measures the training step of an experiment on synthetic data:
// speed, share of the device's peak, memory, and what the pathway costs.
//
// Times of a shared machine drift, so everything compared is measured in turn
// within one run: each round takes one step with the pathway and one without,
// in alternating order, and the overhead is the median of the rounds' ratios.
package bench

import (
	"fmt"
	"math"
	"slices"
	"time"

	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/train"
)

// Result are the figures of one experiment on one device.
type Result struct {
	Device      string  `json:"device"`
	SamplesPerS float64 `json:"samples_per_s"`
	StepMS      float64 `json:"step_ms"` // median
	GFLOPS      float64 `json:"gflops"`
	PeakGFLOPS  float64 `json:"peak_gflops"` // of multiply-adds, measured in the same run; 0 where the device cannot tell
	MFU         float64 `json:"mfu"`         // GFLOPS / PeakGFLOPS
	PeakMemMB   float64 `json:"peak_mem_mb"` // arena, feeds and state of the step
	CompileMS   float64 `json:"compile_ms"`  // graph, gradient and program
	// PathwayOverhead is the extra time of a step with a pathway over the same
	// step without, and its 95 % interval.
	PathwayOverhead float64    `json:"pathway_overhead"`
	Interval        [2]float64 `json:"pathway_overhead_95"`
	Rounds          int        `json:"rounds"`
}

// Answers are the made-up task's: ImageNet's classes, ShapeNetPart's parts.
func Answers() train.Answers { return train.Answers{Classes: 1000, Parts: 50} }

// warmup rounds are not counted.
const warmup = 2

// Run measures rounds steps of each kind. The figures are of the experiment as
// it is; where it has no pathway, the other side has one frozen auxiliary model
// on all layers.
func Run(cfg *experiment.Config, dev engine.Device, rounds int) (*Result, error) {
	plain, err := train.NewSynthetic(train.WithoutPathway(*cfg), Answers(), dev)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	joined, err := train.NewSynthetic(train.WithPathway(*cfg), Answers(), dev)
	if err != nil {
		return nil, err
	}
	defer joined.Close()
	var times [2][]float64
	var peaks []float64
	for i := range warmup + rounds {
		order := []int{i % 2, 1 - i%2}
		for _, k := range order {
			d, err := timed([]*train.Synthetic{plain, joined}[k])
			if err != nil {
				return nil, err
			}
			if i >= warmup {
				times[k] = append(times[k], d)
			}
		}
		if p, ok := dev.(interface{ Peak() float64 }); ok && i%5 == 0 {
			peaks = append(peaks, p.Peak())
		}
	}
	own, step := plain, times[0]
	if len(cfg.Pathway) > 0 {
		own, step = joined, times[1]
	}
	return result(cfg, dev, own, step, times, peaks), nil
}

func timed(s *train.Synthetic) (float64, error) {
	start := time.Now()
	err := s.Step()
	return time.Since(start).Seconds(), err
}

func result(cfg *experiment.Config, dev engine.Device, own *train.Synthetic, step []float64, times [2][]float64, peaks []float64) *Result {
	r := &Result{Device: dev.Name(), Rounds: len(step), CompileMS: own.Compile.Seconds() * 1e3}
	median := quantile(step, 0.5)
	r.StepMS, r.SamplesPerS = median*1e3, float64(cfg.Train.Batch)/median
	r.GFLOPS = float64(own.Program().FLOPs()) / median / 1e9
	if len(peaks) > 0 {
		r.PeakGFLOPS = slices.Max(peaks)
		r.MFU = r.GFLOPS / r.PeakGFLOPS
	}
	m := own.Program().Memory()
	r.PeakMemMB = float64(m.Arena+m.Feeds+m.State) / 1e6
	ratios := make([]float64, len(step))
	for i := range ratios {
		ratios[i] = times[1][i]/times[0][i] - 1
	}
	r.PathwayOverhead = quantile(ratios, 0.5)
	r.Interval = medianInterval(ratios)
	return r
}

// quantile q of x, linearly interpolated.
func quantile(x []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(x))
	at := q * float64(len(s)-1)
	lo := int(at)
	hi := min(lo+1, len(s)-1)
	return s[lo] + (at-float64(lo))*(s[hi]-s[lo])
}

// medianInterval is the 95 % interval of the median by order statistics: the
// number of values below the true median is binomial(n, ½).
func medianInterval(x []float64) [2]float64 {
	s := slices.Sorted(slices.Values(x))
	n := float64(len(s))
	k := max(int(math.Floor(n/2-0.98*math.Sqrt(n)))-1, 0)
	return [2]float64{s[k], s[len(s)-1-k]}
}

func (r *Result) String() string {
	return fmt.Sprintf(`%s
  %.2f samples/s   %.1f ms/step   %.1f GFLOP/s of %.1f peak (%.0f %%)
  %.0f MB   graph + gradient + compile %.0f ms
  pathway overhead %+.2f %%  [%+.2f, %+.2f] over %d rounds`,
		r.Device, r.SamplesPerS, r.StepMS, r.GFLOPS, r.PeakGFLOPS, 100*r.MFU, r.PeakMemMB, r.CompileMS,
		100*r.PathwayOverhead, 100*r.Interval[0], 100*r.Interval[1], r.Rounds)
}
