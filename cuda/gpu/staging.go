//go:build m2ptcuda

package gpu

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
	"m2pt/cuda/driver"
)

// Sizes of uploads, in bytes.
const (
	largestPart  = 512 << 20 // more is uploaded in several parts
	smallestRing = 8 << 20
	besideRuns   = 1 << 20 // from here on an upload is worth a second copy on the GPU
)

// staging is where uploads wait: a ring of pinned memory of the host, which the GPU reads
// while the host goes on, and a ring of the GPU's memory at the same offsets. A large
// part crosses to the second while earlier runs still read its destination, and moves
// there when they have; the move is a hundred times faster than the crossing.
//
// The ring has room for two parts of the largest size seen, so a batch can be written
// while the one before it is on its way.
type staging struct {
	host   unsafe.Pointer
	device cu.DevicePtr // 0 where the GPU has no memory for it
	size   int
	free   int // where the next part begins
	parts  [64]part
	oldest int // of the parts in use
	used   int
}

// part is a range of the ring that an upload holds until done has happened.
type part struct {
	begin, end    int
	crossed, done cu.Event
}

// Write copies src to the driver's memory, after what was run before.
func (d *Driver) Write(dst driver.Pointer, src []byte) error {
	return d.within(func() error {
		for len(src) > 0 {
			n := min(len(src), largestPart)
			if err := d.upload(cu.DevicePtr(dst), src[:n]); err != nil {
				return fmt.Errorf("write %s to the GPU: %w", size(int64(n)), err)
			}
			dst, src = dst+driver.Pointer(n), src[n:]
		}
		return nil
	})
}

func (d *Driver) upload(dst cu.DevicePtr, src []byte) error {
	p, err := d.stage(len(src))
	if err != nil {
		return err
	}
	from := unsafe.Add(d.staging.host, p.begin)
	copy(unsafe.Slice((*byte)(from), len(src)), src)
	if err := d.move(dst, from, p, int64(len(src))); err != nil {
		return err
	}
	return failed(p.done.Record(d.stream), "cuEventRecord")
}

func (d *Driver) move(dst cu.DevicePtr, from unsafe.Pointer, p *part, n int64) error {
	if n < besideRuns || d.staging.device == 0 {
		return failed(cu.MemcpyHtoDAsync(dst, from, n, d.stream), "cuMemcpyHtoDAsync")
	}
	via := d.staging.device + cu.DevicePtr(p.begin)
	if err := cu.MemcpyHtoDAsync(via, from, n, d.copies); err != nil {
		return failed(err, "cuMemcpyHtoDAsync")
	}
	if err := p.crossed.Record(d.copies); err != nil {
		return failed(err, "cuEventRecord")
	}
	if err := d.stream.Wait(p.crossed, 0); err != nil {
		return failed(err, "cuStreamWaitEvent")
	}
	return failed(cu.MemcpyDtoDAsync(dst, via, n, d.stream), "cuMemcpyDtoDAsync")
}

// stage returns a part of n bytes that nothing uses any more.
func (d *Driver) stage(n int) (*part, error) {
	s := &d.staging
	if want := max(2*n+besideRuns, smallestRing); want > s.size {
		if err := errors.Join(d.sync(), s.close()); err != nil {
			return nil, err
		}
		if err := s.open(want); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	begin := s.free
	if begin+n > s.size {
		begin = 0
	}
	for s.used == len(s.parts) || s.overlaps(begin, begin+n) {
		if err := s.release(); err != nil {
			return nil, err
		}
	}
	p := &s.parts[(s.oldest+s.used)%len(s.parts)]
	p.begin, p.end = begin, begin+n
	s.used++
	s.free = (p.end + 255) &^ 255
	return p, nil
}

func (s *staging) overlaps(begin, end int) bool {
	for i := range s.used {
		if p := &s.parts[(s.oldest+i)%len(s.parts)]; p.begin < end && begin < p.end {
			return true
		}
	}
	return false
}

// release waits for the oldest part.
func (s *staging) release() error {
	err := s.parts[s.oldest].done.Synchronize()
	s.oldest = (s.oldest + 1) % len(s.parts)
	s.used--
	return failed(err, "cuEventSynchronize")
}

// open makes the rings and the events. Where it fails, what it made is left to close.
func (s *staging) open(bytes int) error {
	var host unsafe.Pointer
	if err := check(C.cuMemHostAlloc(&host, C.size_t(bytes), C.CU_MEMHOSTALLOC_PORTABLE), "cuMemHostAlloc"); err != nil {
		return fmt.Errorf("%s of pinned host memory: %w", size(int64(bytes)), err)
	}
	s.host, s.size = host, bytes
	if device, err := allocate(bytes); err == nil {
		s.device = device
	} else if !errors.Is(err, driver.ErrMemory) {
		return err
	}
	for i := range s.parts {
		for _, e := range []*cu.Event{&s.parts[i].crossed, &s.parts[i].done} {
			var err error
			if *e, err = cu.MakeEvent(cu.DisableTiming | cu.BlockingSyncEvent); err != nil {
				return failed(err, "cuEventCreate")
			}
		}
	}
	return nil
}

// close frees what open made, when nothing uses it any more.
func (s *staging) close() error {
	var errs []error
	for i := range s.parts {
		for _, e := range []*cu.Event{&s.parts[i].crossed, &s.parts[i].done} {
			if *e != (cu.Event{}) {
				errs = append(errs, failed(cu.DestroyEvent(e), "cuEventDestroy"))
			}
		}
	}
	if s.device != 0 {
		errs = append(errs, failed(cu.MemFree(s.device), "cuMemFree"))
	}
	if s.host != nil {
		errs = append(errs, failed(cu.MemFreeHost(s.host), "cuMemFreeHost"))
	}
	*s = staging{}
	return errors.Join(errs...)
}
