//go:build !linux

package atomicfile

import "errors"

// exchange swaps what the names a and b stand for, atomically.
func exchange(_, _ string) error { return errors.ErrUnsupported }
