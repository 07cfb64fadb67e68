package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"m2pt/checkpoint/pickle"
)

// PyTorch before 1.6 writes five pickles - a magic number, the version of the
// format, facts about the machine, the value, the list of its storages' keys -
// and then the storages in that order, each behind its number of elements as an
// int64.
const (
	legacyMagic   = pickle.Long("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
	legacyVersion = int64(1001)
)

// isPickle tells whether a file begins like a pickle of protocol 2 or later.
func isPickle(head string) bool {
	return len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5
}

// readPyTorchLegacy reads a file of size bytes.
func readPyTorchLegacy(r io.ReaderAt, size int64, p part) (*Tensors, error) {
	in := pickle.NewReader(io.NewSectionReader(r, 0, size), size)
	if err := readLegacyStart(in); err != nil {
		return nil, err
	}
	u, before := &unpickler{}, in.Pos()
	root, err := u.unpickle(in)
	if err != nil {
		return nil, err
	}
	steps := in.Pos() - before
	keys, err := readPickle(in, pickle.Hooks{})
	if err != nil {
		return nil, fmt.Errorf("keys of storages: %w", err)
	}
	if err := u.placeLegacy(keys, io.NewSectionReader(r, 0, size), in.Pos()); err != nil {
		return nil, err
	}
	return pickledTensors(root, p, size, steps)
}

// readLegacyStart checks what comes before the value.
func readLegacyStart(in *pickle.Reader) error {
	magic, err := readPickle(in, pickle.Hooks{})
	if err != nil {
		return err
	}
	if magic != any(legacyMagic) {
		return errors.New("is a pickle but none of PyTorch's files: save the tensors with torch.save")
	}
	version, err := readPickle(in, pickle.Hooks{})
	if err != nil {
		return err
	}
	if version != any(legacyVersion) {
		return fmt.Errorf("version of the format is not %d: save the file anew with a newer PyTorch", legacyVersion)
	}
	machine, err := readPickle(in, pickle.Hooks{})
	if err != nil {
		return err
	}
	d, ok := machine.(*pickle.Dict)
	if !ok {
		return corrupt("facts about the machine are a %T, want a dict", machine)
	}
	if little, _ := d.Lookup("little_endian"); little != true {
		return errors.New("was not written on a little-endian machine: save it anew on one")
	}
	return nil
}

// placeLegacy finds the storages in r, which begin at a byte.
func (u *unpickler) placeLegacy(keys any, r *io.SectionReader, at int64) error {
	list, ok := keys.(*pickle.List)
	if !ok || len(list.Items) != len(u.storages) {
		return corrupt("keys of storages do not list the %d that there are", len(u.storages))
	}
	for _, k := range list.Items {
		key, _ := k.(string)
		s := u.storages[key]
		if s == nil || s.open != nil {
			return corrupt("storage %.40q is listed twice or belongs to no tensor", key)
		}
		if err := s.placeLegacy(r, at); err != nil {
			return fmt.Errorf("storage %.40q: %w", key, err)
		}
		at += 8 + s.size
	}
	return nil
}

// placeLegacy finds one storage, whose number of elements stands at a byte.
func (s *storage) placeLegacy(r *io.SectionReader, at int64) error {
	if r.Size()-at < 8 || r.Size()-at-8 < s.size {
		return corrupt("%d bytes at %d do not fit a file of %d", s.size, at, r.Size())
	}
	var head [8]byte
	if _, err := r.ReadAt(head[:], at); err != nil {
		return err
	}
	if n, want := binary.LittleEndian.Uint64(head[:]), uint64(s.size)/uint64(s.dtype.Size()); n != want {
		return corrupt("%d elements at %d, want %d", n, at, want)
	}
	s.open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(r, at+8, s.size)), nil
	}
	return nil
}
