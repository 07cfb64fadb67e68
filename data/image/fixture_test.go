package image

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbinet/npyio"
)

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

// fixture is a recorded npz file.
type fixture map[string]*zip.File

func openFixture(t *testing.T, name string) fixture {
	t.Helper()
	return openNPZ(t, external(t, "M2PT_FIXTURES", "fixtures", name+".npz"))
}

func openNPZ(t *testing.T, path string) fixture {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	f := fixture{}
	for _, e := range z.File {
		f[strings.TrimSuffix(e.Name, ".npy")] = e
	}
	return f
}

// read returns the array called name and its shape.
func read[T any](t *testing.T, f fixture, name string) ([]T, []int) {
	t.Helper()
	e, ok := f[name]
	if !ok {
		t.Fatalf("fixture has no %q", name)
	}
	r, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, err := npyio.NewReader(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var v []T
	if err := n.Read(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v, n.Header.Descr.Shape
}

// meta fills v from the fixture's parameters.
func (f fixture) meta(t *testing.T, v any) {
	t.Helper()
	text, _ := read[uint8](t, f, "meta/json")
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// picture returns the array called name, [H,W,3], as a picture.
func (f fixture) picture(t *testing.T, name string) *Picture {
	t.Helper()
	pix, shape := read[uint8](t, f, name)
	return &Picture{W: shape[1], H: shape[0], Pix: pix}
}
