package data

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"
)

// watched tells of the epochs whose samples are being read.
type watched struct {
	numbers
	epochs chan int
}

func (d *watched) NewReader() Reader { return d }

func (d *watched) Read(key Key, dst *Sample) error {
	select {
	case d.epochs <- key.Epoch:
	default:
	}
	return d.numbers.Read(key, dst)
}

// TestAhead: reading ahead begins while the consumer holds a batch, ends the epoch
// there, and changes no batch, whichever epoch is wanted next.
func TestAhead(t *testing.T) {
	before := runtime.NumGoroutine()
	opt := Options{Batch: 8, Workers: 3, Seed: 1, Shuffle: true, MaxSkipped: 5}
	bad := map[int]bool{4: true, 77: true}
	plain := newLoader(t, &numbers{100, bad}, opt)
	for _, c := range []struct {
		name                 string
		last                 int // batch of epoch 0 that the loop body calls it with
		epoch, wanted, start int
	}{
		{"the epoch wanted next", 11, 1, 1, 0},
		{"amid an epoch", 5, 1, 1, 0},
		{"another epoch", 11, 2, 1, 0},
		{"another start", 11, 1, 1, 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			ds := &watched{numbers{100, bad}, make(chan int, 1000)}
			l := newLoader(t, ds, opt)
			ctx, batches := context.Background(), 0
			for _, err := range l.Epoch(ctx, 0, 0) {
				if err != nil {
					t.Fatal(err)
				}
				if batches++; batches <= c.last {
					continue
				}
				l.Ahead(ctx, c.epoch)
				for len(ds.epochs) < cap(ds.epochs) && <-ds.epochs != c.epoch { // blocks where nothing is read
				}
			}
			if batches != c.last+1 {
				t.Errorf("%d batches, want the epoch to end after %d", batches, c.last+1)
			}
			if got, want := mustEpoch(t, l, c.wanted, c.start), mustEpoch(t, plain, c.wanted, c.start); !slices.EqualFunc(got, want, equal) {
				t.Error("other batches than without reading ahead")
			}
			l.Close()
		})
	}
	for wait := 0; runtime.NumGoroutine() > before && wait < 100; wait++ {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestAheadCancelled: an epoch begun ahead ends with the error of its context, and
// the next one, of another context, is whole.
func TestAheadCancelled(t *testing.T) {
	l := newLoader(t, &numbers{n: 100}, Options{Batch: 8, Workers: 2, Seed: 1, Shuffle: true})
	l.Ahead(context.Background(), 3) // no loop body: nothing
	want := mustEpoch(t, l, 1, 0)
	ctx, cancel := context.WithCancel(context.Background())
	for _, err := range l.Epoch(ctx, 0, 0) {
		if err != nil {
			t.Fatal(err)
		}
		l.Ahead(ctx, 1)
		break
	}
	cancel()
	for _, err := range l.Epoch(ctx, 1, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	if got := mustEpoch(t, l, 1, 0); !slices.EqualFunc(got, want, equal) {
		t.Error("an epoch after a cancelled one differs")
	}
}
