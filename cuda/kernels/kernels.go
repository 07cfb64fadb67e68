// Package kernels has the CUDA sources of every operation, embedded.
//
// A file of kernels, X.cu, includes kernel.h, which tells what its kernels may use. A file
// that includes typed.h instead has its kernels once for each storage of activations, with
// the suffixes _f32 and _bf16; for the emulation it comes with X_f32.cpp and X_bf16.cpp,
// any other with X.cpp. [All] parses the sources, so there is no list to keep.
//
// With the build tag m2ptemu the kernels are compiled for the host and entered in the table
// of package emu. What the package does not do: launch (package emulated and, on a GPU,
// package gpu do), or know which kernel computes which operation (package cuda does).
package kernels

import (
	"embed"
	"regexp"
	"strconv"
	"strings"

	"m2pt/engine"
)

// Sources are the files that a compiler of CUDA needs: X.cu and the headers, which include
// each other by name. Embedding them makes the Go command rebuild the emulation when one
// of them changes.
//
//go:embed *.cu *.h emu/*.h
var Sources embed.FS

// Kernel describes a kernel as its source declares it.
type Kernel struct {
	Name    string         // with the suffix of the storage
	Source  string         // its file
	Store   engine.Storage // BF16: compiled with T_BF16 defined
	Threads int            // of a block, at most
	Params  int
}

// All lists the kernels in the order of files and lines; those of a typed file first for
// float32, then for bf16.
func All() []Kernel {
	files, err := Sources.ReadDir(".")
	if err != nil {
		panic(err) // embedded
	}
	var all []Kernel
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".cu") {
			all = append(all, parse(f.Name())...)
		}
	}
	return all
}

var declaration = regexp.MustCompile(`(?m)^KERNEL\((\w+),\s*(\d+),\s*\(([^)]*)\)\)`)

func parse(file string) []Kernel {
	text, err := Sources.ReadFile(file)
	if err != nil {
		panic(err) // embedded
	}
	var plain []Kernel
	for _, m := range declaration.FindAllStringSubmatch(string(text), -1) {
		threads, _ := strconv.Atoi(m[2]) // digits
		plain = append(plain, Kernel{Name: m[1], Source: file, Threads: threads, Params: strings.Count(m[3], ",") + 1})
	}
	if !Typed(string(text)) {
		return plain
	}
	return append(typed(plain, engine.Full), typed(plain, engine.BF16)...)
}

// Name is the name of a typed file's kernel for activations kept as s.
func Name(kernel string, s engine.Storage) string {
	if s == engine.BF16 {
		return kernel + "_bf16"
	}
	return kernel + "_f32"
}

// Typed tells whether a source has its kernels for each storage.
func Typed(source string) bool { return strings.Contains(source, "\n#include \"typed.h\"\n") }

func typed(plain []Kernel, s engine.Storage) []Kernel {
	var ks []Kernel
	for _, k := range plain {
		k.Name, k.Store = Name(k.Name, s), s
		ks = append(ks, k)
	}
	return ks
}
