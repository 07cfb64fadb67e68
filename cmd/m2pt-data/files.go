package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"m2pt/experiment"
	"m2pt/internal/atomicfile"
	"m2pt/train"
)

// counts are the splits of a generated dataset and their samples.
func counts(d experiment.Data) iter.Seq2[train.Split, int] {
	return func(yield func(train.Split, int) bool) {
		_ = yield(train.TrainSplit, d.Samples) && yield(train.ValSplit, d.ValSamples)
	}
}

// writer writes sample i.
type writer func(i int) error

// each writes samples 0..n-1 with a writer per worker. It stops at the first
// error.
func each(ctx context.Context, n, workers int, newWriter func() writer) error {
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		write := newWriter()
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && work.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := write(i); err != nil {
					stop(err)
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Cause(work)
}

// writeFile writes a file and the folders it lies in.
func writeFile(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(path, 0o666, fill)
}

// number6 names sample i so that names sort as numbers.
func number6(i int) string { return fmt.Sprintf("%06d", i) }
