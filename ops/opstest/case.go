package opstest

import (
	"fmt"
	"reflect"
	"slices"

	"m2pt/engine"
	"m2pt/internal/philox"
	"m2pt/ops"
)

// Case is a kind at work on operands of one shape.
type Case struct {
	Name string   // unique
	Kind ops.Kind // for float32
	in   []operand
}

// Cases are all cases: at least one for every kind of package ops.
func Cases() []Case {
	return slices.Concat(
		elementwise(), linear(), columns(), normalisation(), attention(), cosine(), windows(), softmax(), losses(),
		tokens(), entries(), points(), chamfer(), sequence(), reconstruction(), patches(), augmentation(), dropout(), pathway(), optimizer(), momentum(),
	)
}

// casts are cases of what plans have on a device that is an engine.Storer, beside kinds.
func casts() []Case {
	return []Case{
		{"cast/full", engine.Cast{To: engine.Full}, []operand{normal(5, 17)}},
		{"cast/full one", engine.Cast{To: engine.Full}, []operand{normal(1)}},
		{"cast/full large", engine.Cast{To: engine.Full}, []operand{normal(197, 193)}},
		{"cast/bf16", engine.Cast{To: engine.BF16}, []operand{normal(5, 17)}},
		{"cast/bf16 one", engine.Cast{To: engine.BF16}, []operand{normal(1)}},
		{"cast/bf16 large", engine.Cast{To: engine.BF16}, []operand{normal(197, 193)}},
	}
}

// inputs are the operands, floating-point ones in float64, with numbers that can be kept
// as s says, where it does.
func (c Case) inputs(s signature) []ops.Buf {
	var in []ops.Buf
	for i, o := range c.in {
		r := philox.New(1, c.Name, uint64(i), 0)
		b := o(&r, in)
		if s.in != nil {
			b = rounded(b, s.in[i].Store)
		}
		in = append(in, b)
	}
	return in
}

// do runs a kind's reference in the precision of its inputs.
func do(k ops.Kind, in []ops.Buf) []ops.Buf {
	var out []ops.Buf
	for _, s := range infer(k, specsOf(in)) {
		out = append(out, ops.NewBuf(s))
	}
	k.Do(in, out)
	return out
}

func infer(k ops.Kind, in []ops.Spec) []ops.Spec {
	out, err := k.Infer(in)
	if err != nil {
		panic(fmt.Sprintf("opstest: %v: %v", k, err)) // a mistake in the table
	}
	return out
}

func specsOf(bufs []ops.Buf) []ops.Spec {
	specs := make([]ops.Spec, len(bufs))
	for i, b := range bufs {
		specs[i] = b.Spec
	}
	return specs
}

// inFloat64 is the kind with every element type float32 in its attributes
// replaced.
func inFloat64(k ops.Kind) ops.Kind {
	v := reflect.New(reflect.TypeOf(k)).Elem()
	v.Set(reflect.ValueOf(k))
	widen(v)
	return v.Interface().(ops.Kind)
}

func widen(v reflect.Value) {
	if dt, ok := reflect.TypeAssert[ops.Dtype](v); ok {
		if dt == ops.Float32 {
			v.Set(reflect.ValueOf(ops.Float64))
		}
		return
	}
	if v.Kind() == reflect.Struct {
		for _, field := range v.Fields() {
			widen(field)
		}
	}
}
