package experiment

import (
	"errors"
	"slices"
	"strings"
)

// Aux returns the experiment that makes the auxiliary of pathway i: its
// aux_config with its aux_set. It is nil where the pathway names a checkpoint
// instead, and on a Config that [Load] did not make.
func (c *Config) Aux(i int) *Config { return c.Pathway[i].experiment }

// WithJPEG returns c with the decoder that data.jpeg = "auto" stands for, in its
// auxiliary experiments too. Where no JPEG files are read, "auto" stays.
func (c *Config) WithJPEG(decoder string) *Config {
	d := *c
	if c.ReadsJPEG() && c.Data.JPEG == "auto" {
		d.Data.JPEG = decoder
	}
	d.Pathway = slices.Clone(c.Pathway)
	for i, p := range d.Pathway {
		if p.experiment != nil {
			d.Pathway[i].experiment = p.experiment.WithJPEG(decoder)
		}
	}
	return &d
}

// ReadsJPEG reports whether the samples may be JPEG files: those of pictures and of
// clips' frames.
func (c *Config) ReadsJPEG() bool {
	switch c.Tokenizer.Kind {
	case "image":
		return c.Data.Format == "folder" || c.Data.Format == "shards"
	case "video":
		return c.Data.Format != "generated"
	}
	return false
}

// auxiliaries loads the experiments that aux_config names; chain holds the
// files of the experiments that lead there, this one last.
func (l *loader) auxiliaries(chain []string) {
	for i := range l.config.Pathway {
		p := &l.config.Pathway[i]
		if p.AuxConfig == "" {
			continue
		}
		key := pathwayKey(i, len(l.config.Pathway)) + ".aux_config"
		at := l.position(key, chain[len(chain)-1])
		if why := missing(p.AuxConfig); why != "" {
			l.problem(at, key, why)
			continue
		}
		if file := identity(p.AuxConfig); slices.Contains(chain, file) {
			l.problem(at, key, "cycle: "+strings.Join(append(chain, file), " -> "))
			continue
		}
		experiment, err := load(p.AuxConfig, p.AuxSet, chain)
		if usage, ok := errors.AsType[*UsageError](err); ok {
			l.problems = append(l.problems, usage.Problems...)
			continue
		}
		p.experiment = experiment
	}
}
