package cli

import (
	"os"
	"slices"
	"strings"

	"m2pt/experiment"
)

// Experiment are the flags that choose and change an experiment.
type Experiment struct {
	Config string   // path of the TOML file
	Set    []string // KEY=VALUE
	Device string   // empty: what the config says
}

// ExperimentFlags adds -config, -set and -device. Their values are valid in
// [Command.Main].
func (c *Command) ExperimentFlags(config string) *Experiment {
	e := c.ConfigFlags(config)
	c.Flags.StringVar(&e.Device, "device", "", "compute on `DEVICE`: cpu, cuda or cuda:INDEX (default: the config's)")
	return e
}

// ConfigFlags adds -config and -set alone, for commands that compute nothing.
func (c *Command) ConfigFlags(config string) *Experiment {
	e := &Experiment{}
	c.Flags.StringVar(&e.Config, "config", "", config)
	c.Flags.Func("set", "change a key of the config, `KEY=VALUE`, such as train.epochs=3; repeatable, the last one wins;\n"+
		"aux.KEY=VALUE reaches the auxiliary experiment; paths are relative to the working directory", func(s string) error {
		e.Set = append(e.Set, s)
		return nil
	})
	return e
}

// Overrides are the -set entries and after them, because they win, those that
// other flags stand for.
func (e *Experiment) Overrides(flags ...string) []string {
	all := append(slices.Clone(e.Set), flags...)
	if e.Device != "" {
		all = append(all, "device.name="+e.Device)
	}
	return all
}

// CheckData returns a usage error that lists the data of cfg that is not there;
// weights do not count.
func CheckData(cfg *experiment.Config) error {
	lines := slices.DeleteFunc(cfg.Missing(), func(line string) bool {
		return !strings.HasPrefix(line, "data.") && !strings.HasPrefix(line, "audio.")
	})
	if len(lines) == 0 {
		return nil
	}
	return &experiment.UsageError{Problems: lines}
}

// Missing lists the data and weights that training cfg needs and that are not
// there, those of auxiliary experiments included where they have yet to run.
func Missing(cfg *experiment.Config) []string {
	lines := cfg.Missing()
	for i := range cfg.Pathway {
		aux := cfg.Aux(i)
		if aux == nil {
			continue
		}
		if _, err := os.Stat(aux.Output); err == nil {
			continue // its result, or an error that says more
		}
		for _, line := range Missing(aux) {
			lines = append(lines, "aux."+line)
		}
	}
	return lines
}
