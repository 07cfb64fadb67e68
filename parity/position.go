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

// posEmbedInterpTime: a table of clips resized along time.
func posEmbedInterpTime(r *replay) {
	var m struct {
		Dim, T int
		NewT   int `json:"new_T"`
	}
	r.meta(&m)
	v, err := model.ResizePosTime(r.floats("in/pos_embed"), m.Dim, m.T, m.NewT)
	r.must(err)
	checkValues(r, table(), "out/pos_embed", v)
}

// videoSinusoidTable: the fixed table of tokens in one row.
func videoSinusoidTable(r *replay) {
	var m struct{ Dim, N int }
	r.meta(&m)
	checkValues(r, table(), "out/table", model.Sinusoid(m.Dim, m.N))
}

// posEmbedAudio: tables with a class row, named out/grid_<rows>x<columns> with
// the suffixes _first_<n>_rows where cut and _dim<width> where not as wide as
// meta says.
func posEmbedAudio(r *replay) {
	var m struct{ Dim int }
	r.meta(&m)
	for _, t := range r.match(`out/grid_(\d+)x(\d+)(?:_first_(\d+)_rows)?(?:_dim(\d+))?`) {
		dim := m.Dim
		if t[4] != "" {
			dim = r.integer(t[4])
		}
		v, err := model.SinCos2D(dim, [2]int{r.integer(t[1]), r.integer(t[2])}, true)
		r.must(err)
		if t[3] != "" {
			v = v[:r.integer(t[3])*dim]
		}
		checkValues(r, table(), t[0], v)
	}
}

// posEmbedAudioCut: an image model's patch kernel made mono, and a position
// table cut to its leading columns.
func posEmbedAudioCut(r *replay) {
	var m struct{ Src, Dst sizes }
	r.meta(&m)
	from, to := m.Src.grid(), m.Dst.grid()
	shape := r.tensor("in/pos_embed").Shape
	v, err := model.CutPos(r.floats("in/pos_embed"), shape[2], shape[1]-from[0]*from[1], from, to)
	r.must(err)
	checkValues(r, equal(), "out/pos_embed", v)
	kernel := r.tensor("in/patch_weight_rgb").Shape
	mono, err := model.MonoPatch(r.floats("in/patch_weight_rgb"), kernel[1], kernel[2]*kernel[3])
	r.must(err)
	checkValues(r, exact32(), "out/patch_weight_mono", mono)
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
