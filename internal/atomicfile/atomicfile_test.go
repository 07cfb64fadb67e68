package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// text returns a fill that writes s.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantOnly fails unless dir holds exactly the given names.
func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}

func TestWriteCreatesAndReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	for _, s := range []string{"first", "second, longer", ""} {
		if err := Write(path, 0o640, text(s)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != s {
			t.Errorf("content %q, want %q", got, s)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("mode %v, want at most 0640 (%v)", info.Mode(), err)
	}
	wantOnly(t, dir, "x")
}

func TestWriteLargerThanBuffer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	want := strings.Repeat("0123456789abcdef", bufferBytes/16+1)
	if err := Write(path, 0o644, text(want)); err != nil {
		t.Fatal(err)
	}
	if read(t, path) != want {
		t.Error("content differs")
	}
}

func TestFailedWriteKeepsPrevious(t *testing.T) {
	boom := errors.New("boom")
	cases := map[string]func(io.Writer) error{
		"before writing": func(io.Writer) error { return boom },
		"after some bytes": func(w io.Writer) error {
			return errors.Join(text(strings.Repeat("x", 2*bufferBytes))(w), boom)
		},
		"disk full": func(w io.Writer) error {
			return errors.Join(text("x")(w), &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, boom)
		},
	}
	for name, fill := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x")
			if err := Write(path, 0o644, text("previous")); err != nil {
				t.Fatal(err)
			}
			err := Write(path, 0o644, fill)
			if !errors.Is(err, boom) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want boom and the path", err)
			}
			if errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), "free some space") {
				t.Errorf("error %v does not say what to do", err)
			}
			if got := read(t, path); got != "previous" {
				t.Errorf("content %q, want the previous one", got)
			}
			wantOnly(t, dir, "x")
		})
	}
}

func TestWriteIntoMissingFolder(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "no", "x"), 0o644, text("x"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "step")
	for _, s := range []string{"first", "second"} {
		err := Folder(path, func(tmp string) error {
			if tmp == path {
				t.Error("fill writes into the target itself")
			}
			return Write(filepath.Join(tmp, s), 0o644, text(s))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(path, s)); got != s {
			t.Errorf("content %q, want %q", got, s)
		}
		wantOnly(t, path, s)
		wantOnly(t, dir, "step")
	}
}

func TestFailedFolderKeepsPrevious(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "step")
	one := func(tmp string) error { return Write(filepath.Join(tmp, "a"), 0o644, text("a")) }
	if err := Folder(path, one); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	if err := Folder(path, func(tmp string) error { return errors.Join(one(tmp), boom) }); !errors.Is(err, boom) {
		t.Errorf("error %v, want boom", err)
	}
	wantOnly(t, dir, "step")
	wantOnly(t, path, "a")
}

func TestRenameAside(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, d := range []string{from, to} {
		if err := os.MkdirAll(filepath.Join(d, "in-"+filepath.Base(d)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := renameAside(from, to); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir, "to")
	wantOnly(t, to, "in-from")
	if err := renameAside(from, to); err == nil {
		t.Error("moving a folder that is gone succeeded")
	}
	wantOnly(t, to, "in-from")
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "step")
	if err := os.MkdirAll(filepath.Join(path, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir)
	if err := Remove(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
}

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.tmp-17-0", "step-1.tmp-17-12", "keep.tmp", "keep.tmp-1", "keep.tmp-1-x", "keep", ".tmp-1-2"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "inner"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveStale(dir); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir, ".tmp-1-2", "keep", "keep.tmp", "keep.tmp-1", "keep.tmp-1-x")
}

func TestConcurrentWritersLeaveOneWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	contents := []string{strings.Repeat("a", 3*bufferBytes), strings.Repeat("b", 2*bufferBytes)}
	errs := make(chan error)
	for _, s := range contents {
		go func() { errs <- Write(path, 0o644, text(s)) }()
	}
	for range contents {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := read(t, path); got != contents[0] && got != contents[1] {
		t.Error("content is neither writer's")
	}
	wantOnly(t, dir, "x")
}
