package kernel

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
)

// spins is how often a worker looks for the next job before it parks: some ten
// microseconds, longer than the gap between two steps of a plan, shorter than
// what waking a thread costs.
const spins = 1 << 14

// open marks, in [Pool.gate], that a job takes workers; the bits below count
// the workers inside.
const open = 1 << 30

// A Pool runs loops over independent iterations on a fixed number of threads.
// The caller of a loop is one of them, so a Pool of one thread has no goroutine.
//
// Which worker runs which iteration is left to chance; results depend on it only if
// iterations write to the same place, which they must not.
//
// A Pool serves one loop at a time: loops neither nest nor overlap.
type Pool struct {
	f    func(worker, lo, hi int)
	n    int
	step int
	next atomic.Int64

	gate    atomic.Int32  // open | workers inside
	epoch   atomic.Uint32 // counts jobs; a change wakes spinning workers
	closed  atomic.Bool
	workers []worker // of the other threads
	done    sync.WaitGroup

	labels context.Context // see Label; nil without

	single func(worker, i int) // what each, the body of For, calls
	each   func(worker, lo, hi int)

	mu      sync.Mutex
	failure *Panic
}

// worker is one goroutine's bed: asleep tells the caller that wake has to be
// rung.
type worker struct {
	asleep atomic.Bool
	wake   chan struct{}
}

// Panic is what a loop panics with, on its caller's goroutine, after an
// iteration panicked on any worker.
type Panic struct {
	Value any    // the argument of the first panic
	Stack []byte // where it happened
}

// Error describes the panic and the place it came from.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// NewPool starts a pool of that many threads, at least one. Close it when done.
func NewPool(threads int) *Pool {
	p := &Pool{workers: make([]worker, max(threads, 1)-1)}
	p.each = func(worker, lo, hi int) {
		for i := lo; i < hi; i++ {
			p.single(worker, i)
		}
	}
	p.done.Add(len(p.workers))
	for i := range p.workers {
		p.workers[i].wake = make(chan struct{}, 1)
		go p.serve(i)
	}
	return p
}

// Threads is the number of workers, the caller included.
func (p *Pool) Threads() int { return len(p.workers) + 1 }

// Close ends the workers and waits for them. The pool must be idle, and is of
// no use afterwards.
func (p *Pool) Close() {
	p.closed.Store(true)
	p.rouse()
	p.done.Wait()
}

// For calls f(worker, i) once for every 0 <= i < n, in any order, from workers
// 0 <= worker < Threads(), and returns when all are done. If a call panics, the
// remaining ones may be skipped and For panics with a [*Panic].
//
// For itself does not allocate; a function literal built for the call does.
func (p *Pool) For(n int, f func(worker, i int)) {
	p.single = f
	p.Range(n, 1, p.each)
	p.single = nil
}

// Range calls f(worker, lo, hi) for the consecutive pieces [lo, hi) of [0, n)
// that are grain long (the last may be shorter), otherwise like [Pool.For]. The
// pieces depend on n and grain alone, not on the number of threads.
func (p *Pool) Range(n, grain int, f func(worker, lo, hi int)) {
	p.f, p.n, p.step = f, n, max(grain, 1)
	p.next.Store(0)
	if len(p.workers) > 0 && n > p.step {
		p.gate.Store(open)
		p.rouse()
	}
	p.work(0)
	p.leave()
	p.f = nil
	if failure := p.failure; failure != nil {
		p.failure = nil
		panic(failure)
	}
}

// rouse announces a change to spinning and to sleeping workers.
func (p *Pool) rouse() {
	p.epoch.Add(1)
	for i := range p.workers {
		if w := &p.workers[i]; w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// leave shuts the gate and waits for the workers inside: at most one piece each.
func (p *Pool) leave() {
	p.gate.And(^int32(open))
	for i := 1; p.gate.Load() != 0; i++ {
		if i%spins == 0 {
			runtime.Gosched()
		}
	}
}

// enter joins the current job unless its gate is shut already. A worker that
// wakes too late finds it shut and never looks at the job.
func (p *Pool) enter() bool {
	for {
		g := p.gate.Load()
		if g&open == 0 {
			return false
		}
		if p.gate.CompareAndSwap(g, g+1) {
			return true
		}
	}
}

// serve is the life of worker i+1.
func (p *Pool) serve(i int) {
	defer p.done.Done()
	var seen uint32
	for {
		seen = p.await(&p.workers[i], seen)
		if p.closed.Load() {
			return
		}
		if p.enter() {
			if p.labels == nil {
				p.work(i + 1)
			} else {
				p.workLabelled(i + 1)
			}
			p.gate.Add(-1)
		}
	}
}

// Label makes samples of CPU profiles carry the labels that ctx has (see
// [runtime/pprof.WithLabels]): those of the calling goroutine from now on, those of the
// others while they work for it.
func (p *Pool) Label(ctx context.Context) {
	p.labels = ctx
	pprof.SetGoroutineLabels(ctx)
}

// Unlabel takes the labels off again.
func (p *Pool) Unlabel() {
	p.labels = nil
	pprof.SetGoroutineLabels(context.Background())
}

// workLabelled takes the labels off again, so that waiting has none.
func (p *Pool) workLabelled(worker int) {
	pprof.SetGoroutineLabels(p.labels)
	p.work(worker)
	pprof.SetGoroutineLabels(context.Background())
}

// await returns the new epoch once it differs from seen: after a while of
// spinning it parks.
func (p *Pool) await(w *worker, seen uint32) uint32 {
	for range spins {
		if e := p.epoch.Load(); e != seen {
			return e
		}
	}
	w.asleep.Store(true)
	if p.epoch.Load() != seen && w.asleep.CompareAndSwap(true, false) {
		return p.epoch.Load()
	}
	<-w.wake
	return p.epoch.Load()
}

// work takes pieces of the current job until none is left.
func (p *Pool) work(worker int) {
	defer p.catch()
	for {
		hi := int(p.next.Add(int64(p.step)))
		lo := hi - p.step
		if lo >= p.n {
			return
		}
		p.f(worker, lo, min(hi, p.n))
	}
}

// catch keeps the first panic of a job and lets the others run dry.
func (p *Pool) catch() {
	v := recover()
	if v == nil {
		return
	}
	p.next.Store(int64(p.n))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == nil {
		p.failure = &Panic{Value: v, Stack: debug.Stack()}
	}
}
