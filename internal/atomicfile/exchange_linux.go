package atomicfile

import "golang.org/x/sys/unix"

// exchange swaps what the names a and b stand for, atomically.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
