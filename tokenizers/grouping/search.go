package grouping

import (
	"math"
	"slices"
)

// begin makes every point, or every one that is not padding, a candidate for FPS.
func (g *Grouper) begin(skipPadding bool) {
	t := &g.tree
	g.near = slices.Grow(g.near[:0], len(t.index))[:len(t.index)]
	for s := range g.near {
		g.near[s] = unseen
		if skipPadding && squared(t.x[s], t.y[s], t.z[s]) <= padding {
			g.near[s] = never
		}
	}
	for i := range t.levels[0] {
		t.levels[0][i].best = g.best(span(i, leafSize, len(g.near)))
	}
	for l := 1; l < len(t.levels); l++ {
		for i := range t.levels[l] {
			t.levels[l][i].best = best(t.children(l, i))
		}
	}
}

// rank is what FPS picks the largest of: the squared distance of a point to its
// nearest pick, as bits, above its index, counted down so that the lower one wins.
// Of points that must not be picked the first of the cloud would win.
type rank int64

const lowest = rank(-1 << 63) // below that of every point

func rankOf(near float32, index int32) rank {
	return rank(int32(math.Float32bits(near)))<<32 | rank(math.MaxInt32-index)
}

func (r rank) near() float32 { return math.Float32frombits(uint32(r >> 32)) }

// pick returns the point, and 0 where none is left to be picked.
func (r rank) pick() int32 {
	if r < 0 {
		return 0
	}
	return math.MaxInt32 - int32(r&math.MaxInt32)
}

// best returns the largest rank in a range of slots.
func (g *Grouper) best(from, to int) rank {
	index, r := g.tree.index[from:to], lowest
	for s, d := range g.near[from:to] {
		r = max(r, rankOf(d, index[s]))
	}
	return r
}

// best returns the largest rank in boxes.
func best(boxes []box) rank {
	r := lowest
	for i := range boxes {
		r = max(r, boxes[i].best)
	}
	return r
}

// farthest notes the pick p and returns the next one.
func (g *Grouper) farthest(p [3]float32) int32 {
	top := len(g.tree.levels) - 1
	g.approach(top, 0, p)
	return g.tree.levels[top][0].best.pick()
}

// approach lowers the distances of the points in a box to their nearest pick, now
// that p is one.
func (g *Grouper) approach(level, i int, p [3]float32) {
	t := &g.tree
	b := &t.levels[level][i]
	if b.distance(p) >= b.best.near() {
		return
	}
	if level > 0 {
		from, to := span(i, fan, len(t.levels[level-1]))
		for k := from; k < to; k++ {
			g.approach(level-1, k, p)
		}
		b.best = best(t.children(level, i))
		return
	}
	from, to := span(i, leafSize, len(g.near))
	near, index := g.near[from:to], t.index[from:to]
	x, y, z := t.x[from:to], t.y[from:to], t.z[from:to]
	r := lowest
	for s, d := range near {
		d = min(d, squared(x[s]-p[0], y[s]-p[1], z[s]-p[2]))
		near[s] = d
		r = max(r, rankOf(d, index[s]))
	}
	b.best = r
}

// A candidate for the nearest points is its squared distance, as bits, above its
// index: the order of such numbers is that of distances, then of indices.
func candidate(distance float32, index int32) uint64 {
	return uint64(math.Float32bits(distance))<<32 | uint64(index)
}

// nearest writes the len(dst) points nearest to point pick, which is at p: those of
// its leaf are looked at first, then those of the leaf's siblings, of its parent's,
// and so on.
func (g *Grouper) nearest(pick int32, p [3]float32, dst []int32) {
	t := &g.tree
	g.found, g.limit = slices.Grow(g.found[:0], 2*len(dst)+leafSize), math.MaxUint64
	own := int(t.slot[pick]) / leafSize
	g.visit(0, own, p, len(dst))
	for level := range t.levels[:len(t.levels)-1] {
		from, to := span(own/fan, fan, len(t.levels[level]))
		for i := from; i < to; i++ {
			if i != own {
				g.visit(level, i, p, len(dst))
			}
		}
		own /= fan
	}
	keepSmallest(g.found, len(dst))
	g.found = g.found[:len(dst)]
	slices.Sort(g.found)
	for i, f := range g.found {
		dst[i] = int32(f & math.MaxUint32)
	}
}

// visit adds the points in a box that are nearer than the limit to the candidates.
// Once there are twice as many as wanted it keeps the best; the last of them is the
// new limit.
func (g *Grouper) visit(level, i int, p [3]float32, want int) {
	t := &g.tree
	if candidate(t.levels[level][i].distance(p), 0) > g.limit {
		return
	}
	if level > 0 {
		from, to := span(i, fan, len(t.levels[level-1]))
		for k := from; k < to; k++ {
			g.visit(level-1, k, p, want)
		}
		return
	}
	from, to := span(i, leafSize, len(t.index))
	x, y, z, index := t.x[from:to], t.y[from:to], t.z[from:to], t.index[from:to]
	n, limit := len(g.found), g.limit
	found := g.found[:n+leafSize]
	for s := range index {
		f := candidate(squared(x[s]-p[0], y[s]-p[1], z[s]-p[2]), index[s])
		found[n] = f // overwritten by the next one unless it counts: no branch
		if f < limit {
			n++
		}
	}
	if n >= 2*want {
		keepSmallest(found[:n], want)
		n = want
		g.limit = slices.Max(found[:n])
	}
	g.found = found[:n]
}

// keepSmallest reorders v so that its n smallest numbers come first (quickselect
// with the median of three). No number may come twice.
func keepSmallest(v []uint64, n int) {
	for len(v) > 8 && n < len(v) {
		a, b, c := v[0], v[len(v)/2], v[len(v)-1]
		pivot := max(min(a, b), min(max(a, b), c))
		left := 0 // numbers up to the pivot
		for i, f := range v {
			v[i], v[left] = v[left], f
			if f <= pivot {
				left++
			}
		}
		if n < left {
			v = v[:left]
		} else {
			v, n = v[left:], n-left
		}
	}
	if n < len(v) {
		slices.Sort(v)
	}
}
