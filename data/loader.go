package data

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
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

	// Repeat above 1 lets each sample come so many times in a row, each time with
	// other random numbers, in an epoch as long as before: it sees one sample in
	// Repeat. That is timm's RepeatAugSampler, over all devices together and
	// without its rounding of the epoch. 0 means 1.
	Repeat int

	// Weights, if not nil, make an epoch of training EpochLen keyed draws with
	// replacement, sample i in proportion to Weights[i]; EpochLen 0 means as many
	// draws as the dataset has samples.
	Weights  []float64
	EpochLen int

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
	order   *order
	slots   [depth]*slot
	readers []Reader
	skips   skips
	run     *epochRun // being ranged over
	ahead   *epochRun // begun by Ahead
}

// NewLoader returns a loader with its buffers allocated. It fails when options
// are out of range or the dataset cannot fill a single batch.
func NewLoader(ds Dataset, opt Options) (*Loader, error) {
	if ds.Len() == 0 {
		return nil, fmt.Errorf("data loader: the dataset is empty")
	}
	order, distinct, err := newOrder(ds.Len(), &opt)
	if err != nil {
		return nil, err
	}
	switch n := len(order.samples); {
	case opt.Batch < 1 || opt.Workers < 1 || opt.MaxSkipped < 0:
		return nil, fmt.Errorf("data loader: batch %d, workers %d, max skipped %d: want at least 1, 1 and 0", opt.Batch, opt.Workers, opt.MaxSkipped)
	case n < opt.Batch && !opt.Eval:
		return nil, fmt.Errorf("data loader: %d samples do not fill one batch of %d: use a smaller batch", n, opt.Batch)
	}
	opt.MaxSkipped = min(opt.MaxSkipped, distinct-1) // none readable is never fine
	l := &Loader{ds: ds, opt: opt, order: order, skips: skips{views: Views(ds), seen: map[int]bool{}}}
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
	left := max(len(l.order.samples)-start, 0)
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
// all workers but those that read [Loader.Ahead].
func (l *Loader) Epoch(ctx context.Context, epoch, start int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if n := len(l.order.samples); start < 0 || start > n {
			yield(nil, fmt.Errorf("data loader: start %d is outside the epoch of %d samples", start, n))
			return
		}
		r := l.begin(ctx, epoch, start)
		l.run = r
		defer func() { r.stop(); l.run = nil }()
		for range l.Batches(start) {
			s, err := r.next()
			if err == nil {
				err = l.check(s)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			r.held = s
			more := yield(&s.Batch, nil)
			if l.ahead != nil {
				l.ahead.free <- s
				return
			}
			if !more {
				return
			}
			r.free <- s
		}
	}
}

// check counts the rows of a filled batch and notes what could not be read.
func (l *Loader) check(s *slot) error {
	s.count()
	if err := l.skips.add(s.rows, &l.opt); err != nil {
		return err
	}
	if s.Valid < l.opt.Batch && !l.opt.Eval { // only where few distinct samples were drawn
		return fmt.Errorf("data loader: none of the samples drawn for the epoch is readable, %s for one: repair or remove them", l.skips.list[0].Name)
	}
	return nil
}

// epochRun is the machinery of one epoch: a dispatcher takes free slots, queues
// their rows as tasks and the slots themselves as ready, in order; workers fill
// the rows; the consumer waits for each ready slot in turn.
type epochRun struct {
	*Loader
	epoch  int
	held   *slot           // by the consumer
	given  context.Context // by the consumer
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

// start begins to read an epoch from position first on, into all slots but one that
// the consumer may hold.
func (l *Loader) start(ctx context.Context, epoch, first int, held *slot) *epochRun {
	r := &epochRun{
		Loader: l, epoch: epoch, given: ctx,
		free: make(chan *slot, depth), ready: make(chan *slot, depth), tasks: make(chan task, l.opt.Batch),
	}
	r.ctx, r.cancel = context.WithCancel(ctx)
	for _, s := range l.slots {
		if s == held {
			continue
		}
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
	position, n := t.slot.first+t.row, len(r.order.samples)
	for tries := n; tries > 0 && (position < n || !r.opt.Eval); tries-- {
		key := r.order.key(r.opt.Seed, r.epoch, position)
		if !dst.hasFailed(key.Sample) {
			err := r.read(reader, key, &dst.sample)
			if err == nil {
				t.slot.set(t.row, r.epoch, key.Sample)
				return
			}
			dst.failed = append(dst.failed, Skip{key.Sample, r.ds.Name(key.Sample), err})
			if r.opt.Eval || len(dst.failed) > r.opt.MaxSkipped {
				break
			}
		}
		position++
	}
	t.slot.set(t.row, r.epoch, -1)
}

// read is reader.Read; a reader that panics has met a sample it cannot read.
func (r *epochRun) read(reader Reader, key Key, dst *Sample) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read %s: panic: %v", r.ds.Name(key.Sample), p)
		}
	}()
	return reader.Read(key, dst)
}

// hasFailed reports whether a sample was tried for this row already, as happens
// where it is drawn twice.
func (r *row) hasFailed(sample int) bool {
	return slices.ContainsFunc(r.failed, func(s Skip) bool { return s.Index == sample })
}
