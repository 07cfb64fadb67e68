package audio

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

// external returns a path below the folder that variable env names, by default
// ../shared/<kind> beside the repository, and skips the test where it is absent.
func external(t testing.TB, env, kind, name string) string {
	t.Helper()
	root := os.Getenv(env)
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", kind)
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there (set %s): its test is skipped", name, env)
	}
	return path
}

func openFixture(t *testing.T, name string) fixture {
	t.Helper()
	z, err := zip.OpenReader(external(t, "M2PT_FIXTURES", "fixtures", name+".npz"))
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
