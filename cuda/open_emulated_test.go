//go:build m2ptemu && !m2ptcuda

package cuda_test

import (
	"testing"

	"m2pt/cuda"
	"m2pt/cuda/emulated"
	"m2pt/engine"
)

// scale of the tests: emulated, a kernel is a thousand times slower than the processor.
const (
	caseElements = 50_000 // of the largest cases of the conformance suite
	trainSteps   = 6
)

// variants are the devices that conform: threads in their order, and in random ones.
func variants(t *testing.T) map[string]*cuda.Device {
	return map[string]*cuda.Device{
		"float32":  emulate(t, engine.Full, 0),
		"bf16":     emulate(t, engine.BF16, 0),
		"shuffled": emulate(t, engine.BF16, 11),
	}
}

func open(t testing.TB, store engine.Storage) *cuda.Device { return emulate(t, store, 0) }

// taken is how much of the memory is taken, in bytes.
func taken(_ testing.TB, d *cuda.Device) int { return d.Used() }

func emulate(t testing.TB, store engine.Storage, seed uint64) *cuda.Device {
	t.Helper()
	drv, err := emulated.Open(emulated.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return closed(t, cuda.New(drv, store))
}
