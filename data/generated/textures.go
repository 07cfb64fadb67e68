package generated

import "math"

// textures are periodic patterns that fill the picture, given as the share of
// ink at a point (u, v) in periods; it is cut off at 0 and 1.
func textures() []class {
	return []class{
		{"rows", func(_, v float64) float64 { return wave(v) }},
		{"columns", func(u, _ float64) float64 { return wave(u) }},
		{"rising", func(u, v float64) float64 { return wave((u + v) * math.Sqrt2 / 2) }},
		{"falling", func(u, v float64) float64 { return wave((u - v) * math.Sqrt2 / 2) }},
		{"checks", checks},
		{"diamonds", func(u, v float64) float64 { return checks((u+v)*math.Sqrt2/2, (u-v)*math.Sqrt2/2) }},
		{"dots", func(u, v float64) float64 { return 4 * (0.42 - math.Hypot(fold(u), fold(v))) }},
		{"grid", func(u, v float64) float64 { return 5 * (0.2 - min(math.Abs(fold(u)), math.Abs(fold(v)))) }},
		{"zigzag", func(u, v float64) float64 { return wave(v + 1.2*math.Abs(fold(u/2))) }},
		{"bricks", func(u, v float64) float64 {
			course := math.Floor(v) / 2 // every other course is shifted by half a brick
			return 5 * (0.2 - min(math.Abs(fold(v)), 1.5*math.Abs(fold(u/1.5+course))))
		}},
	}
}

// pattern draws a pattern of random contrast with 3 to 6 periods across, and
// spots over it.
func (s *scene) pattern(share func(u, v float64) float64) {
	periods, contrast := s.Range(3, 6)/2, s.Range(0.2, 0.8)
	sin, cos := math.Sincos(s.Range(-0.3, 0.3))
	pu, pv := s.Range(0, 8), s.Range(0, 8)
	spots := s.distractors()
	s.paint(func(x, y float64) float64 {
		u, v := periods*(cos*x+sin*y)+pu, periods*(cos*y-sin*x)+pv
		ink := min(max(share(u, v), 0), 1)
		return max(0.5+contrast*(ink-0.5), spots.share(s, x, y))
	})
}

// wave is a stripe of period 1 with soft edges.
func wave(t float64) float64 { return 0.5 + 1.2*math.Sin(2*math.Pi*t) }

// checks is a chessboard of unit squares.
func checks(u, v float64) float64 { return 0.5 + 4*math.Sin(math.Pi*u)*math.Sin(math.Pi*v) }

// fold returns the signed distance from t to the nearest integer, -0.5..0.5.
func fold(t float64) float64 { return t - math.Round(t) }
