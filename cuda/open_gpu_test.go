//go:build m2ptcuda

package cuda_test

import (
	"runtime"
	"testing"

	"gorgonia.org/cu"
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

// taken is how much of the first GPU's memory is taken, in bytes, by whatever it runs.
func taken(t testing.TB, _ *cuda.Device) int {
	t.Helper()
	runtime.LockOSThread() // which the context is current on
	defer runtime.UnlockOSThread()
	first, err := cu.GetDevice(0)
	if err != nil {
		t.Fatal(err)
	}
	context, err := first.RetainPrimaryCtx()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := first.ReleasePrimaryCtx(); err != nil {
			t.Error(err)
		}
	}()
	if err := cu.SetCurrentContext(context); err != nil {
		t.Fatal(err)
	}
	free, total, err := cu.MemInfo()
	if err != nil {
		t.Fatal(err)
	}
	return int(total - free)
}
