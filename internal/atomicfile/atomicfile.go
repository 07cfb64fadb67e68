// Package atomicfile writes files and folders that are either complete or
// absent, also after a crash or a full disk.
//
// Everything is written under a temporary name beside its target
// ("X.tmp-<pid>-<n>"), synced, closed, renamed to its target, and the folder
// that holds it is synced. Until the rename the previous content is untouched.
// A target that is a symbolic link is replaced, not followed.
//
// The package does not lock: two writers of one target both succeed, and the
// later rename wins.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
)

const bufferBytes = 256 << 10

// Write replaces the file path, created with perm (before umask), by what fill
// writes. On any error path is as it was and no temporary stays behind.
func Write(path string, perm fs.FileMode, fill func(io.Writer) error) error {
	if err := replaceFile(path, perm, fill); err != nil {
		return advise(fmt.Errorf("write %q: %w", path, err))
	}
	return nil
}

func replaceFile(path string, perm fs.FileMode, fill func(io.Writer) error) (err error) {
	var f *os.File
	temporary, err := createBeside(path, func(name string) (err error) {
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		return err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary)
		}
	}()
	if err := errors.Join(fillFile(f, fill), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func fillFile(f *os.File, fill func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, bufferBytes)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return sync(f)
}

// Folder makes the folder path appear in one step. fill writes its files, each
// with [Write], into dir, a temporary folder beside path. A folder that is
// already there is replaced, and by one atomic exchange where the system has
// it (Linux). On any error path is as it was and no temporary stays behind.
func Folder(path string, fill func(dir string) error) error {
	if err := replaceFolder(path, fill); err != nil {
		return advise(fmt.Errorf("write folder %q: %w", path, err))
	}
	return nil
}

func replaceFolder(path string, fill func(dir string) error) (err error) {
	temporary, err := createBeside(path, func(name string) error { return os.Mkdir(name, 0o777) })
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temporary)
		}
	}()
	if err := fill(temporary); err != nil {
		return err
	}
	if err := syncFolder(temporary); err != nil {
		return err
	}
	if err := renameFolder(temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// renameFolder moves the folder from to to; what was at to is removed.
func renameFolder(from, to string) error {
	if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(from, to)
	}
	switch err := exchange(from, to); {
	case err == nil:
		return os.RemoveAll(from)
	case !unsupported(err):
		return err
	}
	return renameAside(from, to)
}

// renameAside does without an exchange: between its two renames nothing is at
// to, and a crash there leaves the old content under its temporary name.
func renameAside(from, to string) error {
	aside, err := createBeside(to, func(name string) error { return os.Rename(to, name) })
	if err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Rename(aside, to))
	}
	return os.RemoveAll(aside)
}

// Remove deletes the folder path so that no moment shows it half deleted: it
// first takes a temporary name.
func Remove(path string) error {
	aside, err := createBeside(path, func(name string) error { return os.Rename(path, name) })
	if err != nil {
		return fmt.Errorf("remove folder %q: %w", path, err)
	}
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("remove folder %q: %w", path, err)
	}
	return nil
}

// RemoveStale removes the temporaries that a killed process left in dir. Only
// the owner of dir may call it, before it starts to write: a temporary in use
// looks the same.
func RemoveStale(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("remove temporaries: %w", err)
	}
	temporary := regexp.MustCompile(`.\.tmp-\d+-\d+$`)
	for _, e := range entries {
		if !temporary.MatchString(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove temporary %q: %w", e.Name(), err)
		}
	}
	return nil
}

// createBeside calls create with names "path.tmp-<pid>-<n>" until one is free,
// and returns that name.
func createBeside(path string, create func(name string) error) (string, error) {
	path = filepath.Clean(path)
	for n := range 10000 {
		name := fmt.Sprintf("%s.tmp-%d-%d", path, os.Getpid(), n)
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if err := create(name); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", fmt.Errorf("no free temporary name %s.tmp-*: remove the old ones", path)
}

// sync flushes f to the disk. Some file systems (FUSE, network mounts) cannot;
// that is not an error, there is nothing stronger to ask them for.
func sync(f *os.File) error {
	if err := f.Sync(); err != nil && !unsupported(err) {
		return err
	}
	return nil
}

func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}

// syncFolder makes renames within dir durable. Windows has no such call.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(sync(f), f.Close())
}

// advise adds the next step to an error the reader can do something about.
func advise(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: free some space or choose another output folder", err)
	}
	return err
}
