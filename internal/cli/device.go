package cli

import (
	"strings"

	"m2pt/cpu"
	"m2pt/engine"
	"m2pt/experiment"
)

// OpenDevice opens the device that a config names. The caller closes it.
func (c *Command) OpenDevice(d experiment.Device) (engine.Device, error) {
	if strings.HasPrefix(d.Name, "cuda") {
		return nil, Misused("device %s: this build has no CUDA: build with -tags m2ptcuda, or choose -device cpu", d.Name)
	}
	if d.Precision != "float32" {
		c.Log.Warn("the cpu computes in float32 whatever device.precision says", "precision", d.Precision)
	}
	return cpu.Open(cpu.Options{Threads: d.Threads})
}
