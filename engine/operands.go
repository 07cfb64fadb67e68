package engine

import (
	"fmt"

	"m2pt/ops"
)

// CheckOperands fails where out is not what k infers from in. Devices call it before
// they bind a kernel.
func CheckOperands(k ops.Kind, in, out []Tensor) error {
	want, err := k.Infer(specsOf(in))
	if err != nil {
		return err
	}
	if len(out) != len(want) {
		return fmt.Errorf("%d outputs, want %d", len(out), len(want))
	}
	for i, s := range want {
		if !out[i].Spec.Equal(s) {
			return fmt.Errorf("output %d is %v, want %v", i, out[i].Spec, s)
		}
	}
	return nil
}

func specsOf(ts []Tensor) []ops.Spec {
	specs := make([]ops.Spec, len(ts))
	for i, t := range ts {
		specs[i] = t.Spec
	}
	return specs
}
