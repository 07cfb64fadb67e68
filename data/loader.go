package data

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"m2pt/internal/philox"
)

// depth is the number of batches a Loader owns: one with the consumer, two
// being filled.
const depth = 3

// Options say how a Loader cuts a dataset into batches.
type Options struct {
	Batch   int    // rows per batch
	Workers int    // goroutines that read; results do not depend on it
	Seed    uint64 // of the order and the transforms
	Shuffle bool   // a keyed permutation per epoch instead of the dataset's order

	// Eval pads the last batch instead of dropping an incomplete one, and leaves
	// the row of an unreadable sample empty instead of putting the next readable
	// one in its place.
	Eval bool

	// MaxSkipped is the number of distinct samples that may turn out unreadable
	// in the life of the Loader; one more ends the epoch with an error.
	MaxSkipped int
	// OnSkip, if not nil, is told of each unreadable sample once, in the goroutine
	// that ranges over the epoch.
	OnSkip func(Skip)
}

// Loader hands out the batches of a dataset, epoch by epoch. Order and bytes of
// the batches are functions of (Options, epoch, start) and not of the number of
// workers. After the first batches it allocates nothing per sample, unless the
// dataset does. One epoch may run at a time.
type Loader struct {
	ds      Dataset
	opt     Options
	order   []int32
	slots   [depth]*slot
	readers []Reader
	skips   skips
}

// NewLoader returns a loader with its buffers allocated. It fails when options
// are out of range or the dataset cannot fill a single batch.
func NewLoader(ds Dataset, opt Options) (*Loader, error) {
	switch n := ds.Len(); {
	case opt.Batch < 1 || opt.Workers < 1 || opt.MaxSkipped < 0:
		return nil, fmt.Errorf("data loader: batch %d, workers %d, max skipped %d: want at least 1, 1 and 0", opt.Batch, opt.Workers, opt.MaxSkipped)
	case n == 0:
		return nil, fmt.Errorf("data loader: the dataset is empty")
	case n < opt.Batch && !opt.Eval:
		return nil, fmt.Errorf("data loader: %d samples do not fill one batch of %d: use a smaller batch", n, opt.Batch)
	}
	opt.MaxSkipped = min(opt.MaxSkipped, ds.Len()-1) // none readable is never fine
	l := &Loader{ds: ds, opt: opt, order: make([]int32, ds.Len()), skips: skips{seen: map[int]bool{}}}
	for i := range l.slots {
		l.slots[i] = newSlot(ds.Layout(), opt.Batch)
	}
	for range opt.Workers {
		l.readers = append(l.readers, ds.NewReader())
	}
	return l, nil
}

// Dataset returns the dataset the loader reads.
func (l *Loader) Dataset() Dataset { return l.ds }

// Batches returns the number of batches of an epoch from sample position start
// on: rounded down in training, up in evaluation.
func (l *Loader) Batches(start int) int {
	left := max(l.ds.Len()-start, 0)
	if l.opt.Eval {
		left += l.opt.Batch - 1
	}
	return left / l.opt.Batch
}

// Skipped returns the unreadable samples met so far, in the order met.
func (l *Loader) Skipped() []Skip { return l.skips.list }

// Epoch returns the batches of an epoch from sample position start on (a run
// resumed after k batches passes k*Batch; nothing before start is read). The
// sequence ends after the last batch or after the first error: too many
// unreadable samples, or that of ctx. Leaving the loop, by whatever way, stops
// all workers.
func (l *Loader) Epoch(ctx context.Context, epoch, start int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if start < 0 || start > l.ds.Len() {
			yield(nil, fmt.Errorf("data loader: start %d is outside the epoch of %d samples", start, l.ds.Len()))
			return
		}
		l.permute(epoch)
		r := l.start(ctx, epoch, start)
		defer r.stop()
		for range l.Batches(start) {
			s, err := r.next()
			if err == nil {
				err = l.skips.add(s.rows, &l.opt)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if s.count(); !yield(&s.Batch, nil) {
				return
			}
			r.free <- s
		}
	}
}

// permute writes the order of an epoch.
func (l *Loader) permute(epoch int) {
	if l.opt.Shuffle {
		r := philox.New(l.opt.Seed, "order", uint64(epoch), 0)
		r.Perm(l.order)
		return
	}
	for i := range l.order {
		l.order[i] = int32(i)
	}
}

// epochRun is the machinery of one epoch: a dispatcher takes free slots, queues
// their rows as tasks and the slots themselves as ready, in order; workers fill
// the rows; the consumer waits for each ready slot in turn.
type epochRun struct {
	*Loader
	epoch  int
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	free   chan *slot
	ready  chan *slot
	tasks  chan task
}

// task is one row to fill.
type task struct {
	slot *slot
	row  int
}

func (l *Loader) start(ctx context.Context, epoch, first int) *epochRun {
	r := &epochRun{
		Loader: l, epoch: epoch,
		free: make(chan *slot, depth), ready: make(chan *slot, depth), tasks: make(chan task, l.opt.Batch),
	}
	r.ctx, r.cancel = context.WithCancel(ctx)
	for _, s := range l.slots {
		select {
		case <-s.filled: // left over from an epoch that was left early
		default:
		}
		r.free <- s
	}
	r.wg.Go(func() { r.dispatch(first) })
	for _, reader := range l.readers {
		r.wg.Go(func() { r.work(reader) })
	}
	return r
}

// stop ends all goroutines and waits for them.
func (r *epochRun) stop() {
	r.cancel()
	r.wg.Wait()
}

func (r *epochRun) dispatch(first int) {
	for range r.Batches(first) {
		var s *slot
		select {
		case s = <-r.free:
		case <-r.ctx.Done():
			return
		}
		s.first = first
		s.pending.Store(int64(r.opt.Batch))
		r.ready <- s
		for j := range r.opt.Batch {
			select {
			case r.tasks <- task{s, j}:
			case <-r.ctx.Done():
				return
			}
		}
		first += r.opt.Batch
	}
}

func (r *epochRun) work(reader Reader) {
	for {
		select {
		case t := <-r.tasks:
			r.fill(reader, t)
			t.slot.rowDone()
		case <-r.ctx.Done():
			return
		}
	}
}

// next waits until the next batch is filled.
func (r *epochRun) next() (*slot, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, fmt.Errorf("data loader: epoch %d: %w", r.epoch, err)
	}
	select {
	case s := <-r.ready:
		select {
		case <-s.filled:
			return s, nil
		case <-r.ctx.Done():
		}
	case <-r.ctx.Done():
	}
	return nil, fmt.Errorf("data loader: epoch %d: %w", r.epoch, r.ctx.Err())
}

// fill reads the sample of one row: the one at the row's position or, in
// training, the first readable one behind it. It gives up where the failures
// alone exceed the budget.
func (r *epochRun) fill(reader Reader, t task) {
	dst := &t.slot.rows[t.row]
	dst.failed = dst.failed[:0]
	position := t.slot.first + t.row
	for position < len(r.order) || !r.opt.Eval {
		i := int(r.order[position%len(r.order)])
		err := reader.Read(Key{r.opt.Seed, r.epoch, i}, &dst.sample)
		if err == nil {
			t.slot.set(t.row, r.epoch, i)
			return
		}
		dst.failed = append(dst.failed, Skip{i, r.ds.Name(i), err})
		if r.opt.Eval || len(dst.failed) > r.opt.MaxSkipped {
			break
		}
		position++
	}
	t.slot.set(t.row, r.epoch, -1)
}
