package parity

import (
	"fmt"
	"slices"

	"m2pt/checkpoint"
	"m2pt/engine"
	"m2pt/ops"
	"m2pt/tokenizers/masking"
)

// maskCounts: how many of in/L tokens at in/ratio a random mask keeps, and how many
// a tube hides.
func maskCounts(r *replay) {
	keep, hide := r.ints("out/len_keep"), r.ints("out/num_mask_video")
	i := 0
	for _, tokens := range r.ints("in/L") {
		for _, ratio := range r.numbers(r.tensor("in/ratio")) {
			if random, err := masking.NewRandom(int(tokens), ratio); !isRefusal(err, keep[i], tokens) {
				r.must(err)
				keep[i] = int32(random.Visible())
			}
			if tube, err := masking.NewTube(1, int(tokens), ratio); !isRefusal(err, hide[i], tokens) {
				r.must(err)
				hide[i] = int32(tube.Masked())
			}
			i++
		}
	}
	checkValues(r, equal(), "out/len_keep", keep)
	checkValues(r, equal(), "out/num_mask_video", hide)
}

// isRefusal reports whether a mask is refused because it leaves nothing visible or
// nothing masked, as is recorded.
func isRefusal(err error, recorded, tokens int32) bool {
	return err != nil && (recorded == 0 || recorded == tokens)
}

// videoMasks: running cells of every phase, and tubes, which their first slice
// tells all of.
func videoMasks(r *replay) {
	var m struct {
		Ratio  float64 `json:"tube_ratio"`
		Window sizes
	}
	r.meta(&m)
	window := m.Window.volume()
	slice := window[1] * window[2]
	tube, err := masking.NewTube(window[0], slice, m.Ratio)
	r.must(err)
	cell, err := masking.NewRunningCell(tube, window[0], window[1], window[2])
	r.must(err)

	var cells, tubes []uint8
	phases := r.tensor("out/running_cell_all").Shape[0]
	for phase := range phases {
		noise := append(make([]float32, slice), float32(phase)/float32(phases))
		_, decoded := split(cell, noise)
		cells = append(cells, flags(window[0]*slice, decoded, 0)...)
	}
	for example := range slices.Chunk(r.numbers(r.tensor("out/tube_example")), window[0]*slice) {
		_, masked := split(tube, convert[float32](example[:slice]))
		tubes = append(tubes, flags(len(example), masked, 1)...)
	}
	checkValues(r, equal(), "out/running_cell_all", cells)
	checkValues(r, equal(), "out/tube_example", tubes)
}

// split is what a mask makes of a sample's noise.
func split(m masking.Mask, noise []float32) (visible, masked []int32) {
	visible, masked = make([]int32, m.Visible()), make([]int32, m.Masked())
	m.Split(visible, masked, noise, nil)
	return visible, masked
}

// flags are n recorded flags, those of tokens set to v and the rest to the other.
func flags(n int, tokens []int32, v uint8) []uint8 {
	set := repeat(1-v, n)
	for _, i := range tokens {
		set[i] = v
	}
	return set
}

// chamfer: both distances of clouds, and their gradients.
func chamfer(r *replay) {
	for _, c := range []struct {
		name string
		l1   bool
	}{{"l2", false}, {"l1", true}} {
		g := ops.NewGraph(ops.Float32)
		a, b := r.feed(g, "xyz1"), r.feed(g, "xyz2")
		loss := g.Chamfer(a, b, c.l1)
		r.must(g.Err())
		B := ops.SpecOf(loss).Len()
		grads := g.Grad([]*ops.Node{loss}, []*ops.Node{g.Feed("seed", B)}, []*ops.Node{a, b})
		r.must(g.Err())
		got := r.run(g, constants{"seed": repeat(1/float32(B), B)}, engine.Fetch{Name: "loss/" + c.name, Node: loss},
			engine.Fetch{Name: fmt.Sprintf("grad_%s/xyz1", c.name), Node: grads[0]},
			engine.Fetch{Name: fmt.Sprintf("grad_%s/xyz2", c.name), Node: grads[1]})
		r.checkAll(forward(), []checkpoint.Tensor{r.mean(got[0])})
		r.checkGradients(got[1:])
	}
}
