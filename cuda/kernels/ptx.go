//go:build m2ptcuda

package kernels

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"io/fs"
)

// modules are the sources compiled by scripts/cuda-kernels.sh, for compute capability 8.0
// and later; GPUs' drivers make machine code of them.
//
//go:embed ptx/*.ptx.gz
var modules embed.FS

// PTX returns the text of every module.
func PTX() ([][]byte, error) {
	names, err := fs.Glob(modules, "ptx/*")
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	for _, name := range names {
		text, err := unpack(name)
		if err != nil {
			return nil, fmt.Errorf("unpack kernels %q: %w", name, err)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func unpack(name string) ([]byte, error) {
	packed, err := modules.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
