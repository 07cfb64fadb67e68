package kernels_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"m2pt/cuda/kernels"
	"m2pt/engine"
)

// TestEveryKernelIsParsed counts the kernels of each source in another way.
func TestEveryKernelIsParsed(t *testing.T) {
	parsed, names := map[string]int{}, map[string]bool{}
	for _, k := range kernels.All() {
		if k.Threads < 32 || k.Threads > 1024 || k.Threads%32 != 0 {
			t.Errorf("%s in %s: %d threads, want a multiple of 32 up to 1024", k.Name, k.Source, k.Threads)
		}
		if names[k.Name] {
			t.Errorf("%s in %s: another kernel has this name", k.Name, k.Source)
		}
		names[k.Name] = true
		parsed[k.Source]++
	}
	for name, text := range sources(t) {
		n := strings.Count(text, "KERNEL(")
		if kernels.Typed(text) {
			n *= 2
		}
		if n == 0 || parsed[name] != n {
			t.Errorf("%s: %d kernels are parsed, want %d", name, parsed[name], n)
		}
	}
}

func sources(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(kernels.Sources, "*.cu")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(kernels.Sources, name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

// TestSourcesKeepTheSubset finds what one of the two compilers would take and the other
// would not, or would take unchecked.
func TestSourcesKeepTheSubset(t *testing.T) {
	forbidden := regexp.MustCompile(`__shared__|\basm\b|#include <|atomicAdd\(\(?float`)
	for name, text := range sources(t) {
		if bad := forbidden.FindString(text); bad != "" {
			t.Errorf("%s has %q: what differs between compilers belongs into emu.h", name, bad)
		}
	}
}

// TestEverySourceIsEmulated wants the files that compile each source for the host.
func TestEverySourceIsEmulated(t *testing.T) {
	for name, text := range sources(t) {
		stem := strings.TrimSuffix(name, ".cu")
		head, include := "//go:build m2ptemu\n\n", "#include \""+name+"\"\n"
		want := map[string]string{stem + ".cpp": head + include}
		if kernels.Typed(text) {
			want = map[string]string{stem + "_f32.cpp": head + include, stem + "_bf16.cpp": head + "#define T_BF16\n" + include}
		}
		for file, content := range want {
			if got, err := os.ReadFile(file); err != nil || string(got) != content {
				t.Errorf("%s: %v; it has %q, want %q", file, err, got, content)
			}
		}
	}
}

func TestName(t *testing.T) {
	for s, want := range map[engine.Storage]string{engine.Full: "add_f32", engine.BF16: "add_bf16"} {
		if got := kernels.Name("add", s); got != want {
			t.Errorf("Name(add, %v) = %s, want %s", s, got, want)
		}
	}
}
