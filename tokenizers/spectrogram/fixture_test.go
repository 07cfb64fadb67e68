package spectrogram

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/sbinet/npyio"
)

// fixture is a recorded npz file of the reference.
type fixture struct{ *zip.ReadCloser }

// openFixture opens a file below $M2PT_FIXTURES and skips the test where it is
// absent.
func openFixture(t *testing.T, name string) fixture {
	t.Helper()
	dir := os.Getenv("M2PT_FIXTURES")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "fixtures")
	}
	z, err := zip.OpenReader(filepath.Join(dir, name+".npz"))
	if os.IsNotExist(err) {
		t.Skipf("fixture %s is not there (set M2PT_FIXTURES): its test is skipped", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	return fixture{z}
}

// read returns the array called name and its shape.
func read[T any](t *testing.T, f fixture, name string) (v []T, shape []int) {
	t.Helper()
	e, err := f.Open(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r, err := npyio.NewReader(e)
	if err == nil {
		err = r.Read(&v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v, r.Header.Descr.Shape
}

// meta fills v from the fixture's parameters.
func (f fixture) meta(t *testing.T, v any) {
	t.Helper()
	text, _ := read[uint8](t, f, "meta/json")
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}
