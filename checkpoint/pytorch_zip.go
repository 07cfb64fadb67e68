package checkpoint

import (
	"archive/zip"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	"m2pt/checkpoint/pickle"
)

// PyTorch since 1.6 writes a zip archive, nothing compressed, of
//
//	<name>/data.pkl     the pickle
//	<name>/data/<key>   the elements of a storage
//	<name>/byteorder    "little" or "big"; older versions leave it out
const pickleMember = "data.pkl"

// readZip reads an archive of size bytes: PyTorch's where there is a pickle in
// it, else npz.
func readZip(r io.ReaderAt, size int64, p part) (*Tensors, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, corrupt("archive: %w", err)
	}
	if err := checkArchive(archive, uint64(size)); err != nil {
		return nil, err
	}
	for _, f := range archive.File {
		if path.Base(f.Name) == pickleMember {
			return readPyTorchZip(archive, path.Dir(f.Name), size, p)
		}
	}
	return readNPZ(archive, uint64(size))
}

// members are the files of an archive by name.
type members map[string]*zip.File

func membersOf(archive *zip.Reader) (members, error) {
	files := make(members, len(archive.File))
	for _, f := range archive.File {
		if files[f.Name] != nil {
			return nil, corrupt("member %q appears twice", f.Name)
		}
		files[f.Name] = f
	}
	return files, nil
}

// stored returns the member of that name, which must not be compressed.
func (files members) stored(name string) (*zip.File, error) {
	f := files[name]
	if f == nil {
		return nil, corrupt("member %.80q is missing", name)
	}
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
		return nil, fmt.Errorf("member %.80q is compressed: save the file anew with PyTorch", name)
	}
	return f, nil
}

func readPyTorchZip(archive *zip.Reader, dir string, size int64, p part) (*Tensors, error) {
	files, err := membersOf(archive)
	if err != nil {
		return nil, err
	}
	if err := files.checkByteOrder(path.Join(dir, "byteorder")); err != nil {
		return nil, err
	}
	u := &unpickler{}
	root, steps, err := files.unpickle(path.Join(dir, pickleMember), u)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pickleMember, err)
	}
	for _, key := range slices.Sorted(maps.Keys(u.storages)) {
		if err := files.place(u.storages[key], path.Join(dir, "data", key)); err != nil {
			return nil, err
		}
	}
	return pickledTensors(root, p, size, steps)
}

func (files members) checkByteOrder(name string) error {
	if files[name] == nil {
		return nil
	}
	f, err := files.stored(name)
	if err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return corrupt("%s: %w", name, err)
	}
	defer r.Close()
	order, err := io.ReadAll(io.LimitReader(r, 8))
	if err == nil && string(order) != "little" {
		err = fmt.Errorf("byte order %q is not supported: save the file anew on a little-endian machine", order)
	}
	return err
}

// unpickle reads the pickle in a member and returns how many bytes it has.
func (files members) unpickle(name string, u *unpickler) (root any, size int64, err error) {
	f, err := files.stored(name)
	if err != nil {
		return nil, 0, err
	}
	r, err := f.Open()
	if err != nil {
		return nil, 0, faultOfFile(err)
	}
	defer r.Close()
	in := pickle.NewReader(r, int64(f.UncompressedSize64))
	if root, err = u.unpickle(in); err != nil {
		return nil, 0, err
	}
	return root, in.Pos(), faultOfFile(in.End())
}

// place finds a storage in the archive.
func (files members) place(s *storage, name string) error {
	f, err := files.stored(name)
	if err != nil {
		return err
	}
	if f.UncompressedSize64 != uint64(s.size) {
		return corrupt("member %.80q has %d bytes, want %d", name, f.UncompressedSize64, s.size)
	}
	s.open = func() (io.ReadCloser, error) {
		r, err := f.Open()
		if err != nil {
			return nil, corrupt("member %.80q: %w", name, err)
		}
		return r, nil
	}
	return nil
}
