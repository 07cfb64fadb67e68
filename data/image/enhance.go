package image

// blend is base + factor*(v-base) in float32, clipped and truncated: v where
// factor is 1, base where it is 0, further away from base above 1.
func blend(base, v uint8, factor float32) uint8 {
	return clamp(int32(float32(base) + float32(factor*float32(int(v)-int(base)))))
}

// luma is the grey level of a colour (ITU-R 601-2, 16 fractional bits).
func luma(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}

// brightness blends with black.
func (c *Canvas) brightness(factor float32) { c.blendAll(0, factor) }

// contrast blends with the mean grey level.
func (c *Canvas) contrast(factor float32) {
	red, green, blue := c.colours()
	sum := 0
	for i, r := range red {
		sum += int(luma(r, green[i], blue[i]))
	}
	c.blendAll(uint8(float64(sum)/float64(len(red))+0.5), factor)
}

// blendAll blends every level with one base.
func (c *Canvas) blendAll(base uint8, factor float32) {
	c.point(func(v int) int { return int(blend(base, uint8(v), factor)) })
}

// color blends each pixel with its grey level.
func (c *Canvas) color(factor float32) {
	red, green, blue := c.colours()
	for i, r := range red {
		g, b := green[i], blue[i]
		base := luma(r, g, b)
		red[i], green[i], blue[i] = blend(base, r, factor), blend(base, g, factor), blend(base, b, factor)
	}
}

// colours returns the planes, of the same length in the compiler's eyes.
func (c *Canvas) colours() (red, green, blue []uint8) {
	n := len(c.Planes[0])
	return c.Planes[0], c.Planes[1][:n], c.Planes[2][:n]
}

// sharpness blends with the smoothed picture: the mean of nine neighbours, the
// middle one counted five times, rounded. The outermost pixels stay.
func (c *Canvas) sharpness(factor float32) {
	c.source = grow(c.source, c.W*c.H)
	for _, plane := range c.Planes {
		copy(c.source, plane)
		for y := 1; y < c.H-1; y++ {
			row := plane[y*c.W:][:c.W]
			above, here, below := c.source[(y-1)*c.W:][:c.W], c.source[y*c.W:][:c.W], c.source[(y+1)*c.W:][:c.W]
			left, middle := 0, column(above, here, below, 0) // sums of three rows
			for x := 0; x < c.W-1; x++ {
				right := column(above, here, below, x+1)
				if x > 0 {
					sum := left + middle + right + 4*int(here[x])
					row[x] = blend(uint8((2*sum+13)/26), here[x], factor)
				}
				left, middle = middle, right
			}
		}
	}
}

func column(above, here, below []uint8, x int) int {
	return int(above[x]) + int(here[x]) + int(below[x])
}
