package driver

import (
	"errors"
	"fmt"
)

// ErrMemory tells that a GPU has not enough memory left. It is a [MemoryError].
var ErrMemory = errors.New("out of GPU memory")

// MemoryError is an allocation that did not fit, in bytes.
type MemoryError struct{ Asked, Room, Total int }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%v: asked for %s, free are %s of %s", ErrMemory, size(e.Asked), size(e.Room), size(e.Total))
}

// Is makes it ErrMemory.
func (e *MemoryError) Is(target error) bool { return target == ErrMemory }

// Free is what was free.
func (e *MemoryError) Free() int { return e.Room }

// size is a number of bytes for people.
func size(bytes int) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
