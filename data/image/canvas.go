package image

import "m2pt/data"

// Canvas is a sample whose pixels are being changed, and the memory that takes.
// It is not safe for concurrent use.
//
// Its operations give, bit for bit, what Pillow's ImageOps, ImageEnhance and
// Image.transform give for an RGB picture.
type Canvas struct {
	W, H   int
	Planes [3][]uint8 // red, green, blue, [H,W] each

	source []uint8 // a copy of one plane, or of three
	own    []uint8 // the planes of Augment
}

// Augment changes a whole picture by each of the augments in turn.
func (c *Canvas) Augment(key data.Key, p *Picture, augments []Augment) {
	if len(augments) == 0 {
		return
	}
	c.own = grow(c.own, len(p.Pix))
	c.use(c.own, p.W, p.H)
	red, green, blue := c.Planes[0], c.Planes[1], c.Planes[2]
	for i := range red {
		rgb := p.Pix[3*i:][:3]
		red[i], green[i], blue[i] = rgb[0], rgb[1], rgb[2]
	}
	for _, a := range augments {
		a.Apply(key, c)
	}
	for i := range red {
		rgb := p.Pix[3*i:][:3]
		rgb[0], rgb[1], rgb[2] = red[i], green[i], blue[i]
	}
}

// use makes the planes [3,H,W] the canvas's pixels.
func (c *Canvas) use(pix []uint8, w, h int) {
	c.W, c.H = w, h
	for i := range c.Planes {
		c.Planes[i] = pix[i*w*h : (i+1)*w*h]
	}
}

// table maps old levels to new ones.
type table [256]uint8

func (t *table) apply(plane []uint8) {
	for i, v := range plane {
		plane[i] = t[v]
	}
}

// point replaces every level v by f(v).
func (c *Canvas) point(f func(v int) int) {
	var t table
	for v := range t {
		t[v] = clamp(int32(f(v)))
	}
	for _, plane := range c.Planes {
		t.apply(plane)
	}
}

func (c *Canvas) invert() { c.point(func(v int) int { return 255 - v }) }

// posterize keeps the highest bits of each level; 0 bits leave black.
func (c *Canvas) posterize(bits int) {
	c.point(func(v int) int { return v &^ (1<<(8-bits) - 1) })
}

// solarize inverts the levels from threshold on.
func (c *Canvas) solarize(threshold int) {
	c.point(func(v int) int {
		if v < threshold {
			return v
		}
		return 255 - v
	})
}

// solarizeAdd brightens the dark half.
func (c *Canvas) solarizeAdd(add int) {
	c.point(func(v int) int {
		if v < 128 {
			return v + add
		}
		return v
	})
}

// autoContrast stretches each colour to the whole range.
func (c *Canvas) autoContrast() {
	for _, plane := range c.Planes {
		lo, hi := uint8(255), uint8(0)
		for _, v := range plane {
			lo, hi = min(lo, v), max(hi, v)
		}
		if hi <= lo {
			continue
		}
		var t table
		scale := 255 / float64(hi-lo)
		offset := float64(-float64(lo) * scale)
		for v := range t {
			t[v] = clamp(int32(float64(float64(v)*scale) + offset))
		}
		t.apply(plane)
	}
}

// equalize makes the levels of each colour about equally frequent.
func (c *Canvas) equalize() {
	for _, plane := range c.Planes {
		var count [256]int
		highest := uint8(0)
		for _, v := range plane {
			count[v]++
			highest = max(highest, v)
		}
		step := (len(plane) - count[highest]) / 255
		if step == 0 {
			continue
		}
		var t table
		n := step / 2
		for v := range t {
			t[v] = uint8(min(n/step, 255))
			n += count[v]
		}
		t.apply(plane)
	}
}
