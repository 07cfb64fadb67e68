//go:build m2ptemu

package kernels_test

import (
	"testing"

	"m2pt/cuda/kernels"
	"m2pt/cuda/kernels/emu"
)

// TestTable compares what the sources say with what was compiled.
func TestTable(t *testing.T) {
	table := map[string]emu.Kernel{}
	for _, k := range kernels.Emulated() {
		table[k.Name] = k
	}
	if len(table) != len(kernels.All()) {
		t.Errorf("%d kernels are compiled, the sources have %d", len(table), len(kernels.All()))
	}
	for _, k := range kernels.All() {
		if c, ok := table[k.Name]; !ok || c.Threads != k.Threads || len(c.Params) != k.Params {
			t.Errorf("%s in %s: %d threads, %d parameters; compiled as %v", k.Name, k.Source, k.Threads, k.Params, c)
		}
	}
}
