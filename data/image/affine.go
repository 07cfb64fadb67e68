package image

import "math"

// affine says where a pixel comes from: the point (x, y) of the result is the
// point (m[0]x + m[1]y + m[2], m[3]x + m[4]y + m[5]) of the source. Pixel
// centres are at halves.
type affine [6]float64

// at maps a point. Each product is rounded before it is added, as in Pillow.
func (m *affine) at(x, y float64) (sx, sy float64) {
	return float64(m[0]*x) + float64(m[1]*y) + m[2], float64(m[3]*x) + float64(m[4]*y) + m[5]
}

// rotation turns by degrees, at most 45 either way, counter-clockwise around the
// centre. Sine and cosine are rounded to 15 places, as in Pillow.
func rotation(degrees float64, w, h int) affine {
	if degrees < 0 {
		degrees += 360
	}
	pi := math.Pi // a variable: constants would divide exactly
	sin, cos := sincos(-degrees * (pi / 180))
	m := affine{round15(cos), round15(sin), 0, round15(-sin), round15(cos), 0}
	cx, cy := float64(w)/2, float64(h)/2
	x, y := m.at(-cx, -cy)
	m[2], m[5] = x+cx, y+cy
	return m
}

// sincos is for angles within an eighth turn of 0 or -2 pi: the sums of Taylor,
// their first terms in twice the precision. math.Sincos errs in the last bit too
// often to round to the same 15 places as C's functions.
func sincos(x float64) (sin, cos float64) {
	const turn = 0x1.921fb54442d18p+2 // 2 pi as a float64
	low := 0.0                        // the angle is x + low
	if x < -math.Pi {
		x, low = x+turn, 2*math.Pi-turn
	}
	z := float64(x * x)
	half := z / 2
	lost := math.FMA(x, x, -z)/2 + x*low // of half
	high := 1 - half
	s := -1./6 + z*(1./120+z*(-1./5040+z*(1./362880+z*(-1./39916800+z*(1./6227020800-z*(1./1307674368000))))))
	c := 1./24 + z*(-1./720+z*(1./40320+z*(-1./3628800+z*(1./479001600+z*(-1./87178291200+z*(1./20922789888000))))))
	return x + (x*z*s + low*high), high + ((1 - high - half) - lost + z*z*c)
}

// round15 rounds x, at most 1 in size, to 15 decimal places, halves to even.
func round15(x float64) float64 {
	const scale = 1e15
	p := float64(x * scale)
	n := math.RoundToEven(p)
	switch rest := math.FMA(x, scale, -p); { // x*scale = p + rest exactly
	case p-n == 0.5 && rest > 0:
		n++
	case p-n == -0.5 && rest < 0:
		n--
	}
	return n / scale
}

// transform carries m out; pixels from outside become fill.
func (c *Canvas) transform(m affine, f Filter, fill [3]uint8) {
	n := c.W * c.H
	c.source = grow(c.source, 3*n)
	for i, plane := range c.Planes {
		copy(c.source[i*n:(i+1)*n], plane)
	}
	s := sampler{w: c.W, h: c.H}
	read := s.bicubic
	if f == Bilinear {
		read = s.bilinear
	}
	for i := range n {
		x, y := m.at(float64(i%c.W)+0.5, float64(i/c.W)+0.5)
		inside := x >= 0 && x < float64(c.W) && y >= 0 && y < float64(c.H)
		if inside {
			s.move(x-0.5, y-0.5)
		}
		for k, plane := range c.Planes {
			if plane[i] = fill[k]; inside {
				plane[i] = read(c.source[k*n : (k+1)*n])
			}
		}
	}
}

// sampler interpolates planes [h,w] at one point. Outside of a plane the nearest
// pixel counts.
type sampler struct {
	w, h   int
	column [4]int  // of the pixels around the point, -1 to 2 from its own
	row    [4]int  // likewise, offsets of the rows
	dx, dy float64 // the point from column[1] and row[1] on
}

// move sets the point, with pixel centres at integers.
func (s *sampler) move(x, y float64) {
	fx, fy := math.Floor(x), math.Floor(y)
	s.dx, s.dy = x-fx, y-fy
	for k := range 4 {
		s.column[k] = min(max(int(fx)+k-1, 0), s.w-1)
		s.row[k] = min(max(int(fy)+k-1, 0), s.h-1) * s.w
	}
}

// bilinear interpolates from four pixels, truncating the result.
func (s *sampler) bilinear(plane []uint8) uint8 {
	var v [2]float64
	for k := range v {
		row := plane[s.row[k+1]:]
		v[k] = line(float64(row[s.column[1]]), float64(row[s.column[2]]), s.dx)
	}
	return uint8(line(v[0], v[1], s.dy))
}

func line(a, b, t float64) float64 { return a + float64((b-a)*t) }

// bicubic interpolates from sixteen pixels, clipping and truncating the result.
// A direction in which the point lies on a pixel needs no interpolation.
func (s *sampler) bicubic(plane []uint8) uint8 {
	if s.dy == 0 {
		return truncate(s.across(plane[s.row[1]:]))
	}
	return truncate(cubic(s.across(plane[s.row[0]:]), s.across(plane[s.row[1]:]),
		s.across(plane[s.row[2]:]), s.across(plane[s.row[3]:]), s.dy))
}

// across interpolates within a row.
func (s *sampler) across(row []uint8) float64 {
	if s.dx == 0 {
		return float64(row[s.column[1]])
	}
	return cubic(float64(row[s.column[0]]), float64(row[s.column[1]]),
		float64(row[s.column[2]]), float64(row[s.column[3]]), s.dx)
}

// cubic is the curve with a = -1 through b (t = 0) and c (t = 1), without fused
// products, in Pillow's order.
func cubic(a, b, c, d, t float64) float64 {
	p2, p3, p4 := c-a, float64(2*(a-b))+c-d, b-a-c+d
	return b + float64(t*(p2+float64(t*(p3+float64(t*p4)))))
}

func truncate(v float64) uint8 {
	switch {
	case v <= 0:
		return 0
	case v >= 255:
		return 255
	}
	return uint8(v)
}
