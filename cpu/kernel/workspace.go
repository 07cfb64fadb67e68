package kernel

// A Workspace joins kernels, a pool and the buffers that parallel operations
// need. It serves one operation at a time and allocates only while its buffers
// grow to the largest one.
type Workspace struct {
	kernels *Kernels
	pool    *Pool
	scratch []Scratch // by worker; the first also holds a shared product
	reduce  reduction

	pack  func(worker, i int) // bodies of the loops of a product
	tiles func(worker, lo, hi int)
}

// NewWorkspace returns a workspace on p, which stays the caller's to close.
func NewWorkspace(k *Kernels, p *Pool) *Workspace {
	w := &Workspace{kernels: k, pool: p, scratch: make([]Scratch, p.Threads())}
	r := &w.scratch[0].run
	w.pack = func(_, i int) { r.pack(i) }
	w.tiles = func(worker, lo, hi int) {
		for i := lo; i < hi; i++ {
			r.tile(&w.scratch[worker].run.edge, i)
		}
	}
	w.reduce.bind(k)
	return w
}

// Kernels returns the single-threaded functions that the workspace runs.
func (w *Workspace) Kernels() *Kernels { return w.kernels }

// Pool returns the pool that the workspace runs on.
func (w *Workspace) Pool() *Pool { return w.pool }

// Scratch returns the packing buffers of a worker, for [Kernels.Gemm] inside a
// loop of the pool.
func (w *Workspace) Scratch(worker int) *Scratch { return &w.scratch[worker] }
