//go:build !m2ptcuda

package cuda_test

import (
	"errors"
	"strings"
	"testing"

	"m2pt/cuda"
	"m2pt/engine"
)

func TestOpenNamesWhatIsMissing(t *testing.T) {
	dev, err := cuda.Open(1, engine.Full)
	if dev != nil || !errors.Is(err, cuda.ErrNoDevice) {
		t.Fatalf("Open = %v, %v, want no device and ErrNoDevice", dev, err)
	}
	if want := "cuda:1"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name %s", err, want)
	}
}
