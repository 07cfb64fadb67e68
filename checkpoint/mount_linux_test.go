package checkpoint

import "golang.org/x/sys/unix"

// mountSmall mounts a file system of 1 MiB at dir.
func mountSmall(dir string) error { return unix.Mount("none", dir, "tmpfs", 0, "size=1m") }

func unmount(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }
