package atomicfile

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk fills a real file system of 1 MiB.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	path := filepath.Join(dir, "x")
	if err := Write(path, 0o644, text("previous")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, 0o644, text(strings.Repeat("x", 2<<20)))
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("error %v, want ENOSPC and advice", err)
	}
	if got := read(t, path); got != "previous" {
		t.Errorf("content %q, want the previous one", got)
	}
	wantOnly(t, dir, "x")
}
