package generated

import (
	"fmt"

	"m2pt/data/point"
	"m2pt/internal/philox"
)

// CloudOptions describe a generated set of point clouds.
type CloudOptions struct {
	Variant string // "shapes", ten classes of surfaces, or "parts", four of things made of parts
	Split   string // any name: "train", "val", "test"
	Count   int    // number of clouds, classes in turn
	Points  int    // of each cloud
	Seed    uint64
}

// Clouds is a point.Source of procedural clouds, which of parts is a
// point.PartSource.
type Clouds struct {
	opt     CloudOptions
	purpose string
	classes []solidClass
	parts   [][]int32
}

// solidClass is a kind of surface: at is a random point of it and its part, counted
// within the class.
type solidClass struct {
	name  string
	parts int
	at    func(s *solid) (p vector, part int)
}

// NewClouds returns the clouds that opt describes.
func NewClouds(opt CloudOptions) (*Clouds, error) {
	c := &Clouds{opt: opt, purpose: "generated/clouds/" + opt.Variant + "/" + opt.Split}
	switch opt.Variant {
	case "shapes":
		c.classes = solids()
	case "parts":
		c.classes = things()
	default:
		return nil, fmt.Errorf("generated clouds: variant %q: want shapes or parts", opt.Variant)
	}
	if opt.Points < 1 || opt.Points > 1<<20 || opt.Count < 1 {
		return nil, fmt.Errorf("generated clouds: %d points, count %d: want 1 to %d points and at least one cloud", opt.Points, opt.Count, 1<<20)
	}
	next := int32(0)
	for _, class := range c.classes {
		var own []int32
		for range class.parts {
			own = append(own, next)
			next++
		}
		c.parts = append(c.parts, own)
	}
	return c, nil
}

// Len returns Count.
func (c *Clouds) Len() int { return c.opt.Count }

// Classes returns the class names.
func (c *Clouds) Classes() []string {
	names := make([]string, len(c.classes))
	for i, class := range c.classes {
		names[i] = class.name
	}
	return names
}

// Parts returns the parts of the classes; shapes have one each.
func (c *Clouds) Parts() [][]int32 { return c.parts }

// Name returns variant, split and number.
func (c *Clouds) Name(i int) string { return fmt.Sprintf("%s/%d", c.purpose, i) }

// Load makes cloud i. It never fails.
func (c *Clouds) Load(i int, dst *point.Cloud) (int32, error) {
	label := i % len(c.classes)
	class, parts := &c.classes[label], c.parts[label]
	s := solid{Rand: philox.New(c.opt.Seed, c.purpose, 0, uint64(i))}
	s.begin()
	if class.parts > 1 {
		s.stray = 0 // a stray point is of no part
	}
	dst.Resize(c.opt.Points, true)
	for k := range dst.Parts {
		p, part := class.at(&s)
		if s.Float64() < s.stray {
			p = vector{s.Range(-1, 1), s.Range(-1, 1), s.Range(-1, 1)}
		}
		p = s.place(p)
		for axis, v := range p {
			dst.XYZ[3*k+axis] = float32(v)
		}
		dst.Parts[k] = parts[part]
	}
	return int32(label), nil
}

// vector is a point or a direction.
type vector [3]float64

// solid is a thing being made: its surface lies within about -1..1 on each axis,
// until it is placed.
type solid struct {
	philox.Rand
	sizes [4]float64 // proportions of its own, around 1
	pose  [3]vector  // stretches the axes, then turns
	shift vector
	stray float64 // share of the points that are anywhere
}

// begin draws everything about a thing but its points.
func (s *solid) begin() {
	for i := range s.sizes {
		s.sizes[i] = s.Range(0.75, 1.3)
	}
	s.pose = s.rotation()
	size := s.Range(0.6, 1.2)
	for k := range s.shift {
		stretch := size * s.Range(0.65, 1.35)
		for i := range s.pose {
			s.pose[i][k] *= stretch
		}
		s.shift[k] = s.Range(-0.3, 0.3)
	}
	s.stray = s.Range(0, 0.06)
}

// rotation returns a matrix of a uniformly random rotation, that of a unit
// quaternion w + xi + yj + zk.
func (s *solid) rotation() [3]vector {
	w, x, y, z := s.Norm(), s.Norm(), s.Norm(), s.Norm()
	n := 2 / (w*w + x*x + y*y + z*z)
	return [3]vector{
		{1 - n*(y*y+z*z), n * (x*y - w*z), n * (x*z + w*y)},
		{n * (x*y + w*z), 1 - n*(x*x+z*z), n * (y*z - w*x)},
		{n * (x*z - w*y), n * (y*z + w*x), 1 - n*(x*x+y*y)},
	}
}

// place puts a point where the thing's pose takes it, within the noise of a scan.
func (s *solid) place(p vector) (q vector) {
	const noise = 0.025
	bits := s.Uint64()
	for i, row := range s.pose {
		u := float64(bits>>(21*i)&0x1fffff)/(1<<20) - 1 // -1..1
		q[i] = row[0]*p[0] + row[1]*p[1] + row[2]*p[2] + s.shift[i] + noise*u
	}
	return q
}
