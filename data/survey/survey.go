// Package survey looks at every sample of a dataset once, to say what training
// on it would meet.
//
// Vocabulary: [Check] makes a [Report] of one split: how many samples each class
// has, which ones are unreadable, and which ones equal another ([Report.Twins],
// [Report.Shared]); [Measure] makes the [Moments] that normalise samples. Both
// read samples as the dataset gives them, in parallel, and what they return does
// not depend on the number of workers. For figures of the data itself, give them
// a dataset whose transform draws nothing.
//
// Shape letters: C channels.
package survey

import (
	"context"
	"sync"
	"sync/atomic"

	"m2pt/data"
)

// Options say how a dataset is read.
type Options struct {
	Workers int // goroutines that read, at least 1
	// Progress, if not nil, is told after each sample how many are done, in the
	// goroutine that called.
	Progress func(done int)
}

// visitor sees readable samples, not concurrently; i is the index in the
// dataset, and s is overwritten afterwards.
type visitor func(i int, s *data.Sample)

// read reads each sample of set once. newVisitor makes the visitor of each
// worker, in the goroutine that called. The result is the error of each
// unreadable sample, nil for the others.
func read(ctx context.Context, set data.Dataset, opt Options, newVisitor func() visitor) ([]error, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	failed := make([]error, set.Len())
	done := make(chan struct{}, 64)
	for range max(opt.Workers, 1) {
		visit := newVisitor()
		wg.Go(func() {
			reader, s := set.NewReader(), set.Layout().NewSample()
			for i := int(next.Add(1)) - 1; i < set.Len() && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if failed[i] = reader.Read(data.Key{Sample: i}, s); failed[i] == nil {
					visit(i, s)
				}
				done <- struct{}{}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	n := 0
	for range done {
		if n++; opt.Progress != nil {
			opt.Progress(n)
		}
	}
	return failed, ctx.Err()
}

// skips lists the failures in the order of the dataset.
func skips(set data.Dataset, failed []error) []data.Skip {
	var list []data.Skip
	for i, err := range failed {
		if err != nil {
			list = append(list, data.Skip{Index: i, Name: set.Name(i), Err: err})
		}
	}
	return list
}
