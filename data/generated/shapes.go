package generated

import "math"

// shapes are figures of one colour, given as signed distances (negative inside)
// in a frame where they about fill the unit disk.
func shapes() []class {
	return []class{
		{"disk", func(x, y float64) float64 { return math.Hypot(x, y) - 0.85 }},
		{"ring", func(x, y float64) float64 { return math.Abs(math.Hypot(x, y)-0.7) - 0.2 }},
		{"square", func(x, y float64) float64 { return box(x, y, 0.72, 0.72) }},
		{"frame", func(x, y float64) float64 { return math.Abs(box(x, y, 0.62, 0.62)) - 0.17 }},
		{"triangle", func(x, y float64) float64 { return polygon(x, y, 3, 0.5) }},
		{"plus", func(x, y float64) float64 { return min(box(x, y, 0.95, 0.26), box(x, y, 0.26, 0.95)) }},
		{"bar", func(x, y float64) float64 { return box(x, y, 1, 0.27) }},
		{"crescent", func(x, y float64) float64 {
			return max(math.Hypot(x, y)-0.95, 0.8-math.Hypot(x-0.5, y))
		}},
		{"star", star},
		{"bars", func(x, y float64) float64 { return box(x, math.Abs(y)-0.55, 0.9, 0.22) }},
	}
}

// figure draws a figure at a random place, size and angle, and distractors.
func (s *scene) figure(distance func(x, y float64) float64) {
	radius := s.Range(0.5, 0.8)
	room := 1 - 0.85*radius
	cx, cy := s.Range(-room, room), s.Range(-room, room)
	sin, cos := math.Sincos(s.Range(-0.4, 0.4))
	spots := s.distractors()
	s.paint(func(x, y float64) float64 {
		dx, dy := (x-cx)/radius, (y-cy)/radius
		d := radius * distance(cos*dx+sin*dy, cos*dy-sin*dx)
		return max(s.edge(d), spots.share(s, x, y))
	})
}

// spots are small disks of ink that mean nothing.
type spots [3]struct{ x, y, r float64 }

// distractors draws up to three spots.
func (s *scene) distractors() (d spots) {
	for i := range s.IntN(len(d) + 1) {
		d[i].x, d[i].y, d[i].r = s.Range(-1, 1), s.Range(-1, 1), s.Range(0.06, 0.14)
	}
	return d
}

func (d *spots) share(s *scene, x, y float64) float64 {
	a := 0.0
	for _, p := range d {
		if p.r > 0 {
			a = max(a, s.edge(math.Hypot(x-p.x, y-p.y)-p.r))
		}
	}
	return a
}

// box is the distance to a box of half sides w and h (inside: to the nearest
// side, outside: the larger of the two offsets).
func box(x, y, w, h float64) float64 { return max(math.Abs(x)-w, math.Abs(y)-h) }

// polygon is the distance to the nearest side of a regular polygon of n sides
// whose inscribed circle has the given radius.
func polygon(x, y float64, n int, radius float64) float64 {
	sector := 2 * math.Pi / float64(n)
	angle := math.Mod(math.Atan2(x, -y)+4*math.Pi+sector/2, sector) - sector/2
	return math.Hypot(x, y)*math.Cos(sector/2-math.Abs(angle)) - radius
}

// star is a five-pointed star: the radius of its outline falls from 1 at the
// points to 0.42 between them.
func star(x, y float64) float64 {
	const sector = 2 * math.Pi / 5
	angle := math.Mod(math.Atan2(x, -y)+4*math.Pi, sector) / sector
	tip := math.Abs(2*angle - 1) // 1 at a point, 0 between two
	return math.Hypot(x, y) - 0.42/(1-0.58*tip)
}
