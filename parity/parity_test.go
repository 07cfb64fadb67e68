package parity_test

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"

	"m2pt/cpu"
	"m2pt/parity"
)

// own are the project's recordings, which every run replays.
const own = "testdata"

// TestOwnRecordings replays the window decoder.
func TestOwnRecordings(t *testing.T) {
	for _, r := range slices.Concat(replayed(t, own)...) {
		if !r.Covered {
			t.Errorf("%s: kind %s is not covered", r.File, r.Kind)
		}
	}
}

// TestFixtures replays every fixture. It is the last test of the package, by the name
// of its file, so that a verbose run ends with the tables of what was covered.
func TestFixtures(t *testing.T) {
	var tables strings.Builder
	for _, results := range replayed(t, folder(t)) {
		if err := parity.Print(&tables, results); err != nil {
			t.Error(err)
		}
	}
	t.Log("\n" + tables.String())
}

// replayed replays a folder with the processor's portable instructions and with those
// for vectors.
func replayed(t *testing.T, dir string) (results [][]parity.Result) {
	t.Helper()
	for _, o := range []cpu.Options{{Portable: true}, {}} {
		dev := open(t, o)
		all, err := parity.Folder(dir, dev)
		if err != nil || len(all) == 0 {
			t.Fatalf("%d recordings in %s: %v", len(all), dir, err)
		}
		for _, r := range all {
			if r.Err != nil {
				t.Error(r.Err) // names the device
			}
		}
		results = append(results, all)
	}
	return results
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
