package parity

import (
	"fmt"
	"math"
	"slices"

	"m2pt/data/point"
	"m2pt/engine"
	"m2pt/ops"
	"m2pt/tokenizers"
	"m2pt/tokenizers/grouping"
)

// clouds are recorded points [B, N, 3].
type clouds struct {
	xyz  []float32
	B, N int
}

func (r *replay) clouds(name string) clouds {
	shape := r.tensor(name).Shape
	if len(shape) != 3 || shape[2] != 3 {
		r.stop(fmt.Errorf("%q has shape %v, want [B N 3]", name, shape))
	}
	return clouds{r.floats(name), shape[0], shape[1]}
}

// cloud is the points [N, 3] of one.
func (c clouds) cloud(b int) []float32 { return c.xyz[b*c.N*3:][:c.N*3] }

// group are the groups [B, G, 1+M] of clouds: centre, then neighbours.
func (r *replay) group(c clouds, groups, size int) []int32 {
	var g grouping.Grouper
	index := make([]int32, c.B*groups*(1+size))
	for b := range c.B {
		r.must(g.Group(c.cloud(b), size, index[b*groups*(1+size):][:groups*(1+size)]))
	}
	return index
}

// groupMeta is how clouds are cut into groups.
type groupMeta struct {
	Groups int `json:"num_group"`
	Size   int `json:"group_size"`
}

// pointGroup: farthest points, their nearest neighbours, and what the graph
// gathers by them.
func pointGroup(r *replay) {
	var m struct {
		groupMeta
		Unique bool `json:"unique_ties"`
	}
	r.meta(&m)
	c := r.clouds("in/xyz")
	index := r.group(c, m.Groups, m.Size)
	var picks, near []int32
	for row := range slices.Chunk(index, 1+m.Size) {
		picks, near = append(picks, row[0]), append(near, row[1:]...)
	}
	checkValues(r, equal(), "out/fps_idx", picks)
	checkValues(r, equal(), "out/knn_idx", near)
	r.checkPicks(c, "out/fps_idx_cuda_ties", picks, m.Unique)

	g := ops.NewGraph(ops.Float32)
	spec := ops.Spec{Shape: []int{c.B, m.Groups, 1 + m.Size}, Dtype: ops.Int32}
	local, centers := g.Group(r.feed(g, "xyz"), g.Declare(tokenizers.GroupFeed, spec, ops.PerBatch))
	got := r.run(g, constants{tokenizers.GroupFeed: index},
		engine.Fetch{Name: "out/neighborhood", Node: local}, engine.Fetch{Name: "out/center", Node: centers})
	r.checkAll(equal(), got)
	var dist []float64
	for p := range slices.Chunk(r.numbers(got[0]), 3) {
		dist = append(dist, math.Sqrt(p[0]*p[0]+p[1]*p[1]+p[2]*p[2]))
	}
	checkValues(r, exact32(), "out/knn_dist", dist)
}

// checkPicks compares with picks that may differ among equally far points: each
// must be as far from the earlier ones as ours is.
func (r *replay) checkPicks(c clouds, name string, picks []int32, unique bool) {
	if unique {
		checkValues(r, equal(), name, picks)
		return
	}
	want := r.ints(name)
	r.compared[name] = true
	G := len(picks) / c.B
	for b := range c.B {
		r.note(name, absolute(reach(c.cloud(b), picks[b*G:][:G]), reach(c.cloud(b), want[b*G:][:G])), equal().limit)
	}
}

// reach is the distance of each pick to the nearest earlier one.
func reach(xyz []float32, picks []int32) []float64 {
	far := make([]float64, len(picks))
	for i, p := range picks {
		far[i] = math.MaxFloat64
		for _, q := range picks[:i] {
			d := 0.0
			for axis := range int32(3) {
				e := float64(xyz[3*p+axis]) - float64(xyz[3*q+axis])
				d += e * e
			}
			far[i] = min(far[i], d)
		}
	}
	return far
}

// pointTransforms: clouds in the unit sphere, and scaled and moved by recorded
// amounts.
func pointTransforms(r *replay) {
	c := r.clouds("in/xyz")
	scale, shift := r.floats("in/scale"), r.floats("in/translate")
	var sphere, moved []float32
	for b := range c.B {
		s, m := slices.Clone(c.cloud(b)), slices.Clone(c.cloud(b))
		point.UnitSphere(s)
		point.ScaleTranslate(m, [3]float32(scale[3*b:]), [3]float32(shift[3*b:]))
		sphere, moved = append(sphere, s...), append(moved, m...)
	}
	checkValues(r, exact32(), "out/unit_sphere", sphere)
	checkValues(r, exact32(), "out/scale_translate", moved)
}

// pointEncoder: the small PointNet from groups to tokens.
func pointEncoder(r *replay) {
	x := r.tensor("in/neighborhood").Shape // [B, G, M, 3]
	s := r.recordedShapes(nil)
	t := s.pointTokenizer("", groupMeta{x[1], x[2]}, x[2])
	r.weighed(func() network {
		n := r.part(x[0])
		n.show("tokens", t.Encode(n.Scope, r.feed(n.Graph, "neighborhood")))
		r.must(n.Err())
		return n
	})
}

// pointTokenizer is the tokenizer whose PointNet has these parameters, for clouds
// of N points.
func (s shapes) pointTokenizer(prefix string, m groupMeta, points int) tokenizers.Point {
	out := func(name string) int { return s.dim(prefix+name+".weight", 0) }
	return tokenizers.Point{Points: points, Groups: m.Groups, Size: m.Size, Dim: out("second_conv.3"),
		Widths: [3]int{out("first_conv.0"), out("first_conv.3"), out("second_conv.0")}}
}
