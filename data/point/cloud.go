package point

import (
	"fmt"
	"math"
	"slices"

	"m2pt/tokenizers/grouping"
)

// maxPoints bounds the points of a cloud.
const maxPoints = 1 << 24

// errTooMany is the error of reading on after maxPoints of them.
var errTooMany = fmt.Errorf("more than %d points", maxPoints)

// Cloud is a point cloud. Loading another one reuses its memory.
type Cloud struct {
	XYZ   []float32 // [n,3]
	Parts []int32   // [n] part of each point; empty where points have no labels

	file       []byte // last content
	mesh       mesh
	picks      []int32   // points to keep
	spare      []float32 // what XYZ and Parts were ahead of keep
	spareParts []int32
}

// Len returns n.
func (c *Cloud) Len() int { return len(c.XYZ) / 3 }

// Resize makes the cloud one of n points of any content, with or without parts.
func (c *Cloud) Resize(n int, parts bool) {
	c.XYZ = slices.Grow(c.XYZ[:0], 3*n)[:3*n]
	c.Parts = c.Parts[:0]
	if parts {
		c.Parts = slices.Grow(c.Parts, n)[:n]
	}
}

// clear removes all points.
func (c *Cloud) clear() { c.Resize(0, false) }

// add appends a point.
func (c *Cloud) add(x, y, z float64) {
	c.XYZ = append(c.XYZ, float32(x), float32(y), float32(z))
}

// check finds what no transform can work with.
func (c *Cloud) check() error {
	if n := c.Len(); n == 0 || n > maxPoints {
		return fmt.Errorf("%d points: want 1 to %d", n, maxPoints)
	}
	for i, v := range c.XYZ {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			return fmt.Errorf("point %d is at %v: remove points without a place", i/3, c.XYZ[i/3*3:][:3])
		}
	}
	return nil
}

// number picks n points, one after the other and over again, and returns the picks,
// which may be changed.
func (c *Cloud) number(n int) []int32 {
	c.picks = slices.Grow(c.picks[:0], n)[:n]
	for k := range c.picks {
		c.picks[k] = int32(k % c.Len())
	}
	return c.picks
}

// keep leaves the first n picks.
func (c *Cloud) keep(n int) {
	c.spare, c.XYZ = c.XYZ, c.spare
	c.spareParts, c.Parts = c.Parts, c.spareParts
	c.Resize(n, len(c.spareParts) > 0)
	for k, i := range c.picks[:n] {
		copy(c.XYZ[3*k:3*k+3], c.spare[3*i:])
	}
	for k := range c.Parts {
		c.Parts[k] = c.spareParts[c.picks[k]]
	}
}

// spread leaves the n points that farthest-point sampling from point start on picks
// first; a smaller cloud gets its points again.
func (c *Cloud) spread(g *grouping.Grouper, start, n int) error {
	if n == c.Len() {
		return nil
	}
	picks := c.number(n)
	if n < c.Len() {
		if err := g.SampleFrom(c.XYZ, start, picks); err != nil {
			return err
		}
	}
	c.keep(n)
	return nil
}
