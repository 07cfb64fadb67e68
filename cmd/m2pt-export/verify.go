package main

import (
	"fmt"

	"m2pt/export"
	"m2pt/internal/cli"
	"m2pt/train"
)

// verify compares what was written with the model, and fails where they differ.
func verify(c *cli.Command, f export.Form, m *train.Trained) (*export.Report, error) {
	dev, err := c.OpenDevice(m.Config.Device)
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	r, err := export.Verify(m, f, dev)
	if err != nil {
		return nil, err
	}
	c.Printf("verified: max|λ| %g, max|Δ| %g of max|logit| %g, accepted up to %g of it\n", r.MaxLambda, r.MaxDelta, r.MaxLogit, r.Tolerance)
	if !r.OK() {
		return nil, fmt.Errorf("%s does not compute what %s does: max|Δ| %g is above %g of max|logit| %g", f.Out, m.Path, r.MaxDelta, r.Tolerance, r.MaxLogit)
	}
	return &r, nil
}
