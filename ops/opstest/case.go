package opstest

import (
	"fmt"
	"reflect"
	"slices"

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

// inputs are the operands, floating-point ones in float64.
func (c Case) inputs() []ops.Buf {
	var in []ops.Buf
	for i, o := range c.in {
		r := philox.New(1, c.Name, uint64(i), 0)
		in = append(in, o(&r, in))
	}
	return in
}

// do runs a kind's reference in the precision of its inputs.
func do(k ops.Kind, in []ops.Buf) []ops.Buf {
	specs, err := k.Infer(specsOf(in))
	if err != nil {
		panic(fmt.Sprintf("opstest: %v: %v", k, err)) // a mistake in the table
	}
	out := make([]ops.Buf, len(specs))
	for i, s := range specs {
		out[i] = ops.NewBuf(s)
	}
	k.Do(in, out)
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
