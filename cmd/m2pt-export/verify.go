package main

import (
	"fmt"

	"m2pt/export"
	"m2pt/internal/cli"
	"m2pt/train"
)

// verify compares what was written with the model, and fails where they differ.
func verify(c *cli.Command, o options, m *train.Model) (*export.Report, error) {
	dev, err := c.OpenDevice(m.Config.Device)
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	r, err := export.Verify(m, o.out, dev)
	if err != nil {
		return nil, err
	}
	c.Printf("verified: max|λ| %g, max|Δ| %g of max|logit| %g\n", r.MaxLambda, r.MaxDelta, r.MaxLogit)
	if !r.OK() {
		return nil, fmt.Errorf("%s does not compute what %s does: max|Δ| %g is above %g of max|logit| %g", o.out, m.Path, r.MaxDelta, r.Tolerance, r.MaxLogit)
	}
	return &r, nil
}
