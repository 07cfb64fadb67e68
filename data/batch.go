package data

import "sync/atomic"

// Batch holds B samples, row after row. It belongs to the Loader and is
// overwritten after the loop body that received it.
type Batch struct {
	Pixels  []uint8   // [B, Layout.Pixels...]
	Values  []float32 // [B, Layout.Values...]
	Indices []int32   // [B, Layout.Indices...]
	Labels  []int32   // [B]; 0 in rows without a sample
	Parts   []int32   // [B, Layout.Labels...]: the labels of parts of each sample
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
	p, v, x, n, k := size(l.Pixels), size(l.Values), size(l.Indices), size(l.Labels), l.Targets
	s := &slot{
		Batch: Batch{
			Pixels:  make([]uint8, b*p),
			Values:  make([]float32, b*v),
			Indices: make([]int32, b*x),
			Labels:  make([]int32, b),
			Parts:   make([]int32, b*n),
			Targets: make([]float32, b*k),
			Keys:    make([]int32, 2*b),
			Index:   make([]int32, b),
		},
		rows:   make([]row, b),
		filled: make(chan struct{}, 1),
	}
	for j := range s.rows {
		s.rows[j].sample = Sample{Pixels: part(s.Pixels, j, p), Values: part(s.Values, j, v), Indices: part(s.Indices, j, x),
			Labels: part(s.Parts, j, n), Targets: part(s.Targets, j, k)}
	}
	return s
}

// part is the j-th n elements of v, with room for no more.
func part[T any](v []T, j, n int) []T { return v[j*n : (j+1)*n : (j+1)*n] }

// set publishes row j: its key, and the sample it holds (index -1: none).
func (s *slot) set(j, epoch, index int) {
	r := &s.rows[j]
	if index < 0 {
		clear(r.sample.Pixels)
		clear(r.sample.Values)
		clear(r.sample.Indices)
		clear(r.sample.Labels)
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
