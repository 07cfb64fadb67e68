package parity_test

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"

	"m2pt/cpu"
	"m2pt/parity"
)

// TestFixtures replays every fixture with the processor's vector instructions
// and with their portable twins. It is the last test of the package, by the name
// of its file, so that a verbose run ends with the tables of what was covered.
func TestFixtures(t *testing.T) {
	dir := folder(t)
	var tables strings.Builder
	for _, o := range []cpu.Options{{Portable: true}, {}} {
		dev := open(t, o)
		t.Run(dev.Name(), func(t *testing.T) {
			results, err := parity.Folder(dir, dev)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Err != nil {
					t.Error(r.Err)
				}
			}
			fmt.Fprintf(&tables, "\n%s:\n", dev.Name())
			if err := parity.Print(&tables, results); err != nil {
				t.Error(err)
			}
		})
	}
	t.Log(tables.String())
}

func open(t *testing.T, o cpu.Options) *cpu.Device {
	t.Helper()
	dev, err := cpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// beside is where fixtures lie unless M2PT_FIXTURES names another folder.
const beside = "../../shared/fixtures"

func folder(t *testing.T) string {
	t.Helper()
	dir := cmp.Or(os.Getenv("M2PT_FIXTURES"), beside)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no fixtures in %s (set M2PT_FIXTURES): the replay of the reference is skipped", dir)
	}
	return dir
}
