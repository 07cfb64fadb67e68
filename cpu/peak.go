package cpu

// Peak measures the GFLOP/s of independent multiply-adds on all threads: the
// ceiling of every matrix product. It takes about 50 ms.
func (d *Device) Peak() float64 { return d.work.FMAPeak() }
