package cli

import (
	"errors"
	"strconv"
	"strings"

	"m2pt/cpu"
	"m2pt/cuda"
	"m2pt/engine"
	"m2pt/experiment"
)

// OpenDevice opens the device that a config names. The caller closes it.
func (c *Command) OpenDevice(d experiment.Device) (engine.Device, error) {
	if name, ok := strings.CutPrefix(d.Name, "cuda"); ok {
		index, _ := strconv.Atoi(strings.TrimPrefix(name, ":")) // the config has checked it; none is 0
		dev, err := cuda.Open(index)
		if errors.Is(err, cuda.ErrNoDevice) {
			return nil, Misused("device %s: %v: choose cpu", d.Name, cuda.ErrNoDevice)
		}
		return dev, err
	}
	if d.Precision != "float32" {
		return nil, Misused("device.precision: is %q, but the cpu computes in float32: set that", d.Precision)
	}
	return cpu.Open(cpu.Options{Threads: d.Threads})
}
