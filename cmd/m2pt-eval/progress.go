package main

import (
	"time"

	"m2pt/internal/cli"
	"m2pt/train"
)

// progress shows an evaluation sample by sample.
type progress struct {
	*cli.Progress
	at   train.Progress
	last time.Time
}

func newProgress(c *cli.Command, samples int) *progress {
	return &progress{c.Progress(), train.Progress{Run: "evaluate", Steps: int64(samples), Samples: 1}, time.Now()}
}

func (p *progress) sample(s train.Prediction) {
	now := time.Now()
	p.at.Step++
	p.at.Loss, p.at.Total = float64(s.Loss), now.Sub(p.last)
	p.last = now
	p.Step(p.at)
}
