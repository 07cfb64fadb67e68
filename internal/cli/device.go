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
		return openCUDA(d, strings.TrimPrefix(name, ":"))
	}
	if d.Precision != "float32" {
		return nil, Misused("device.precision: is %q, but the cpu computes in float32: set that", d.Precision)
	}
	return cpu.Open(cpu.Options{Threads: d.Threads})
}

func openCUDA(d experiment.Device, index string) (engine.Device, error) {
	i, _ := strconv.Atoi(index) // the config has checked it; none is 0
	store := engine.Full
	if d.Precision == "bf16" {
		store = engine.BF16
	}
	dev, err := cuda.Open(i, store)
	switch {
	case errors.Is(err, cuda.ErrNoDevice):
		return nil, Misused("device %s: %v: choose cpu", d.Name, cuda.ErrNoDevice)
	case err != nil:
		return nil, err
	}
	return dev, nil
}
