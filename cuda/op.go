package cuda

import (
	"m2pt/engine"
	"m2pt/ops"
)

// op is how the device runs a kind: how it keeps the operands, and what it launches.
//
// in and out have a letter for each operand:
//
//	a  an activation, its gradient or a working weight: in the device's precision
//	=  as input 0 is kept already
//	f  in full; operands without a letter are, too, and all that is not float32
type op struct {
	in, out string
	bind    func(*call)
}

// lookup is the op of a kind, nil where the device has none.
func lookup(k ops.Kind) *op {
	for _, group := range []func(ops.Kind) *op{
		layerOp, fusedOp, normOp, attentionOp, tokenOp, entryOp, pixelOp, pointOp, lossOp, randomOp, updateOp,
	} {
		if o := group(k); o != nil {
			return o
		}
	}
	return nil
}

// Storage tells how k keeps its operands.
func (d *Device) Storage(k ops.Kind, in []engine.Storage) (want, out []engine.Storage) {
	o := lookup(k)
	if o == nil { // Kernel refuses k
		return nil, nil
	}
	kept := func(letters string) (list []engine.Storage) {
		for _, l := range letters {
			list = append(list, map[rune]engine.Storage{'a': d.store, '=': in[0], 'f': engine.Full}[l])
		}
		return list
	}
	return kept(o.in), kept(o.out)
}
