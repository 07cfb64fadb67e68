package grouping

import "fmt"

const (
	padding = 1e-3 // |p|² up to which FPS takes a point for padding
	unseen  = 1e10 // squared distance to the nearest pick before the first one
	never   = -1   // the same of a point that must not be picked
)

// Grouper finds the groups of clouds. Its zero value is ready; its memory grows
// with the largest cloud. It is not safe for concurrent use.
type Grouper struct {
	tree  tree
	near  []float32 // [N] squared distance to the nearest pick so far, in the order of the tree
	found []uint64  // candidates for the nearest points of a centre
	limit uint64    // what a candidate has to be below
}

// Group finds G centres of a cloud xyz [N,3] and the size = M points nearest to
// each: row g of dst [G,1+M] is the index of centre g and then those of its points,
// the nearest first, the centre itself among them. Coordinates must be finite.
func (g *Grouper) Group(xyz []float32, size int, dst []int32) error {
	n, row := len(xyz)/3, 1+size
	switch {
	case n == 0 || n*3 != len(xyz):
		return fmt.Errorf("group points: %d coordinates: want 3 for each of at least one point", len(xyz))
	case size < 1 || len(dst)%row != 0:
		return fmt.Errorf("group points: %d indices for groups of %d: want a multiple of %d", len(dst), size, row)
	case size > n:
		return fmt.Errorf("group points: groups of %d in a cloud of %d: choose smaller groups, or more points", size, n)
	}
	g.tree.build(xyz)
	g.begin(true)
	for pick := int32(0); len(dst) > 0; dst = dst[row:] {
		p := point(xyz, pick)
		dst[0] = pick
		g.nearest(pick, p, dst[1:row])
		pick = g.farthest(p)
	}
	return nil
}

// Sample writes the first len(dst) picks of FPS to dst.
func (g *Grouper) Sample(xyz []float32, dst []int32) error { return g.sample(xyz, 0, dst, true) }

// SampleFrom is FPS whose first pick is start and that takes no point for padding,
// with which the reference prepares ModelNet.
func (g *Grouper) SampleFrom(xyz []float32, start int, dst []int32) error {
	return g.sample(xyz, start, dst, false)
}

func (g *Grouper) sample(xyz []float32, start int, dst []int32, skipPadding bool) error {
	n := len(xyz) / 3
	if n*3 != len(xyz) || start < 0 || start >= n {
		return fmt.Errorf("sample points: start %d in %d coordinates: want 3 for each point, and a start among them", start, len(xyz))
	}
	g.tree.build(xyz)
	g.begin(skipPadding)
	for i, pick := 0, int32(start); i < len(dst); i++ {
		dst[i] = pick
		pick = g.farthest(point(xyz, pick))
	}
	return nil
}
