//go:build !((linux || darwin) && (amd64 || arm64))

package image

import (
	"errors"
	"runtime"
)

// Turbo is libturbojpeg, which this system cannot load: a nil *Turbo is the only
// one.
type Turbo struct{}

// OpenTurbo returns an error.
func OpenTurbo() (*Turbo, error) {
	return nil, errors.New("load libturbojpeg: not possible on " + runtime.GOOS + "/" + runtime.GOARCH)
}

func (*Turbo) decode([]byte, *Picture) bool { return false }
