//go:build m2ptcuda

package cuda_test

import (
	"testing"

	"m2pt/cuda"
	"m2pt/engine"
)

const (
	caseElements = 0 // all cases of the conformance suite
	trainSteps   = 50
)

// variants are the devices that conform.
func variants(t *testing.T) map[string]*cuda.Device {
	return map[string]*cuda.Device{"float32": open(t, engine.Full), "bf16": open(t, engine.BF16)}
}

// open opens the first GPU.
func open(t testing.TB, store engine.Storage) *cuda.Device {
	t.Helper()
	d, err := cuda.Open(0, store)
	if err != nil {
		t.Fatal(err)
	}
	return closed(t, d)
}
