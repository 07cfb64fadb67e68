package main

import (
	"time"

	"m2pt/data"
	"m2pt/data/survey"
	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/train"
)

// progressEvery is how often a long pass says how far it is.
const progressEvery = 10 * time.Second

// reading are the options of a pass over a split.
func reading(c *cli.Command, cfg *experiment.Config, split train.Split, set data.Dataset) survey.Options {
	return survey.Options{Workers: train.Workers(cfg.Data), Progress: progress(c, split, set.Len())}
}

// progress logs every now and then how many samples of a split are done.
func progress(c *cli.Command, split train.Split, of int) func(done int) {
	last := time.Now()
	return func(done int) {
		if now := time.Now(); now.Sub(last) >= progressEvery {
			c.Log.Info("progress", "split", split, "samples", done, "of", of)
			last = now
		}
	}
}
