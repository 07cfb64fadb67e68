//go:build ignore

// Command rewrite reads a file of tensors and writes them to another, in the format
// that its extension says: the program's readers and writers for interop.sh.
//
//	rewrite IN.pth|IN.safetensors|IN.npz OUT.safetensors|OUT.npz
package main

import (
	"fmt"
	"os"

	"m2pt/checkpoint"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: rewrite IN OUT")
		os.Exit(2)
	}
	ts, err := checkpoint.LoadAll(os.Args[1])
	if err == nil {
		err = checkpoint.Save(os.Args[2], ts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
