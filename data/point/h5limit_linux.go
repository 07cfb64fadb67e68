package point

import (
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// limitMemory ends the process where it would use more than limit bytes. What is
// only reserved does not count: Go reserves much.
func limitMemory(limit int64) error {
	debug.SetMemoryLimit(limit / 4 * 3)
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: uint64(limit), Max: uint64(limit)})
}
