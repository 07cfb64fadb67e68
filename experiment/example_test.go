package experiment_test

import (
	"fmt"

	"m2pt/experiment"
)

func ExampleLoad() {
	c, err := experiment.Load("testdata/good/aux.toml", []string{"train.batch=128", "optimizer.blr=0.002"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Model.EmbedDim, c.Model.Depth, c.Optimizer.LR)

	_, err = experiment.Load("testdata/good/aux.toml", []string{"train.batsh=128"})
	fmt.Println(err)
	// Output:
	// 384 6 0.001
	// -set train.batsh=128: train.batsh: unknown key "batsh"; did you mean "batch"?
}
