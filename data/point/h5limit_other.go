//go:build !linux

package point

import "runtime/debug"

// limitMemory asks for no more than limit bytes. Nothing enforces it on this
// system.
func limitMemory(limit int64) error {
	debug.SetMemoryLimit(limit / 4 * 3)
	return nil
}
