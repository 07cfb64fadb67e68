// Package masking chooses which tokens of a sample a model gets to see.
//
// Vocabulary: a [Mask] splits the N tokens of a sample for masked pretraining: V
// are visible to the encoder; M are masked, which the decoder gets as mask tokens
// and predicts. A [Sampler] draws a mask for every sample of a batch. A
// [Structured] mask, of fine-tuning, keeps whole rows and whole columns of a grid
// of T time rows and F frequency columns, token t*F + f at (t, f), and predicts
// nothing.
//
// Counts follow from geometry alone, so that shapes stay the same from sample to
// sample. The package moves no tokens: it makes the index feeds [B, V] and [B, M]
// of the graph's gather.
package masking

import (
	"fmt"
	"slices"

	"m2pt/internal/philox"
)

// Structured keeps random rows and, of these, random columns of a token grid,
// independently for each sample. It has scratch of its own: one goroutine at a
// time.
type Structured struct {
	rows, columns         int
	keptRows, keptColumns int
	noise                 []float32
	order                 []int32
}

// NewStructured returns the mask of a grid that drops rows with probability
// dropRows and columns with dropColumns, both in [0,1): floor(rows*(1-dropRows))
// rows and floor(columns*(1-dropColumns)) columns stay, of which there must be at
// least one.
func NewStructured(rows, columns int, dropRows, dropColumns float64) (*Structured, error) {
	s := &Structured{
		rows: rows, columns: columns,
		keptRows: int(float64(rows) * (1 - dropRows)), keptColumns: int(float64(columns) * (1 - dropColumns)),
	}
	if !(dropRows >= 0 && dropColumns >= 0) || s.keptRows < 1 || s.keptColumns < 1 {
		return nil, fmt.Errorf("token mask of a %dx%d grid: dropping %g of the rows and %g of the columns keeps %dx%d tokens: want probabilities of at least 0 that leave one token",
			rows, columns, dropRows, dropColumns, s.keptRows, s.keptColumns)
	}
	s.noise, s.order = make([]float32, rows+columns), make([]int32, rows+columns)
	return s, nil
}

// Kept returns the number of tokens kept, M.
func (s *Structured) Kept() int { return s.keptRows * s.keptColumns }

// Index fills dst [M] with the tokens kept where noise [T+F] belongs to the rows
// and then the columns: the rows with the smallest noise in the order of it, and
// in each row the columns likewise.
func (s *Structured) Index(dst []int32, noise []float32) {
	rows := smallest(s.order[:s.rows], noise[:s.rows])[:s.keptRows]
	columns := smallest(s.order[s.rows:], noise[s.rows:])[:s.keptColumns]
	for i, row := range rows {
		for j, column := range columns {
			dst[i*s.keptColumns+j] = row*int32(s.columns) + column
		}
	}
}

// Draw fills dst [B,M] for samples with the keys [B,2] = (epoch, position in
// it): a row is a function of (seed, key).
func (s *Structured) Draw(seed uint64, keys, dst []int32) {
	for j := range len(keys) / 2 {
		r := philox.New(seed, "token mask", uint64(keys[2*j]), uint64(keys[2*j+1]))
		for i := range s.noise {
			s.noise[i] = philox.Uniform(r.Uint32())
		}
		s.Index(dst[j*s.Kept():][:s.Kept()], s.noise)
	}
}

// smallest fills order with the places of noise, ascending; the first of equals
// comes first.
func smallest(order []int32, noise []float32) []int32 {
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		switch {
		case noise[a] < noise[b]:
			return -1
		case noise[a] > noise[b]:
			return 1
		}
		return 0
	})
	return order
}
