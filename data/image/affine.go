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
// often to round to the same 15 places as C's functions. These differ from C's at
// one angle in 700.
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
	for k, plane := range c.Planes {
		copy(c.source[k*n:], plane)
	}
	s := sampler{w: c.W, h: c.H}
	i := 0
	for y := range c.H {
		for x := range c.W {
			sx, sy := m.at(float64(x)+0.5, float64(y)+0.5)
			switch {
			case !(sx >= 0 && sx < float64(c.W) && sy >= 0 && sy < float64(c.H)):
				c.set(i, fill[0], fill[1], fill[2])
			case f != Bicubic:
				s.move(sx-0.5, sy-0.5)
				c.set(i, s.bilinear(c.source), s.bilinear(c.source[n:]), s.bilinear(c.source[2*n:]))
			default:
				s.move(sx-0.5, sy-0.5)
				c.set(i, s.bicubic(c.source), s.bicubic(c.source[n:]), s.bicubic(c.source[2*n:]))
			}
			i++
		}
	}
}

// set writes pixel i.
func (c *Canvas) set(i int, r, g, b uint8) {
	c.Planes[0][i], c.Planes[1][i], c.Planes[2][i] = r, g, b
}

// sampler interpolates planes [h,w] at one point. Outside of a plane the nearest
// pixel counts.
type sampler struct {
	w, h   int
	column [4]int  // of the pixels around the point, -1 to 2 from its own
	row    [4]int  // likewise, offsets of the rows
	dx, dy float64 // the point from column[1] and row[1] on
}

// move sets the point, at least -0.5 either way, with pixel centres at integers.
func (s *sampler) move(x, y float64) {
	ix, iy := int(x), int(y)
	if x < 0 {
		ix = -1
	}
	if y < 0 {
		iy = -1
	}
	s.dx, s.dy = x-float64(ix), y-float64(iy)
	for k := range 4 {
		s.column[k] = min(max(ix+k-1, 0), s.w-1)
		s.row[k] = min(max(iy+k-1, 0), s.h-1) * s.w
	}
}

// bilinear interpolates from four pixels, truncating the result.
func (s *sampler) bilinear(plane []uint8) uint8 {
	a, b := plane[s.row[1]:], plane[s.row[2]:]
	left, right := s.column[1], s.column[2]
	above := line(float64(a[left]), float64(a[right]), s.dx)
	below := line(float64(b[left]), float64(b[right]), s.dx)
	return uint8(line(above, below, s.dy))
}

func line(a, b, t float64) float64 { return a + float64((b-a)*t) }

// bicubic interpolates from sixteen pixels, clipping and truncating the result,
// with the kernel of a = -1. Where the point lies on a row, that row is all.
func (s *sampler) bicubic(plane []uint8) uint8 {
	b := s.across(plane[s.row[1]:])
	if s.dy != 0 {
		a, c, d := s.across(plane[s.row[0]:]), s.across(plane[s.row[2]:]), s.across(plane[s.row[3]:])
		b = cubic(b, c-a, float64(2*(a-b))+c-d, b-a-c+d, s.dy)
	}
	return clamp(int32(b))
}

// across interpolates within a row. Its differences are whole numbers, exact in
// whatever order.
func (s *sampler) across(row []uint8) float64 {
	b := int(row[s.column[1]])
	if s.dx == 0 {
		return float64(b)
	}
	a, c, d := int(row[s.column[0]]), int(row[s.column[2]]), int(row[s.column[3]])
	return cubic(float64(b), float64(c-a), float64(2*(a-b)+c-d), float64(b-a-c+d), s.dx)
}

// cubic is p1 + p2 t + p3 t^2 + p4 t^3, without fused products, as Pillow's is.
func cubic(p1, p2, p3, p4, t float64) float64 {
	return p1 + float64(t*(p2+float64(t*(p3+float64(t*p4)))))
}
