package grouping

import (
	"math"
	"slices"
)

const (
	leafSize = 16 // points of a leaf: looking at its box has to cost less than looking at them
	fan      = 4  // children of a box
)

// tree holds the points of a cloud, sorted along a space-filling curve and cut into
// leaves, runs of neighbours. Each leaf has a box around its points, each run of
// boxes a box around it, up to one box around all. A box tells how near its points
// can be at best: subtraction, product and sum are monotonic also when they are
// rounded, so boxes may be passed over without a change of result.
type tree struct {
	x, y, z []float32
	index   []int32 // in the cloud
	slot    []int32 // of each point of the cloud, among the sorted ones
	levels  [][]box // the leaves' boxes, those around them, ..., the one around all
	boxes   []box   // memory of the levels
	code    []uint32
	order   []int32
}

// box surrounds the points of a leaf, or some boxes.
type box struct {
	lo, hi [3]float32
	best   rank // the largest of the points inside
}

// point returns point i of a cloud.
func point(xyz []float32, i int32) [3]float32 { return [3]float32(xyz[3*i:]) }

// build sorts the points of xyz and makes their boxes.
func (t *tree) build(xyz []float32) {
	n := len(xyz) / 3
	for _, v := range []*[]float32{&t.x, &t.y, &t.z} {
		*v = slices.Grow((*v)[:0], n)[:n]
	}
	for _, v := range []*[]int32{&t.index, &t.slot, &t.order} {
		*v = slices.Grow((*v)[:0], n)[:n]
	}
	t.sort(xyz)
	for s, i := range t.index {
		t.x[s], t.y[s], t.z[s] = xyz[3*i], xyz[3*i+1], xyz[3*i+2]
		t.slot[i] = int32(s)
	}
	t.layout(n)
	for i := range t.levels[0] {
		t.levels[0][i] = t.around(span(i, leafSize, n))
	}
	for l := 1; l < len(t.levels); l++ {
		for i := range t.levels[l] {
			t.levels[l][i] = union(t.children(l, i))
		}
	}
}

// layout makes the levels for n points.
func (t *tree) layout(n int) {
	t.levels, t.boxes = t.levels[:0], t.boxes[:0]
	t.boxes = slices.Grow(t.boxes, 2*(n/leafSize)+8)
	for size := leafSize; len(t.levels) == 0 || len(t.levels[len(t.levels)-1]) > 1; size = fan {
		n = (n + size - 1) / size
		from := len(t.boxes)
		t.boxes = t.boxes[:from+n]
		t.levels = append(t.levels, t.boxes[from:])
	}
}

// span is part i of n things in parts of a size.
func span(i, size, n int) (from, to int) { return i * size, min((i+1)*size, n) }

// children returns the boxes in box i of a level above the leaves.
func (t *tree) children(level, i int) []box {
	below := t.levels[level-1]
	from, to := span(i, fan, len(below))
	return below[from:to]
}

// around returns the box around a range of slots.
func (t *tree) around(from, to int) box {
	b := box{lo: [3]float32{t.x[from], t.y[from], t.z[from]}}
	b.hi = b.lo
	for s := from + 1; s < to; s++ {
		for k, v := range [3]float32{t.x[s], t.y[s], t.z[s]} {
			b.lo[k], b.hi[k] = min(b.lo[k], v), max(b.hi[k], v)
		}
	}
	return b
}

// union returns the box around boxes.
func union(boxes []box) box {
	u := boxes[0]
	for i := range boxes {
		for k := range u.lo {
			u.lo[k], u.hi[k] = min(u.lo[k], boxes[i].lo[k]), max(u.hi[k], boxes[i].hi[k])
		}
	}
	return u
}

// distance returns a lower bound of the squared distances from p to the points in
// the box.
func (b *box) distance(p [3]float32) float32 {
	return squared(outside(p[0], b.lo[0], b.hi[0]), outside(p[1], b.lo[1], b.hi[1]), outside(p[2], b.lo[2], b.hi[2]))
}

// outside returns max(lo-v, v-hi, 0), how far v is from lo..hi. The bits of positive
// numbers are ordered as the numbers are, and comparing them takes no branch.
func outside(v, lo, hi float32) float32 {
	return math.Float32frombits(uint32(max(int32(math.Float32bits(lo-v)), int32(math.Float32bits(v-hi)), 0)))
}

// squared returns dx² + dy² + dz². The conversions keep compilers from fusing a
// product into a sum, which would round once instead of twice.
func squared(dx, dy, dz float32) float32 {
	return float32(float32(dx*dx)+float32(dy*dy)) + float32(dz*dz)
}

// The curve visits the places of a grid of 64 x 64 x 64 in Morton order: the bits of
// the three coordinates take turns.
const (
	gridBits  = 6
	digitBits = 3 * gridBits / 2 // of the two passes that sort by the code
)

// sort fills index with the points of xyz in the order of the curve: a radix sort of
// two passes.
func (t *tree) sort(xyz []float32) {
	var low, high [1 << digitBits]int32
	t.encode(xyz)
	for _, code := range t.code {
		low[code&(1<<digitBits-1)]++
		high[code>>digitBits]++
	}
	sumBefore(&low)
	sumBefore(&high)
	for i, code := range t.code {
		at := &low[code&(1<<digitBits-1)]
		t.order[*at] = int32(i)
		*at++
	}
	for _, i := range t.order {
		at := &high[t.code[i]>>digitBits]
		t.index[*at] = i
		*at++
	}
}

// sumBefore replaces each count by the sum of those before it.
func sumBefore(counts *[1 << digitBits]int32) {
	sum := int32(0)
	for i, n := range counts {
		counts[i] = sum
		sum += n
	}
}

// encode fills code with each point's place on the curve.
func (t *tree) encode(xyz []float32) {
	lo := [3]float32(xyz)
	hi := lo
	for i := 0; i < len(xyz); i += 3 {
		for k, v := range xyz[i : i+3] {
			lo[k], hi[k] = min(lo[k], v), max(hi[k], v)
		}
	}
	scale := float32(1<<gridBits) / max(hi[0]-lo[0], hi[1]-lo[1], hi[2]-lo[2], 1e-30)
	t.code = slices.Grow(t.code[:0], len(xyz)/3)[:len(xyz)/3]
	for i := range t.code {
		p := point(xyz, int32(i))
		t.code[i] = spread((p[0]-lo[0])*scale)<<2 | spread((p[1]-lo[1])*scale)<<1 | spread((p[2]-lo[2])*scale)
	}
}

// spread puts two zeros between the bits of a grid coordinate.
func spread(v float32) uint32 {
	b := uint32(min(max(int32(v), 0), 1<<gridBits-1))
	b = (b | b<<8) & 0x300f
	b = (b | b<<4) & 0x30c3
	return (b | b<<2) & 0x9249
}
