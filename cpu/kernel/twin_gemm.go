package kernel

import "runtime"

// The plain twins of the register tiles: blocks of 4 x 4 sums.

// twinRows is the height of the twin's largest tile.
const twinRows = 4

// tileGo computes the four rows of a tile; see tileFunc.
func tileGo(k int, a []float32, rs, ps int, b, init []float32, ldi int, c []float32, ldc int) {
	for j := 0; j < panelCols; j += 4 {
		tile4x4(k, a, rs, ps, b[j:], init[j:], ldi, c[j:], ldc)
	}
}

func tile4x4(k int, a []float32, rs, ps int, b, init []float32, ldi int, c []float32, ldc int) {
	i0, i1, i2, i3 := (*[4]float32)(init), (*[4]float32)(init[ldi:]), (*[4]float32)(init[2*ldi:]), (*[4]float32)(init[3*ldi:])
	c00, c01, c02, c03 := i0[0], i0[1], i0[2], i0[3]
	c10, c11, c12, c13 := i1[0], i1[1], i1[2], i1[3]
	c20, c21, c22, c23 := i2[0], i2[1], i2[2], i2[3]
	c30, c31, c32, c33 := i3[0], i3[1], i3[2], i3[3]
	a1, a2, a3 := a[rs:], a[2*rs:], a[3*rs:]
	for p := range k {
		y := (*[4]float32)(b[p*panelCols:])
		x := a[p*ps]
		c00, c01, c02, c03 = c00+x*y[0], c01+x*y[1], c02+x*y[2], c03+x*y[3]
		x = a1[p*ps]
		c10, c11, c12, c13 = c10+x*y[0], c11+x*y[1], c12+x*y[2], c13+x*y[3]
		x = a2[p*ps]
		c20, c21, c22, c23 = c20+x*y[0], c21+x*y[1], c22+x*y[2], c23+x*y[3]
		x = a3[p*ps]
		c30, c31, c32, c33 = c30+x*y[0], c31+x*y[1], c32+x*y[2], c33+x*y[3]
	}
	*(*[4]float32)(c) = [4]float32{c00, c01, c02, c03}
	*(*[4]float32)(c[ldc:]) = [4]float32{c10, c11, c12, c13}
	*(*[4]float32)(c[2*ldc:]) = [4]float32{c20, c21, c22, c23}
	*(*[4]float32)(c[3*ldc:]) = [4]float32{c30, c31, c32, c33}
}

// tileRowsGo makes a tile of fewer rows.
func tileRowsGo(rows int) tileFunc {
	return func(k int, a []float32, rs, ps int, b, init []float32, ldi int, c []float32, ldc int) {
		for r := range rows {
			for j := 0; j < panelCols; j += 4 {
				tile1x4(k, a[r*rs:], ps, b[j:], init[r*ldi+j:], c[r*ldc+j:])
			}
		}
	}
}

func tile1x4(k int, a []float32, ps int, b, init, c []float32) {
	i := (*[4]float32)(init)
	c0, c1, c2, c3 := i[0], i[1], i[2], i[3]
	for p := range k {
		y, x := (*[4]float32)(b[p*panelCols:]), a[p*ps]
		c0, c1, c2, c3 = c0+x*y[0], c1+x*y[1], c2+x*y[2], c3+x*y[3]
	}
	*(*[4]float32)(c) = [4]float32{c0, c1, c2, c3}
}

func transposeGo(dst, src []float32, ld, n int) { copyColumns(dst, src, ld, n, panelCols) }

// peakGo runs ten scalar chains of a multiplication and an addition; see peakFunc.
func peakGo(n int) {
	var a, b, c, d, e, f, g, h, i, j float32
	x := float32(n)
	for range n * peakFlops / 20 {
		a, b, c, d, e = a*x+x, b*x+x, c*x+x, d*x+x, e*x+x
		f, g, h, i, j = f*x+x, g*x+x, h*x+x, i*x+x, j*x+x
	}
	runtime.KeepAlive(a + b + c + d + e + f + g + h + i + j)
}

func copyGo(width int) copyFunc {
	return func(dst, src []float32, stride, n int) { copyRows(dst, width, src, stride, n, width) }
}
