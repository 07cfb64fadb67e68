package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	width       = 8         // float32 values in a YMM register
	vectorBytes = width * 4 // and its bytes
)

// loop is a loop over equally long slices.
type loop struct {
	turns int // steps of the unrolled main loop
	base  map[string]Register
	n     Register
	at    Register // bytes done
}

// lanes is one step of a loop: eight elements, or in the last step those that are left.
type lanes struct {
	*loop
	turn int        // of the unrolled main loop, to alternate accumulators
	disp int        // bytes beyond at
	mask VecVirtual // of the elements left, nil in a full step
}

// forEach prepares a loop over the named slice parameters, as long as the first.
func forEach(turns int, names ...string) *loop {
	l := &loop{turns: turns, base: map[string]Register{}, n: GP64(), at: GP64()}
	Load(Param(names[0]).Len(), l.n)
	for _, name := range names {
		l.base[name] = Load(Param(name).Base(), GP64())
	}
	XORQ(l.at, l.at)
	return l
}

// do writes the body three times: unrolled, for eight elements, and masked for
// the rest. Elements meet the same instructions in each, so that a slice may be
// cut anywhere.
func (l *loop) do(body func(lanes)) {
	if l.turns > 1 {
		l.whole("wide", l.turns, body)
	}
	l.whole("full", 1, body)
	TESTQ(l.n, l.n)
	JZ(LabelRef("done"))
	body(lanes{loop: l, mask: l.mask()})
	Label("done")
}

// whole runs steps of eight elements while there are enough for all turns.
func (l *loop) whole(name string, turns int, body func(lanes)) {
	Label(name)
	CMPQ(l.n, U32(turns*width))
	JL(LabelRef(name + "Done"))
	for u := range turns {
		body(lanes{loop: l, turn: u, disp: u * vectorBytes})
	}
	ADDQ(U32(turns*vectorBytes), l.at)
	SUBQ(U32(turns*width), l.n)
	JMP(LabelRef(name))
	Label(name + "Done")
}

// mask has the first n < 8 lanes set: a window into eight ones and eight zeros.
func (l *loop) mask() VecVirtual {
	at, off, m := GP64(), GP64(), YMM()
	LEAQ(table.at("ones"), at)
	MOVQ(U64(width), off)
	SUBQ(l.n, off)
	VMOVUPS(Mem{Base: at, Index: off, Scale: 4}, m)
	return m
}

func (l lanes) address(name string) Mem {
	return Mem{Base: l.base[name], Index: l.at, Scale: 1, Disp: l.disp}
}

// load returns the elements of a slice, zero where none is left.
func (l lanes) load(name string) VecVirtual {
	v := YMM()
	if l.mask == nil {
		VMOVUPS(l.address(name), v)
	} else {
		VMASKMOVPS(l.address(name), l.mask, v)
	}
	return v
}

// store writes the elements of a slice that are left.
func (l lanes) store(v VecVirtual, name string) {
	if l.mask == nil {
		VMOVUPS(v, l.address(name))
	} else {
		VMASKMOVPS(v, l.mask, l.address(name))
	}
}

// active zeroes the lanes past the end.
func (l lanes) active(v VecVirtual) VecVirtual {
	if l.mask != nil {
		VANDPS(l.mask, v, v)
	}
	return v
}

// or puts a constant into the lanes past the end.
func (l lanes) or(v VecVirtual, constant string) VecVirtual {
	if l.mask == nil {
		return v
	}
	w := YMM()
	VMOVUPS(table.at(constant), w)
	VBLENDVPS(l.mask, v, w, w)
	return w
}

// scalar copies a float32 parameter to all lanes.
func scalar(name string) VecVirtual { return broadcast(Param(name)) }

func broadcast(param gotypes.Component) VecVirtual {
	v := YMM()
	p, err := param.Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, v)
	return v
}

// zeros returns n cleared accumulators.
func zeros(n int) []VecVirtual {
	acc := make([]VecVirtual, n)
	for i := range acc {
		acc[i] = YMM()
		VXORPS(acc[i], acc[i], acc[i])
	}
	return acc
}

func addPS(from, to VecVirtual) { VADDPS(from, to, to) }
func addPD(from, to VecVirtual) { VADDPD(from, to, to) }

// fold combines accumulators and then their 32-bit lanes, in a fixed order, into
// lane 0.
func fold(acc []VecVirtual, combine func(from, to VecVirtual)) VecVirtual {
	v := foldHalves(acc, combine)
	t := YMM()
	VPERMILPS(Imm(0b01_00_11_10), v, t)
	combine(t, v)
	VPERMILPS(Imm(0b10_11_00_01), v, t)
	combine(t, v)
	return v
}

// foldHalves combines accumulators and the two 128-bit halves.
func foldHalves(acc []VecVirtual, combine func(from, to VecVirtual)) VecVirtual {
	for n := len(acc); n > 1; n /= 2 {
		for i := range n / 2 {
			combine(acc[i+n/2], acc[i])
		}
	}
	t := YMM()
	VPERM2F128(Imm(1), acc[0], acc[0], t)
	combine(t, acc[0])
	return acc[0]
}

func storeFloat(v VecVirtual, result string) { Store(v.AsX(), Return(result)) }

func returnFold(acc []VecVirtual, combine func(from, to VecVirtual)) {
	Store(fold(acc, combine).AsX(), ReturnIndex(0))
	finish()
}

func returnSum(acc []VecVirtual) { returnFold(acc, addPS) }

func returnSum64(acc []VecVirtual) {
	v := foldHalves(acc, addPD)
	t := YMM()
	VPERMILPD(Imm(0b0101), v, t)
	VADDPD(t, v, v)
	Store(v.AsX(), ReturnIndex(0))
	finish()
}

// finish returns; code compiled for SSE would run slowly with the upper halves
// in use.
func finish() {
	VZEROUPPER()
	RET()
}

// widen converts eight float32 to float64.
func widen(v VecVirtual) (lo, hi VecVirtual) {
	lo, hi = YMM(), YMM()
	upper := XMM()
	VEXTRACTF128(Imm(1), v, upper)
	VCVTPS2PD(v.AsX(), lo)
	VCVTPS2PD(upper, hi)
	return lo, hi
}
