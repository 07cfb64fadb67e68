package masking

import "fmt"

// Grid hides whole time rows and frequency columns, as AudioMAE's 2-D masking
// does: visible are the tokens whose row and column a [Structured] mask both
// keeps, in natural order.
type Grid struct {
	counts
	crossing *Structured
	kept     []int32
	hidden   []bool
}

// NewGrid returns the mask of a grid that drops rows and columns as
// [NewStructured] does.
func NewGrid(rows, columns int, dropRows, dropColumns float64) (*Grid, error) {
	s, err := NewStructured(rows, columns, dropRows, dropColumns)
	if err != nil {
		return nil, err
	}
	c := counts{s.Kept(), rows*columns - s.Kept()}
	if err := c.check("dropping %g of the rows and %g of the columns of a %dx%d grid", dropRows, dropColumns, rows, columns); err != nil {
		return nil, err
	}
	return &Grid{c, s, make([]int32, c.visible), make([]bool, rows*columns)}, nil
}

// Noise is one number per row and one per column.
func (g *Grid) Noise() int { return len(g.crossing.noise) }

// Split keeps the rows with the smallest noise [T+F], and the columns likewise.
func (g *Grid) Split(visible, masked []int32, noise, _ []float32) {
	g.crossing.Index(g.kept, noise)
	mark(g.hidden, g.kept, false)
	part(visible, masked, g.hidden)
}

// phases is how many running cells there are.
const phases = 4

// RunningCell is VideoMAE V2's dual masking: what is visible is another mask's
// choice, and the decoder predicts half of all tokens, in natural order, also such
// as are visible (their weight is 0, see [Sampler.Weigh]). Half of the places of
// every 2x2 cell are predicted; which ones runs around the cell from slice to
// slice, from a phase that is the sample's own.
type RunningCell struct {
	counts
	encoder               Mask
	slices, rows, columns int
	hidden                []int32 // from the encoder
}

// NewRunningCell returns the mask of clips of so many slices of rows by columns,
// both even, of which the encoder sees what its own mask says.
func NewRunningCell(encoder Mask, slices, rows, columns int) (*RunningCell, error) {
	tokens := slices * rows * columns
	if n := encoder.Visible() + encoder.Masked(); n != tokens || min(slices, rows, columns) < 1 || rows%2 != 0 || columns%2 != 0 {
		return nil, fmt.Errorf("token mask: running cells on %d slices of %dx%d tokens, %d of them visible or masked to the encoder: want all of them and even sides",
			slices, rows, columns, n)
	}
	return &RunningCell{counts{encoder.Visible(), tokens / 2}, encoder, slices, rows, columns, make([]int32, encoder.Masked())}, nil
}

// Noise is that of the encoder's mask and then the phase.
func (c *RunningCell) Noise() int { return c.encoder.Noise() + 1 }

// Split asks the encoder's mask for what is visible; masked are the places of the
// running cell. Of slice t at phase s, place p of a cell (row by row) is predicted
// where (p+s+t+1) mod 4 is 2 or 3.
func (c *RunningCell) Split(visible, masked []int32, noise, centers []float32) {
	n := c.encoder.Noise()
	c.encoder.Split(visible, c.hidden, noise[:n], centers)
	phase, m := pick(noise[n], phases), 0
	for i := range 2 * len(masked) {
		slice, row, column := i/(c.rows*c.columns), i/c.columns%c.rows, i%c.columns
		if place := row%2*2 + column%2; (place+phase+slice+1)%phases >= phases/2 {
			masked[m] = int32(i)
			m++
		}
	}
}
