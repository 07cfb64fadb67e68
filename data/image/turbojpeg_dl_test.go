//go:build (linux || darwin) && (amd64 || arm64)

package image

import (
	"strings"
	"testing"
)

// TestTurboNotInstalled: a library that is not there, and one that is another, are
// errors that name it.
func TestTurboNotInstalled(t *testing.T) {
	for _, name := range []string{"libnosuchturbo.so.0", "libc.so.6"} {
		if lib, err := openTurbo(name); lib != nil || err == nil || !strings.Contains(err.Error(), "load "+name) {
			t.Errorf("%s: %v, error %v", name, lib, err)
		}
	}
}
