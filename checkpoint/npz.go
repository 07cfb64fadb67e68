package checkpoint

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"

	"m2pt/checkpoint/pickle"
)

// An npz file is a zip archive of npy files, each "<tensor name>.npy".
const (
	npySuffix = ".npy"
	// deflateRatio is the most that deflate can expand (zlib's technical notes:
	// 1032 to 1); an archive that claims more is a bomb.
	deflateRatio = 1032
)

// readNPZ reads an archive of size bytes that was checked. One that is to expand
// to more than twice that is inflated once for nothing, so that a damaged one
// takes no memory.
func readNPZ(archive *zip.Reader, size uint64) (*Tensors, error) {
	expanded := uint64(0)
	for _, f := range archive.File {
		expanded += f.UncompressedSize64
	}
	if expanded > 2*size {
		for _, f := range archive.File {
			if err := verifyMember(f); err != nil {
				return nil, fmt.Errorf("npz member %q: %w", f.Name, err)
			}
		}
	}
	ts := &Tensors{}
	for _, f := range archive.File {
		t, err := readMember(f)
		if err != nil {
			return nil, fmt.Errorf("npz member %q: %w", f.Name, err)
		}
		if err := ts.Add(t); err != nil {
			return nil, corrupt("%w", err)
		}
	}
	return ts, nil
}

// checkArchive bounds what the members expand to before any is opened. Members
// that together are larger than the archive share bytes: a bomb of another kind.
func checkArchive(archive *zip.Reader, size uint64) error {
	packed := uint64(0)
	for _, f := range archive.File {
		if f.CompressedSize64 > size-packed {
			return corrupt("member %q: %d bytes do not fit an archive of %d", f.Name, f.CompressedSize64, size)
		}
		packed += f.CompressedSize64
		if f.UncompressedSize64/deflateRatio > f.CompressedSize64 {
			return corrupt("member %q: %d bytes cannot expand to %d", f.Name, f.CompressedSize64, f.UncompressedSize64)
		}
	}
	return nil
}

// verifyMember compares what a member expands to with its checksum.
func verifyMember(f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return corrupt("%w", err)
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return faultOfFile(err)
}

func readMember(f *zip.File) (Tensor, error) {
	name, ok := strings.CutSuffix(f.Name, npySuffix)
	if !ok {
		return Tensor{}, fmt.Errorf("not a %s file: the archive is no npz", npySuffix)
	}
	r, err := f.Open()
	if err != nil {
		return Tensor{}, corrupt("%w", err)
	}
	defer r.Close()
	t, err := readNPY(r, f.UncompressedSize64)
	t.Name = name
	return t, faultOfFile(err)
}

// faultOfFile marks as corrupt what is wrong with a file, not with the disk.
func faultOfFile(err error) error {
	if errors.Is(err, zip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pickle.ErrMalformed) || errors.As(err, new(flate.CorruptInputError)) {
		return corrupt("%w", err)
	}
	return err
}

// writeNPZ writes ts to w, in order and uncompressed.
func writeNPZ(w io.Writer, ts *Tensors) error {
	archive := zip.NewWriter(w)
	for t := range ts.All() {
		member, err := archive.CreateHeader(&zip.FileHeader{Name: t.Name + npySuffix, Method: zip.Store})
		if err == nil {
			err = writeNPY(member, t)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return archive.Close()
}
