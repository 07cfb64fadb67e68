package parity

import (
	"strconv"

	"m2pt/model"
)

// posEmbed2D: the fixed sin-cos table of a grid.
func posEmbed2D(r *replay) {
	var m struct {
		Dim      int
		Grid     sizes
		ClsToken bool `json:"cls_token"`
	}
	r.meta(&m)
	r.sinCos("out/table", m.Dim, m.Grid.grid(), m.ClsToken)
}

// posEmbed2DSmall: tables of square grids named out/table_<side>_<width>, with
// the suffix _nocls where there is no class row.
func posEmbed2DSmall(r *replay) {
	for _, t := range r.match(`out/table_(\d+)_(\d+)(_nocls)?`) {
		side, dim := r.integer(t[1]), r.integer(t[2])
		r.sinCos(t[0], dim, [2]int{side, side}, t[3] == "")
	}
}

func (r *replay) sinCos(name string, dim int, grid [2]int, class bool) {
	v, err := model.SinCos2D(dim, grid, class)
	r.must(err)
	checkValues(r, table(), name, v)
}

// posEmbedInterp: a position table resized to another grid; rows that belong to
// no patch are kept.
func posEmbedInterp(r *replay) {
	var m struct {
		Dim      int
		Src, Dst sizes
	}
	r.meta(&m)
	from, to := m.Src.grid(), m.Dst.grid()
	extra := r.tensor("in/pos_embed").Shape[1] - from[0]*from[1]
	v, err := model.ResizePos(r.floats("in/pos_embed"), m.Dim, extra, from, to)
	r.must(err)
	checkValues(r, table(), "out/pos_embed", v)
}

// dropPathRates: out/depth<blocks>_rate<percent>.
func dropPathRates(r *replay) {
	for _, t := range r.match(`out/depth(\d+)_rate(\d+)`) {
		rates := model.DropPathRates(float64(r.integer(t[2]))/100, r.integer(t[1]))
		checkValues(r, exact32(), t[0], rates)
	}
}

func (r *replay) integer(digits string) int {
	n, err := strconv.Atoi(digits)
	r.must(err)
	return n
}
