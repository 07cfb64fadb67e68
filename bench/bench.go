// Package bench measures the training step of an experiment on synthetic data:
// speed, share of the device's peak, memory, and what the pathway costs or, in
// pretraining, masking saves; and [ProfileOps] each kind of op beside its floor, the
// least that the measured peak and memory could take.
//
// Times of a shared machine drift, so everything compared is measured in turn
// within one run: each round takes one step of the experiment and one of its other
// side (with or without the pathway; with no token masked), in alternating order, and
// what counts is the median of the rounds' ratios. [Alone] leaves the other side out,
// and [Eval] measures evaluation alone: for a comparison with another program, whose
// rounds are up to the caller.
package bench

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"m2pt/engine"
	"m2pt/experiment"
	"m2pt/train"
)

// Result are the figures of one experiment on one device.
type Result struct {
	Device      string       `json:"device"`
	SamplesPerS float64      `json:"samples_per_s"`
	StepMS      float64      `json:"step_ms"` // median of StepsMS
	GFLOPS      float64      `json:"gflops"`
	PeakGFLOPS  float64      `json:"peak_gflops"` // of multiply-adds, measured in the same run; 0 where the device cannot tell
	MFU         float64      `json:"mfu"`         // GFLOPS / PeakGFLOPS
	PeakMemMB   float64      `json:"peak_mem_mb"` // arena, feeds and state of the step
	Memory      engine.Usage `json:"memory"`      // the same, apart
	CompileMS   float64      `json:"compile_ms"`  // graph, gradient and program
	HeapKB      float64      `json:"heap_kb"`     // median of what a step allocates on the Go heap
	// PathwayOverhead is the extra time of a step with a pathway over the same
	// step without, and its 95 % interval. Pretraining has none, nor has [Alone].
	PathwayOverhead float64    `json:"pathway_overhead,omitzero"`
	Interval        [2]float64 `json:"pathway_overhead_95,omitzero"`
	Masking         *Masking   `json:"masking,omitempty"` // of pretraining
	Rounds          int        `json:"rounds"`
	StepsMS         []float64  `json:"steps_ms"` // of every round
}

// Masking is what it saves that the encoder sees but a part of the tokens: the time of
// a step in which it sees them all over that of a step, and its 95 % interval; and the
// same ratio of operations, which is what to expect.
type Masking struct {
	Gain     float64    `json:"gain"`
	Interval [2]float64 `json:"gain_95"`
	Expected float64    `json:"expected"`
}

// Answers are the made-up task's: ImageNet's classes, ShapeNetPart's parts.
func Answers() train.Answers { return train.Answers{Classes: 1000, Parts: 50} }

// warmup rounds are not counted.
const warmup = 2

// Run measures rounds steps of the experiment and of its other side.
func Run(cfg *experiment.Config, dev engine.Device, rounds int) (*Result, error) {
	return measure(train.NewSynthetic, []*experiment.Config{cfg, otherSide(cfg)}, dev, rounds)
}

// Alone measures rounds steps of the experiment, with nothing else in between or in
// memory.
func Alone(cfg *experiment.Config, dev engine.Device, rounds int) (*Result, error) {
	return measure(train.NewSynthetic, []*experiment.Config{cfg}, dev, rounds)
}

// Eval is [Alone] of the evaluation of a micro-batch: its forward pass.
func Eval(cfg *experiment.Config, dev engine.Device, rounds int) (*Result, error) {
	return measure(train.NewSyntheticEval, []*experiment.Config{cfg}, dev, rounds)
}

// measure takes one step of every side in each round; the first is the one that the
// result is of.
func measure(compile func(*experiment.Config, train.Answers, engine.Device) (*train.Synthetic, error),
	cfgs []*experiment.Config, dev engine.Device, rounds int) (*Result, error) {
	sides, times := make([]*train.Synthetic, len(cfgs)), make([][]float64, len(cfgs))
	var heap []float64 // of the first side
	for i, c := range cfgs {
		s, err := compile(c, Answers(), dev)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		sides[i] = s
	}
	var peaks []float64
	for i := range warmup + rounds {
		for k := range sides {
			k = (i + k) % len(sides)
			d, bytes, err := timed(sides[k])
			if err != nil {
				return nil, err
			}
			if i < warmup {
				continue
			}
			times[k] = append(times[k], d)
			if k == 0 {
				heap = append(heap, bytes)
			}
		}
		if p, ok := dev.(interface{ Peak() float64 }); ok && i%5 == 0 {
			peaks = append(peaks, p.Peak())
		}
	}
	r := result(cfgs[0], dev, sides[0], times[0], peaks)
	r.HeapKB = quantile(heap, 0.5) / 1e3
	if len(sides) > 1 {
		r.compare(cfgs[0], sides, times)
	}
	return r, nil
}

// otherSide is what an experiment is compared with. Where it has no pathway, that has
// one frozen auxiliary model on all layers.
func otherSide(cfg *experiment.Config) *experiment.Config {
	switch {
	case cfg.Task == "pretrain":
		return train.Unmasked(*cfg)
	case len(cfg.Pathway) > 0:
		return train.WithoutPathway(*cfg)
	}
	return train.WithPathway(*cfg)
}

// timed takes a step: its seconds, and the bytes that it allocates on the Go heap.
func timed(s *train.Synthetic) (seconds, heap float64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err = s.Step()
	seconds = time.Since(start).Seconds()
	runtime.ReadMemStats(&after)
	return seconds, float64(after.TotalAlloc - before.TotalAlloc), err
}

func result(cfg *experiment.Config, dev engine.Device, own *train.Synthetic, step, peaks []float64) *Result {
	r := &Result{Device: dev.Name(), Rounds: len(step), CompileMS: own.Compile.Seconds() * 1e3}
	for _, seconds := range step {
		r.StepsMS = append(r.StepsMS, seconds*1e3)
	}
	median := quantile(step, 0.5)
	r.StepMS, r.SamplesPerS = median*1e3, float64(own.Samples())/median
	r.GFLOPS = float64(own.Program().FLOPs()) / median / 1e9
	if len(peaks) > 0 {
		r.PeakGFLOPS = slices.Max(peaks)
		r.MFU = r.GFLOPS / r.PeakGFLOPS
	}
	r.Memory = own.Program().Memory()
	r.PeakMemMB = float64(r.Memory.Arena+r.Memory.Feeds+r.Memory.State) / 1e6
	return r
}

// compare takes in the ratios of the rounds' times.
func (r *Result) compare(cfg *experiment.Config, sides []*train.Synthetic, times [][]float64) {
	own, other := times[0], times[1]
	if len(cfg.Pathway) > 0 {
		own, other = other, own
	}
	ratios := make([]float64, len(own))
	for i := range ratios {
		ratios[i] = other[i] / own[i]
	}
	median, interval := quantile(ratios, 0.5), medianInterval(ratios)
	if cfg.Task == "pretrain" {
		r.Masking = &Masking{median, interval, float64(sides[1].Program().FLOPs()) / float64(sides[0].Program().FLOPs())}
		return
	}
	r.PathwayOverhead, r.Interval = median-1, [2]float64{interval[0] - 1, interval[1] - 1}
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
  %.0f MB   %.1f kB of Go heap a step   graph + gradient + compile %.0f ms
  %s %d rounds`,
		r.Device, r.SamplesPerS, r.StepMS, r.GFLOPS, r.PeakGFLOPS, 100*r.MFU, r.PeakMemMB, r.HeapKB, r.CompileMS, r.compared(), r.Rounds)
}

func (r *Result) compared() string {
	switch m := r.Masking; {
	case m != nil:
		return fmt.Sprintf("with nothing masked %.2f times as long  [%.2f, %.2f], by operations %.2f, over", m.Gain, m.Interval[0], m.Interval[1], m.Expected)
	case r.Interval != [2]float64{}:
		return fmt.Sprintf("pathway overhead %+.2f %%  [%+.2f, %+.2f] over", 100*r.PathwayOverhead, 100*r.Interval[0], 100*r.Interval[1])
	}
	return fmt.Sprintf("steps of %.1f to %.1f ms in", slices.Min(r.StepsMS), slices.Max(r.StepsMS))
}
