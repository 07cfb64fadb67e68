package survey

import (
	"context"
	"errors"
	"math"

	"m2pt/data"
)

// Moments are mean and standard deviation (of the population) over all readable
// samples.
type Moments struct {
	Samples   int         // readable
	Mean, Std []float64   // [C] of pixels scaled to 0..1, [3] of points, or [1] of other values
	Corrupt   []data.Skip // left out, in the order of the dataset
}

// Measure reads every sample of a split for the moments of its pixels, per
// channel, of its points, per axis, or else of its values. A split without readable samples is an error.
func Measure(ctx context.Context, set data.Dataset, opt Options) (*Moments, error) {
	measure := measureValues
	if set.Layout().Pixels != nil {
		measure = measurePixels
	}
	m, failed, err := measure(ctx, set, opt)
	if err != nil {
		return nil, err
	}
	m.Corrupt = skips(set, failed)
	if m.Samples = set.Len() - len(m.Corrupt); m.Samples == 0 {
		return nil, errors.New("measure dataset: none of its samples can be read")
	}
	return m, nil
}

// histogram counts the bytes of a channel. Counts add up to the same in any
// order, and the moments of a constant come out exact.
type histogram [256]uint64

// moments returns mean and standard deviation of the bytes over 255.
func (h *histogram) moments() (mean, std float64) {
	var n, sum uint64
	for v, count := range h {
		n, sum = n+count, sum+uint64(v)*count
	}
	mean = float64(sum) / float64(n)
	var squares float64
	for v, count := range h {
		d := float64(v) - mean
		squares += d * d * float64(count)
	}
	return mean / 255, math.Sqrt(squares/float64(n)) / 255
}

func measurePixels(ctx context.Context, set data.Dataset, opt Options) (*Moments, []error, error) {
	channels := set.Layout().Pixels[0]
	var workers [][]histogram
	failed, err := read(ctx, set, opt, func() visitor {
		own := make([]histogram, channels)
		workers = append(workers, own)
		return func(_ int, s *data.Sample) {
			plane := len(s.Pixels) / channels
			for c := range own {
				for _, v := range s.Pixels[c*plane:][:plane] {
					own[c][v]++
				}
			}
		}
	})
	m := &Moments{}
	for c := range channels {
		var all histogram
		for _, own := range workers {
			for v, count := range own[c] {
				all[v] += count
			}
		}
		mean, std := all.moments()
		m.Mean, m.Std = append(m.Mean, mean), append(m.Std, std)
	}
	return m, failed, err
}

// measureValues joins the moments of the samples in their order:
//
//	mean = Σ mean_i / n,  std² = Σ (std_i² + (mean_i - mean)²) / n
//
// since all samples have as many values.
func measureValues(ctx context.Context, set data.Dataset, opt Options) (*Moments, []error, error) {
	columns := 1
	if l := set.Layout(); l.Indices != nil { // points
		columns = l.Values[1]
	}
	means, variances := make([]float64, set.Len()*columns), make([]float64, set.Len()*columns)
	failed, err := read(ctx, set, opt, func() visitor {
		return func(i int, s *data.Sample) {
			for c := range columns {
				means[i*columns+c], variances[i*columns+c] = moments(s.Values[c:], columns)
			}
		}
	})
	m := &Moments{}
	for c := range columns {
		mean, std := join(means[c:], variances[c:], columns, failed)
		m.Mean, m.Std = append(m.Mean, mean), append(m.Std, std)
	}
	return m, failed, err
}

// join returns mean and standard deviation over the samples that did not fail,
// the moments of sample i standing at i*step.
func join(means, variances []float64, step int, failed []error) (mean, std float64) {
	n := 0.0
	for i, err := range failed {
		if err == nil {
			n, mean = n+1, mean+means[i*step]
		}
	}
	mean /= n
	for i, err := range failed {
		if err == nil {
			d := means[i*step] - mean
			std += variances[i*step] + d*d
		}
	}
	return mean, math.Sqrt(std / n)
}

// moments returns mean and variance of each step-th value.
func moments(x []float32, step int) (mean, variance float64) {
	n := float64((len(x) + step - 1) / step)
	for i := 0; i < len(x); i += step {
		mean += float64(x[i])
	}
	mean /= n
	for i := 0; i < len(x); i += step {
		d := float64(x[i]) - mean
		variance += d * d
	}
	return mean, variance / n
}
