package data

import (
	"fmt"
	"math"
	"sort"

	"m2pt/internal/philox"
)

// order is the sequence of samples of an epoch: those of the dataset one by
// one, permuted and repeated where Options say so, or draws with replacement
// where they have weights.
type order struct {
	samples []int32
	sums    []float64 // see cumulate; nil without weights
	draws   []int32   // how often the epoch drew samples[k] before; nil where none comes twice
	drawn   []int32   // how often it has drawn each sample of the dataset; nil without weights
}

// maxRepeat is as far as the random numbers of a Key tell draws apart.
const maxRepeat = 1 << 16

// newOrder returns an order for n samples, still to be arranged, and the number
// of distinct samples that may stand in it.
func newOrder(n int, opt *Options) (o *order, distinct int, err error) {
	if opt.Repeat < 0 || opt.Repeat > maxRepeat || opt.Repeat > 1 && (opt.Eval || opt.Weights != nil) {
		return nil, 0, fmt.Errorf("data loader: repeat is %d: want 1 to %d, and 1 in evaluation or with weights", opt.Repeat, maxRepeat)
	}
	if opt.Weights == nil {
		if opt.EpochLen != 0 {
			return nil, 0, fmt.Errorf("data loader: an epoch of %d samples: its length can be chosen only with weights", opt.EpochLen)
		}
		o = &order{samples: make([]int32, n)}
		if opt.Repeat > 1 {
			o.draws = make([]int32, n)
		}
		return o, n, nil
	}
	length := opt.EpochLen
	if length == 0 {
		length = n
	}
	switch {
	case opt.Eval:
		return nil, 0, fmt.Errorf("data loader: weights are for training: evaluation reads every sample once")
	case len(opt.Weights) != n:
		return nil, 0, fmt.Errorf("data loader: %d weights for %d samples: want one each", len(opt.Weights), n)
	case length < 0 || length > math.MaxInt32:
		return nil, 0, fmt.Errorf("data loader: an epoch of %d samples: want 1 to %d", length, math.MaxInt32)
	}
	sums, distinct, err := cumulate(opt.Weights)
	return &order{samples: make([]int32, length), sums: sums, draws: make([]int32, length), drawn: make([]int32, n)}, distinct, err
}

// cumulate returns the sums of weights 0..i, up to the last positive weight, and
// the number of positive ones.
func cumulate(weights []float64) (sums []float64, positive int, err error) {
	sum, end := 0.0, 0
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return nil, 0, fmt.Errorf("data loader: weight %g of sample %d: want a finite number of at least 0", w, i)
		}
		if w > 0 {
			positive, end = positive+1, i+1
		}
		sum += w
		sums = append(sums, sum)
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return nil, 0, fmt.Errorf("data loader: the weights sum to %g: want a positive number", sum)
	}
	return sums[:end], positive, nil
}

// arrange writes the order of an epoch.
func (o *order) arrange(opt *Options, epoch int) {
	r := philox.New(opt.Seed, "order", uint64(epoch), 0)
	switch {
	case o.sums != nil:
		o.draw(&r)
	case opt.Shuffle:
		r.Perm(o.samples)
	default:
		for i := range o.samples {
			o.samples[i] = int32(i)
		}
	}
	if opt.Repeat > 1 {
		o.repeat(opt.Repeat)
	}
}

// repeat makes k of each sample, from the back so that none is overwritten
// before it is read, and drops what no longer fits.
func (o *order) repeat(k int) {
	for i := len(o.samples) - 1; i >= 0; i-- {
		o.samples[i], o.draws[i] = o.samples[i/k], int32(i%k)
	}
}

// draw draws with replacement, a uniform number of 0..sum for each place.
func (o *order) draw(r *philox.Rand) {
	clear(o.drawn)
	total := o.sums[len(o.sums)-1]
	for k := range o.samples {
		i := pick(o.sums, r.Float64()*total)
		o.samples[k], o.draws[k] = int32(i), o.drawn[i]
		o.drawn[i]++
	}
}

// pick returns the sample i for a number of 0..sum: it lies between the sums of
// the weights before i and up to i.
func pick(sums []float64, at float64) int {
	return sort.Search(len(sums)-1, func(i int) bool { return sums[i] > at })
}

// key names the sample at a position, which may lie beyond the end and then
// counts on from the beginning.
func (o *order) key(seed uint64, epoch, position int) Key {
	position %= len(o.samples)
	k := Key{Seed: seed, Epoch: epoch, Sample: int(o.samples[position])}
	if o.draws != nil {
		k.Draw = int(o.draws[position])
	}
	return k
}
