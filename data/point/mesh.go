package point

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"m2pt/internal/philox"
)

// MeshPoints is how many points a mesh becomes: as many as the reference keeps of
// ModelNet's.
const MeshPoints = 8192

// maxTriangles bounds the triangles of a mesh, which need more memory than their
// text.
const maxTriangles = 1 << 23

// mesh is a surface of triangles.
type mesh struct {
	vertices []float32 // [n,3]
	corners  [][3]int32
	area     []float64 // of all triangles up to each one
}

func (m *mesh) begin(vertices []float32) {
	m.vertices = append(m.vertices[:0], vertices...)
	m.corners, m.area = m.corners[:0], m.area[:0]
}

// addFace adds a polygon, given as the number of its corners and their vertices, as
// a fan of triangles.
func (m *mesh) addFace(line []byte) error {
	w, line := word(line)
	n, err := integer(w, 0, len(line)/2+1)
	if err != nil {
		return fmt.Errorf("corners: %w", err)
	}
	var fan [3]int32
	for i := range n {
		w, line = word(line)
		v, err := integer(w, 0, len(m.vertices)/3-1)
		if err != nil {
			return fmt.Errorf("corner %d: %w", i, err)
		}
		if i == 0 {
			fan[0] = int32(v)
		}
		fan[1], fan[2] = fan[2], int32(v)
		if len(m.corners) == maxTriangles {
			return fmt.Errorf("more than %d triangles", maxTriangles)
		}
		if i >= 2 {
			m.corners = append(m.corners, fan)
		}
	}
	return nil
}

// vertex returns vertex i.
func (m *mesh) vertex(i int32) [3]float64 {
	v := m.vertices[3*i:]
	return [3]float64{float64(v[0]), float64(v[1]), float64(v[2])}
}

// sample spreads MeshPoints points evenly over the surface: a triangle by its area,
// in it (1-√u) a + √u (1-v) b + √u v c with u and v uniform.
func (m *mesh) sample(seed uint64, dst *Cloud) error {
	total := m.measure()
	if !(total > 0) || math.IsInf(total, 0) {
		return fmt.Errorf("a mesh of %d triangles with area %g has no surface to take points from", len(m.corners), total)
	}
	r := philox.New(seed, "point/mesh", 0, 0)
	dst.clear()
	for range MeshPoints {
		at := r.Float64() * total
		i := sort.Search(len(m.area)-1, func(i int) bool { return m.area[i] > at })
		t := m.corners[i]
		a, b, c := m.vertex(t[0]), m.vertex(t[1]), m.vertex(t[2])
		u, v := math.Sqrt(r.Float64()), r.Float64()
		var p [3]float64
		for k := range p {
			p[k] = (1-u)*a[k] + u*(1-v)*b[k] + u*v*c[k]
		}
		dst.add(p[0], p[1], p[2])
	}
	return nil
}

// measure fills area and returns the whole.
func (m *mesh) measure() float64 {
	m.area = slices.Grow(m.area, len(m.corners))
	total := 0.0
	for _, t := range m.corners {
		a, b, c := m.vertex(t[0]), m.vertex(t[1]), m.vertex(t[2])
		var p, q [3]float64
		for k := range p {
			p[k], q[k] = b[k]-a[k], c[k]-a[k]
		}
		x, y, z := p[1]*q[2]-p[2]*q[1], p[2]*q[0]-p[0]*q[2], p[0]*q[1]-p[1]*q[0]
		total += math.Sqrt(x*x+y*y+z*z) / 2
		m.area = append(m.area, total)
	}
	return total
}
