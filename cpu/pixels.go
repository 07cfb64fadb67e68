package cpu

import (
	"m2pt/ops"
)

// pixel is how pictures are stored.
type pixel interface{ uint8 | float32 }

// tables hold, for each channel, the number that every stored byte becomes.
type tables [][256]float32

// affine is a·v + b, one for each channel.
type affine struct{ a, b []float32 }

// numbers are an ops.Pixels made ready for C channels: tables for bytes, else
// the affine map.
func numbers(p ops.Pixels, C int, bytes bool) (tables, affine) {
	unit := 1.0
	if bytes {
		unit = 1.0 / 255
	}
	t, m := make(tables, C), affine{make([]float32, C), make([]float32, C)}
	for c := range C {
		a, b := unit, 0.0
		if p.Mean != nil {
			a, b = a/p.Std[c], -p.Mean[c]/p.Std[c]
		}
		m.a[c], m.b[c] = float32(a), float32(b)
		for v := range t[c] {
			t[c][v] = float32(a*float64(v) + b)
		}
	}
	return t, m
}

// converter turns a run of stored pixels of channel c into numbers.
type converter[P pixel] func(dst []float32, src []P, c int)

func (t tables) convert(dst []float32, src []uint8, c int) {
	table, dst := &t[c], dst[:len(src)]
	for i, v := range src {
		dst[i] = table[v]
	}
}

func (m affine) convert(dst, src []float32, c int) {
	a, b := m.a[c], m.b[c]
	if a == 1 && b == 0 {
		copy(dst, src)
		return
	}
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = a*v + b
	}
}

func (c call) normalize(k ops.Normalize) func() {
	t, m := numbers(k.Pixels, c.in[0].Shape[1], c.in[0].Dtype == ops.Uint8)
	if c.in[0].Dtype == ops.Uint8 {
		return normalize(c, t.convert)
	}
	return normalize(c, m.convert)
}

// normalize converts plane by plane.
func normalize[P pixel](c call, convert converter[P]) func() {
	x, y := ops.Of[P](c.in[0]), c.y(0)
	C := c.in[0].Shape[1]
	planes := c.in[0].Shape[0] * C
	n := len(x) / planes
	return c.rows(planes, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			convert(y[i*n:(i+1)*n], x[i*n:(i+1)*n], i%C)
		}
	})
}

func (c call) patches(k ops.Patches) func() {
	geo, _ := k.Geometry(c.in[0].Spec) // Infer has seen to the error
	t, m := numbers(k.Pixels, geo.C, c.in[0].Dtype == ops.Uint8)
	if c.in[0].Dtype == ops.Uint8 {
		return patches(c, k, geo, t.convert)
	}
	return patches(c, k, geo, m.convert)
}

// patches converts patch by patch, and in a patch row by row of each channel.
func patches[P pixel](c call, k ops.Patches, geo ops.Geometry, convert converter[P]) func() {
	x, y := ops.Of[P](c.in[0]), c.y(0)
	size, grid, kern := geo.Size, geo.Grid, k.Kernel
	N, entries := grid[0]*grid[1]*grid[2], last(c.out[0])
	patch := func(dst []float32, corner []P) { // corner: the patch's first pixel and on
		for ch := range geo.C {
			for dt := range kern[0] {
				at := (ch*size[0] + dt) * size[1] * size[2]
				for range kern[1] {
					convert(dst[:kern[2]], corner[at:at+kern[2]], ch)
					dst, at = dst[kern[2]:], at+size[2]
				}
			}
		}
	}
	c.reserve(entries)
	body := func(worker, lo, hi int) {
		for n := lo; n < hi; n++ {
			b, t, row, col := n/N, n/(grid[2]*grid[1])%grid[0], n/grid[2]%grid[1], n%grid[2]
			at := ((b*geo.C*size[0]+t*k.Stride[0])*size[1]+row*k.Stride[1])*size[2] + col*k.Stride[2]
			if dst := y[n*entries : (n+1)*entries]; k.ChannelsLast {
				channels := c.scratch[worker][:entries]
				patch(channels, x[at:])
				interleave(dst, channels, geo.C)
			} else {
				patch(dst, x[at:])
			}
		}
	}
	return func() { c.pool.Range(geo.B*N, max(grain/entries, 1), body) }
}

// interleave turns C channels one after another into pixels with theirs together.
func interleave(dst, src []float32, C int) {
	n := len(src) / C
	for ch := range C {
		for i, v := range src[ch*n : (ch+1)*n] {
			dst[i*C+ch] = v
		}
	}
}

// planes is how a tensor [B, C, ..., H, W] lies: pictures of H·W pixels, count
// of them to a sample.
type planes struct{ B, C, count, H, W int }

func planesOf(x ops.Buf) planes {
	s := x.Shape
	p := planes{B: s[0], C: s[1], H: s[len(s)-2], W: s[len(s)-1]}
	p.count = x.Len() / (p.B * p.H * p.W)
	return p
}

// box is a rectangle of pixels, cut to the picture.
type box struct{ top, bottom, left, right int }

func (p planes) box(v []int32) box {
	cut := func(at int32, size int) int { return min(max(int(at), 0), size) }
	return box{cut(v[0], p.H), cut(v[1], p.H), cut(v[2], p.W), cut(v[3], p.W)}
}

// mix treats a picture as a row: a sample's pictures are mixed with those of
// its partner from the end of the batch.
func (c call) mix() func() {
	x, lambda, boxes, y := c.x(0), c.x(1), ops.Of[int32](c.in[2]), c.y(0)
	p := planesOf(c.in[0])
	n := p.H * p.W
	return c.rows(p.B*p.count, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			b := i / p.count
			dst, src := y[i*n:(i+1)*n], x[i*n:(i+1)*n]
			partner := x[((p.B-1-b)*p.count+i%p.count)*n:][:n]
			if v := boxes[4*b:]; v[0] >= v[1] || v[2] >= v[3] {
				c.k.Combine(dst, lambda[b], src, 1-lambda[b], partner)
				continue
			}
			copy(dst, src)
			p.paste(dst, partner, p.box(boxes[4*b:]))
		}
	})
}

// paste copies the pixels of a box from one picture to another.
func (p planes) paste(dst, src []float32, b box) {
	for row := b.top; row < b.bottom; row++ {
		copy(dst[row*p.W:][b.left:b.right], src[row*p.W:][b.left:b.right])
	}
}

// erase treats a picture as a row.
func (c call) erase(k ops.Erase) func() {
	x, boxes, keys, y := c.x(0), ops.Of[int32](c.in[1]), ops.Of[int32](c.in[2]), c.y(0)
	p := planesOf(c.in[0])
	n := p.H * p.W
	return c.rows(p.B*p.count, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			b := i / p.count
			keepOrCopy(y[i*n:(i+1)*n], x[i*n:(i+1)*n])
			eraseBox(k, p, y[i*n:(i+1)*n], p.box(boxes[4*b:]), keys[2*b:], i%p.count)
		}
	})
}

// eraseBox erases the box of picture number plane of a sample.
func eraseBox(k ops.Erase, p planes, y []float32, b box, sample []int32, plane int) {
	level := float32(0)
	if k.Mode == "rand" {
		level = float32(k.Noise(sample, plane/(p.count/p.C)))
	}
	for row := b.top; row < b.bottom; row++ {
		for i := row*p.W + b.left; i < row*p.W+b.right; i++ {
			if k.Mode == "pixel" {
				level = float32(k.Noise(sample, plane*p.H*p.W+i))
			}
			y[i] = level
		}
	}
}
