package cpu

import (
	"m2pt/engine"
	"m2pt/ops"
)

// Peak measures the GFLOP/s of independent multiply-adds on all threads: the
// ceiling of every matrix product. It takes about 50 ms.
func (d *Device) Peak() float64 { return d.work.FMAPeak() }

// streamElems is the size of either buffer of Bandwidth: 128 MiB, some times the last
// cache of the processors at hand.
const streamElems = 32 << 20

// Bandwidth measures the GB/s of memory, read and written, on all threads: the ceiling
// of every operation that does little with what it reads. It takes 256 MiB of the kind of
// memory that programs have, until the garbage is collected, and some 200 ms.
func (d *Device) Bandwidth() (float64, error) {
	mem, err := d.Alloc(2 * 4 * streamElems)
	if err != nil {
		return 0, err
	}
	defer mem.Free()
	x := ops.Of[float32](engine.HostBuf(engine.Tensor{Spec: ops.F32(2, streamElems), Mem: mem}))
	return d.work.Bandwidth(x[:streamElems], x[streamElems:]), nil
}
