package data

import "sync/atomic"

// Batch holds B samples, row after row. It belongs to the Loader and is
// overwritten after the loop body that received it.
type Batch struct {
	Pixels  []uint8   // [B, Layout.Pixels...]
	Values  []float32 // [B, Layout.Values...]
	Labels  []int32   // [B]; 0 in rows without a sample
	Targets []float32 // [B, Layout.Targets]
	Keys    []int32   // [B,2] = (epoch, position in the order of the epoch): the sample_key feed
	Index   []int32   // [B] dataset index; -1 in rows without a sample (padding, or unreadable in evaluation)
	Valid   int       // number of rows with a sample
}

// slot is a batch being filled: workers take its rows one by one.
type slot struct {
	Batch
	rows    []row
	first   int           // position of row 0 in the order of the epoch
	pending atomic.Int64  // rows still to be filled
	filled  chan struct{} // one token when pending reaches 0
}

// row is a sample's place in its batch and what went wrong while filling it.
type row struct {
	sample Sample
	failed []Skip
}

func newSlot(l Layout, b int) *slot {
	p, v, k := size(l.Pixels), size(l.Values), l.Targets
	s := &slot{
		Batch: Batch{
			Pixels:  make([]uint8, b*p),
			Values:  make([]float32, b*v),
			Labels:  make([]int32, b),
			Targets: make([]float32, b*k),
			Keys:    make([]int32, 2*b),
			Index:   make([]int32, b),
		},
		rows:   make([]row, b),
		filled: make(chan struct{}, 1),
	}
	for j := range s.rows {
		s.rows[j].sample.Pixels = s.Pixels[j*p : (j+1)*p : (j+1)*p]
		s.rows[j].sample.Values = s.Values[j*v : (j+1)*v : (j+1)*v]
		s.rows[j].sample.Targets = s.Targets[j*k : (j+1)*k : (j+1)*k]
	}
	return s
}

// set publishes row j: its key, and the sample it holds (index -1: none).
func (s *slot) set(j, epoch, index int) {
	r := &s.rows[j]
	if index < 0 {
		clear(r.sample.Pixels)
		clear(r.sample.Values)
		clear(r.sample.Targets)
		r.sample.Label = 0
	}
	s.Labels[j] = r.sample.Label
	s.Index[j] = int32(index)
	s.Keys[2*j], s.Keys[2*j+1] = int32(epoch), int32(s.first+j)
}

// rowDone counts row j as filled and wakes the consumer after the last one.
func (s *slot) rowDone() {
	if s.pending.Add(-1) == 0 {
		s.filled <- struct{}{}
	}
}

// count sets Valid.
func (s *slot) count() {
	s.Valid = 0
	for _, i := range s.Index {
		if i >= 0 {
			s.Valid++
		}
	}
}
