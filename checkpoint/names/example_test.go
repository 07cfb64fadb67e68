package names_test

import (
	"fmt"

	"m2pt/checkpoint"
	"m2pt/checkpoint/names"
)

// Weights of Hugging Face's VideoMAE become ours, and back.
func Example() {
	const attention = "videomae.encoder.layer.0.attention.attention."
	theirs, _ := checkpoint.Collect(
		checkpoint.New(attention+"query.weight", []int{1, 1}, []float32{1}),
		checkpoint.New(attention+"key.weight", []int{1, 1}, []float32{2}),
		checkpoint.New(attention+"value.weight", []int{1, 1}, []float32{3}),
		checkpoint.New(attention+"q_bias", []int{1}, []float32{4}),
		checkpoint.New(attention+"v_bias", []int{1}, []float32{5}),
	)
	source, _ := names.Detect(theirs)
	ours, unknown, _ := names.Read(theirs, source)
	fmt.Println(source, unknown)
	for x := range ours.All() {
		v, _ := x.Float32s()
		fmt.Println(x.Name, x.Shape, v)
	}
	again, _ := names.Write(ours, source)
	fmt.Println(again.Len())
	// Output:
	// hf-videomae []
	// blocks.0.attn.qkv.weight [3 1] [1 2 3]
	// blocks.0.attn.qkv.bias [3] [4 0 5]
	// 5
}
