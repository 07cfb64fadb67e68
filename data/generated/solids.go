package generated

import "math"

// solids are surfaces that differ in what is flat, round or sharp about them and how
// it hangs together, not in size.
func solids() []solidClass {
	whole := func(name string, at func(s *solid) vector) solidClass {
		return solidClass{name, 1, func(s *solid) (vector, int) { return at(s), 0 }}
	}
	return []solidClass{
		whole("sphere", func(s *solid) vector { return s.ball(0.9) }),
		whole("box", func(s *solid) vector { return s.box(0.75, 0.75, 0.75) }),
		whole("cylinder", func(s *solid) vector {
			if s.Float64() < 0.3 {
				return s.disc(0.6, s.end(0.8))
			}
			return s.side(0.6, 0.6, -0.8, 0.8)
		}),
		whole("cone", func(s *solid) vector {
			if s.Float64() < 0.3 {
				return s.disc(0.8, -0.8)
			}
			return s.side(0.8, 0, -0.8, 0.8)
		}),
		whole("torus", func(s *solid) vector { return s.ring(0.7, 0.25, 1) }),
		whole("pyramid", pyramid),
		whole("helix", helix),
		whole("saddle", func(s *solid) vector {
			p := s.disc(1, 0)
			p[2] = 0.8 * (p[0]*p[0] - p[1]*p[1])
			return p
		}),
		whole("cross", func(s *solid) vector {
			p, k := s.side(0.12, 0.12, -1, 1), s.IntN(3)
			p[k], p[2] = p[2], p[k]
			return p
		}),
		whole("plates", func(s *solid) vector { return s.disc(0.85, s.end(0.5)) }),
	}
}

// pyramid has a square base and four sides that meet in a point.
func pyramid(s *solid) vector {
	p := vector{s.Range(-0.8, 0.8), s.Range(-0.8, 0.8), -0.7}
	if s.Float64() < 0.3 {
		return p
	}
	// A side is the square seen from above between its edge and the middle.
	p[2] = 0.7 - 1.4*max(math.Abs(p[0]), math.Abs(p[1]))/0.8
	return p
}

// helix is a wire wound around z.
func helix(s *solid) vector {
	const turns = 2.5
	t := s.Range(-1, 1)
	sin, cos := math.Sincos(turns * math.Pi * t)
	p := s.ball(0.06)
	return vector{p[0] + 0.7*cos, p[1] + 0.7*sin, p[2] + 0.9*t}
}

// things are put together of simple surfaces in proportions that vary.
func things() []solidClass {
	return []solidClass{
		{"lollipop", 2, func(s *solid) (vector, int) {
			size := s.sizes
			if s.Float64() < 0.6 {
				return s.ball(0.4 * size[0]).up(0.5), 0
			}
			return s.side(0.06*size[1], 0.06*size[1], -0.9*size[2], 0.5-0.4*size[0]), 1
		}},
		{"lamp", 3, func(s *solid) (vector, int) {
			size := s.sizes
			switch u := s.Float64(); {
			case u < 0.5:
				return s.side(0.55*size[0], 0.3*size[0], 0.3, 0.3+0.5*size[1]), 0
			case u < 0.7:
				return s.side(0.06, 0.06, -0.8*size[2], 0.3), 1
			}
			return s.disc(0.45*size[3], -0.8*size[2]), 2
		}},
		{"table", 2, func(s *solid) (vector, int) {
			size := s.sizes
			if s.Float64() < 0.55 {
				return s.box(0.75*size[0], 0.6*size[1], 0.05).up(0.4), 0
			}
			leg := s.side(0.06, 0.06, -0.6*size[2], 0.35)
			leg[0] += s.end(0.6 * size[0])
			leg[1] += s.end(0.5 * size[1])
			return leg, 1
		}},
		{"mug", 2, func(s *solid) (vector, int) {
			size := s.sizes
			r, h := 0.5*size[0], 0.6*size[1]
			switch u := s.Float64(); {
			case u < 0.2:
				return s.disc(r, -h), 0
			case u < 0.7:
				return s.side(r, r, -h, h), 0
			}
			// Half a ring, stood up beside the body.
			p := s.ring(0.35*size[2], 0.06, 0.5)
			return vector{r + p[1], p[2], p[0]}, 1
		}},
	}
}

// up moves a point along z.
func (v vector) up(z float64) vector { return vector{v[0], v[1], v[2] + z} }

// end is v or -v.
func (s *solid) end(v float64) float64 {
	if s.Uint32()&1 == 0 {
		return -v
	}
	return v
}

// ball is on a sphere around the origin.
func (s *solid) ball(radius float64) vector {
	z := s.Range(-1, 1)
	sin, cos := math.Sincos(s.Range(0, 2*math.Pi))
	r := radius * math.Sqrt(1-z*z)
	return vector{r * cos, r * sin, radius * z}
}

// box is on a box around the origin with these halves of its sides.
func (s *solid) box(x, y, z float64) vector {
	half := vector{x, y, z}
	k := 2 // the faces are those across axis k, by their area
	switch at := s.Range(0, x*y+y*z+z*x); {
	case at < y*z:
		k = 0
	case at < y*z+z*x:
		k = 1
	}
	var p vector
	for i, h := range half {
		p[i] = s.Range(-h, h)
	}
	p[k] = s.end(half[k])
	return p
}

// disc is on a disc across z.
func (s *solid) disc(radius, z float64) vector {
	sin, cos := math.Sincos(s.Range(0, 2*math.Pi))
	r := radius * math.Sqrt(s.Float64())
	return vector{r * cos, r * sin, z}
}

// side is on the side of a cone around z, whose radius goes from low to high.
func (s *solid) side(low, high, from, to float64) vector {
	// The share of the area up to t is (low t + (high-low) t²/2) / (low + high) * 2.
	t := s.Float64()
	if high != low {
		t = (low - math.Sqrt(low*low+t*(high*high-low*low))) / (low - high)
	}
	sin, cos := math.Sincos(s.Range(0, 2*math.Pi))
	r := low + (high-low)*t
	return vector{r * cos, r * sin, from + (to-from)*t}
}

// ring is on the first share of a torus around z.
func (s *solid) ring(radius, tube, share float64) vector {
	sin, cos := math.Sincos(s.Range(-math.Pi*share, math.Pi*share) + math.Pi/2)
	tubeSin, tubeCos := math.Sincos(s.Range(0, 2*math.Pi))
	r := radius + tube*tubeCos
	return vector{r * cos, r * sin, tube * tubeSin}
}
