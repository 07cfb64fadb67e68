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
	Mean, Std []float64   // [C] of pixels scaled to 0..1, or [1] of values
	Corrupt   []data.Skip // left out, in the order of the dataset
}

// Measure reads every sample of a split for the moments of its pixels, per
// channel, or else of its values. A split without readable samples is an error.
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
	means, variances := make([]float64, set.Len()), make([]float64, set.Len())
	failed, err := read(ctx, set, opt, func() visitor {
		return func(i int, s *data.Sample) { means[i], variances[i] = moments(s.Values) }
	})
	var n, mean, variance float64
	for i := range means {
		if failed[i] == nil {
			n, mean = n+1, mean+means[i]
		}
	}
	mean /= n
	for i := range means {
		if failed[i] == nil {
			d := means[i] - mean
			variance += variances[i] + d*d
		}
	}
	return &Moments{Mean: []float64{mean}, Std: []float64{math.Sqrt(variance / n)}}, failed, err
}

// moments returns mean and variance.
func moments(x []float32) (mean, variance float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, variance / float64(len(x))
}
