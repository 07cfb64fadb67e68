package kernels_test

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m2pt/cuda/kernels"
)

// The PTX is committed; a source changed without it would test one thing in the emulation
// and run another on a GPU.
func TestPTXIsOfTheseSources(t *testing.T) {
	want := map[string][]string{} // kernels by file
	for _, k := range kernels.All() {
		name := ptxFile(t, k)
		want[name] = append(want[name], k.Name)
	}
	for name, list := range want {
		head, entries := readPTX(t, name)
		source := source(name)
		if sum := "// sources: sha256 " + hash(t, source); head != sum {
			t.Errorf("%s starts with %q, want %q: %s or a header has changed: run scripts/cuda-kernels.sh", name, head, sum, source)
		}
		slices.Sort(list)
		slices.Sort(entries)
		if !slices.Equal(entries, list) {
			t.Errorf("%s has kernels %v, want %v", name, entries, list)
		}
	}
	files, err := fs.Glob(os.DirFS("."), "ptx/*")
	if err != nil || len(files) != len(want) {
		t.Errorf("ptx/ has %d files, %v, want %d: run scripts/cuda-kernels.sh", len(files), err, len(want))
	}
}

// ptxFile is where a kernel's PTX is.
func ptxFile(t *testing.T, k kernels.Kernel) string {
	text, err := fs.ReadFile(kernels.Sources, k.Source)
	if err != nil {
		t.Fatal(err)
	}
	name := "ptx/" + strings.TrimSuffix(k.Source, ".cu")
	if kernels.Typed(string(text)) {
		name = kernels.Name(name, k.Store)
	}
	return name + ".ptx.gz"
}

// source is the file that a module was compiled from.
func source(name string) string {
	stem := strings.TrimSuffix(path.Base(name), ".ptx.gz")
	if _, err := fs.Stat(kernels.Sources, stem+".cu"); err == nil {
		return stem + ".cu"
	}
	return stem[:strings.LastIndex(stem, "_")] + ".cu"
}

// readPTX returns the first line and the kernels of a module.
func readPTX(t *testing.T, name string) (head string, entries []string) {
	f, err := os.Open(name)
	if err != nil {
		t.Errorf("%v: run scripts/cuda-kernels.sh", err)
		return "", nil
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(unpacked)
	head, err = r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\.entry (\w+)`).FindAllSubmatch(rest, -1) {
		entries = append(entries, string(m[1]))
	}
	return strings.TrimSpace(head), entries
}

// hash is the SHA-256 of what `sha256sum *.h X.cu` prints.
func hash(t *testing.T, source string) string {
	headers, err := fs.Glob(kernels.Sources, "*.h")
	if err != nil {
		t.Fatal(err)
	}
	list := sha256.New()
	for _, name := range append(headers, source) {
		text, err := fs.ReadFile(kernels.Sources, name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(list, "%x  %s\n", sha256.Sum256(text), name)
	}
	return fmt.Sprintf("%x", list.Sum(nil))
}
