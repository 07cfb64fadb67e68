// Command gemm writes the assembly of the matrix product: the register tiles
// and the transpose that packs rows into panels.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	tileRows = 6  // rows of the largest tile: 6 x 2 accumulators leave 4 registers free
	lanes    = 8  // float32 values in a YMM register
	unroll   = 4  // steps of k in one turn of the main loop
	panel    = 16 // columns of a tile, the width of a packed panel
	size     = 4  // bytes of a float32
)

func main() {
	for h := 1; h <= tileRows; h++ {
		tile(h)
	}
	transpose()
	copyRows(panel)
	copyRows(tileRows)
	peak()
	Generate()
}

// tile writes tile<h>AVX2: c[h,16] = init[h,16] + sum over p of a[:,p] * b[p,:].
//
// Element (r,p) of a is a[r*rs+p*ps], so the same code walks rows (ps = 1) and
// packed strips (rs = 1). b is a packed panel [k,16]. Row r of init is
// init[r*ldi:]; ldi = 0 repeats one row: a bias, or zeros.
func tile(h int) {
	TEXT(fmt.Sprintf("tile%dAVX2", h), NOSPLIT,
		"func(k int, a []float32, rs, ps int, b, init []float32, ldi int, c []float32, ldc int)")
	Doc(fmt.Sprintf("tile%dAVX2 computes c[%d,16] = init + a*b; see tileFunc.", h, h))
	k := Load(Param("k"), GP64())
	rs, ps := stride("rs"), stride("ps")
	b := Load(Param("b").Base(), GP64())
	a := rows(Load(Param("a").Base(), GP64()), rs, h, 3)

	c := Load(Param("c").Base(), GP64())
	ldc := stride("ldc")
	prefetch(c, ldc, h)

	in := Load(Param("init").Base(), GP64())
	ldi := stride("ldi")
	acc := make([][2]VecVirtual, h)
	for r := range acc {
		for half := range acc[r] {
			acc[r][half] = YMM()
			VMOVUPS(Mem{Base: in, Disp: half * lanes * size}, acc[r][half])
		}
		if r+1 < h {
			ADDQ(ldi, in)
		}
	}

	step := func(disp int) {
		lo, hi := YMM(), YMM()
		VMOVUPS(Mem{Base: b, Disp: disp}, lo)
		VMOVUPS(Mem{Base: b, Disp: disp + lanes*size}, hi)
		for r := range acc {
			x := YMM()
			VBROADCASTSS(a.at(r), x)
			VFMADD231PS(lo, x, acc[r][0])
			VFMADD231PS(hi, x, acc[r][1])
		}
		a.advance(ps)
	}
	next := a.next(h)
	name := func(s string) string { return fmt.Sprintf("%s%d", s, h) }
	SUBQ(Imm(unroll), k)
	JL(LabelRef(name("tail")))
	Label(name("main"))
	for r := range h {
		PREFETCHT1(next(r))
	}
	for u := range unroll {
		step(u * panel * size)
	}
	ADDQ(I32(unroll*panel*size), b)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef(name("main")))
	Label(name("tail"))
	ADDQ(Imm(unroll), k)
	JZ(LabelRef(name("store")))
	Label(name("one"))
	step(0)
	ADDQ(Imm(panel*size), b)
	DECQ(k)
	JNZ(LabelRef(name("one")))

	Label(name("store"))
	for r := range acc {
		for half := range acc[r] {
			VMOVUPS(acc[r][half], Mem{Base: c, Disp: half * lanes * size})
		}
		if r+1 < h {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// prefetch asks for the h rows of a tile of c, which may lie on two cache lines
// each: with a short k, the stores would wait for them (q*k^T of an attention
// runs at half the speed).
func prefetch(c, ldc Register, h int) {
	row := GP64()
	MOVQ(c, row)
	for r := range h {
		PREFETCHT0(Mem{Base: row})
		PREFETCHT0(Mem{Base: row, Disp: (panel - 1) * size})
		if r+1 < h {
			ADDQ(ldc, row)
		}
	}
}

// stride loads a parameter counted in elements and turns it into bytes.
func stride(name string) Register {
	r := Load(Param(name), GP64())
	SHLQ(Imm(2), r)
	return r
}

// rowSet addresses rows a stride apart with one pointer for every few of them.
type rowSet struct {
	base  []Register
	step  Register
	three Register // three strides, nil when groups are smaller than four
	group int
}

// rows splits n rows that start at p into groups of 3 or 4 rows.
func rows(p, step Register, n, group int) rowSet {
	s := rowSet{base: []Register{p}, step: step, group: group}
	wide := GP64()
	if n > 3 {
		LEAQ(Mem{Base: step, Index: step, Scale: 2}, wide)
	}
	if group == 4 {
		s.three = wide
	}
	for len(s.base)*group < n {
		q := GP64()
		last := s.base[len(s.base)-1]
		if group == 4 {
			LEAQ(Mem{Base: last, Index: step, Scale: 4}, q)
		} else {
			LEAQ(Mem{Base: last, Index: wide, Scale: 1}, q)
		}
		s.base = append(s.base, q)
	}
	return s
}

// at is the address of row r.
func (s rowSet) at(r int) Mem {
	base := s.base[r/s.group]
	switch r % s.group {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: s.three, Scale: 1}
	default:
		return Mem{Base: base, Index: s.step, Scale: uint8(r % s.group)}
	}
}

// next is the address of row r of the n rows that follow: the next strip's, which the
// main loop asks for. Nothing else does in time, for a strip is read in pieces as long
// as a turn of the loop. They go to the second-level cache: rows whose distance is a
// multiple of 4 KiB would push each other out of the first.
func (s rowSet) next(n int) func(r int) Mem {
	var off []Register
	for i := range s.group {
		q := GP64()
		IMUL3Q(U32(uint32(n+i)), s.step, q)
		off = append(off, q)
	}
	return func(r int) Mem { return Mem{Base: s.base[r/s.group], Index: off[r%s.group], Scale: 1} }
}

// advance moves every row by a number of bytes.
func (s rowSet) advance(by Op) {
	for _, p := range s.base {
		ADDQ(by, p)
	}
}

// transpose writes transposeAVX2: dst[p*16+j] = src[j*ld+p] for j < 16 and
// p < n, n a multiple of 8, as pairs of 8x8 blocks.
func transpose() {
	TEXT("transposeAVX2", NOSPLIT, "func(dst, src []float32, ld, n int)")
	Doc("transposeAVX2 packs 16 rows of src into a panel; see transposeFunc. n is a multiple of 8.")
	dst := Load(Param("dst").Base(), GP64())
	src := Load(Param("src").Base(), GP64())
	ld := stride("ld")
	n := Load(Param("n"), GP64())
	s := rows(src, ld, panel, 4)
	SHRQ(Imm(3), n)
	JZ(LabelRef("done"))
	Label("block")
	for half := range 2 {
		transpose8x8(dst, s, half*lanes)
	}
	s.advance(Imm(lanes * size))
	ADDQ(I32(lanes*panel*size), dst)
	DECQ(n)
	JNZ(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// transpose8x8 sends rows first..first+7 of s to the columns first.. of dst.
// Each register starts as four values of row i beside four of row i+4, so that
// in-lane shuffles finish the work.
func transpose8x8(dst Register, s rowSet, first int) {
	for half := range 2 {
		var r [4]VecVirtual
		for i := range r {
			r[i] = YMM()
			lo, hi := s.at(first+i), s.at(first+i+4)
			lo.Disp, hi.Disp = half*4*size, half*4*size
			VBROADCASTF128(lo, r[i])
			VINSERTF128(Imm(1), hi, r[i], r[i])
		}
		lo01, hi01, lo23, hi23 := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPS(r[1], r[0], lo01)
		VUNPCKHPS(r[1], r[0], hi01)
		VUNPCKLPS(r[3], r[2], lo23)
		VUNPCKHPS(r[3], r[2], hi23)
		out := func(i int) Mem {
			return Mem{Base: dst, Disp: ((half*4+i)*panel + first) * size}
		}
		o := YMM()
		VUNPCKLPD(lo23, lo01, o)
		VMOVUPS(o, out(0))
		VUNPCKHPD(lo23, lo01, lo01)
		VMOVUPS(lo01, out(1))
		VUNPCKLPD(hi23, hi01, lo23)
		VMOVUPS(lo23, out(2))
		VUNPCKHPD(hi23, hi01, hi01)
		VMOVUPS(hi01, out(3))
	}
}

// copyRows writes copy<w>AVX2: dst[p*w+j] = src[p*stride+j] for j < w, p < n.
func copyRows(width int) {
	TEXT(fmt.Sprintf("copy%dAVX2", width), NOSPLIT, "func(dst, src []float32, stride, n int)")
	Doc(fmt.Sprintf("copy%dAVX2 packs n rows of %d; see copyFunc.", width, width))
	dst := Load(Param("dst").Base(), GP64())
	src := Load(Param("src").Base(), GP64())
	step := stride("stride")
	n := Load(Param("n"), GP64())
	TESTQ(n, n)
	JZ(LabelRef("done"))
	Label("row")
	for at := 0; at < width; {
		from, to := Mem{Base: src, Disp: at * size}, Mem{Base: dst, Disp: at * size}
		switch rest := width - at; {
		case rest >= lanes:
			x := YMM()
			VMOVUPS(from, x)
			VMOVUPS(x, to)
			at += lanes
		case rest >= 4:
			x := XMM()
			VMOVUPS(from, x)
			VMOVUPS(x, to)
			at += 4
		default: // two
			x := GP64()
			MOVQ(from, x)
			MOVQ(x, to)
			at += 2
		}
	}
	ADDQ(step, src)
	ADDQ(I32(int32(width*size)), dst)
	DECQ(n)
	JNZ(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// Chains of the peak measurement: more than the 8 or 10 that two units of latency
// 4 or 5 keep busy, and enough steps that the loop itself is free.
const (
	chains     = 12
	chainSteps = 8
)

// peak writes peakAVX2: n turns of independent FMA chains, in registers only.
func peak() {
	TEXT("peakAVX2", NOSPLIT, "func(n int)")
	Doc(fmt.Sprintf("peakAVX2 runs n turns of %d operations in %d independent FMA chains; see peakFunc.",
		chains*chainSteps*lanes*2, chains))
	n := Load(Param("n"), GP64())
	zero := YMM()
	VXORPS(zero, zero, zero)
	var chain [chains]VecVirtual
	for i := range chain {
		chain[i] = YMM()
		VXORPS(chain[i], chain[i], chain[i])
	}
	Label("turn")
	for range chainSteps {
		for _, c := range chain {
			VFMADD231PS(zero, zero, c)
		}
	}
	DECQ(n)
	JNZ(LabelRef("turn"))
	VZEROUPPER()
	RET()
}
