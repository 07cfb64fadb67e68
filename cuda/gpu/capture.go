//go:build m2ptcuda

package gpu

// #include "native.h"
import "C"

import (
	"cmp"

	"m2pt/cuda/driver"
)

// Capture records the runs of record as one CUDA graph, which the driver keeps until it
// is closed. A run that binds or waits fails in it.
func (d *Driver) Capture(record func() error) (driver.Run, error) {
	var exec C.CUgraphExec
	err := d.within(func() error { // begin and end must come from one thread
		graph, err := d.record(record)
		if graph != nil {
			defer C.cuGraphDestroy(graph)
		}
		if err != nil {
			return err
		}
		// It has the same parameters in CUDA 11.4 to 13, cuGraphInstantiate has not.
		return check(C.cuGraphInstantiateWithFlags(&exec, graph, 0), "cuGraphInstantiateWithFlags")
	})
	if err != nil {
		return nil, err
	}
	d.graphs = append(d.graphs, exec)
	context, stream := d.cContext(), d.cStream()
	return func() error {
		if !d.held {
			return errClosed
		}
		return check(C.m2pt_replay(context, stream, exec), "cuGraphLaunch")
	}, nil
}

// record returns the graph of what record runs; its error comes before one of capturing.
func (d *Driver) record(record func() error) (C.CUgraph, error) {
	r := C.cuStreamBeginCapture(d.cStream(), C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
	if err := check(r, "cuStreamBeginCapture"); err != nil {
		return nil, err
	}
	err := record()
	var graph C.CUgraph
	ended := check(C.cuStreamEndCapture(d.cStream(), &graph), "cuStreamEndCapture")
	return graph, cmp.Or(err, ended)
}
