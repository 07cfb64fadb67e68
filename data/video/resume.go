package video

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"m2pt/data"
	"m2pt/data/shard"
	"m2pt/internal/atomicfile"
)

// ErrPacked tells that the folder has shards which a call cannot go on with.
var ErrPacked = errors.New("choose another folder, or remove its shards")

// errLeftOut stands for the reason, which is told where a shard is packed.
var errLeftOut = errors.New("left out when its shard was packed: remove the shards to try again")

// settings are what frames in shards depend on, beside the clips. They lie beside
// the shards, in <Split>.json.
type settings struct {
	Bytes   int64 `json:"bytes"`   // of a shard, at most
	Short   int   `json:"short"`   // side of larger frames
	Quality int   `json:"quality"` // of JPEG
}

// kept are the shards of an earlier call.
type kept struct {
	shards  int
	clips   int         // of the source, that the shards cover
	skipped []data.Skip // which of them they lack
}

// resume finds the complete shards in the folder, makes sure that they are of this
// source and these settings, and removes what follows them.
func resume(src Source, opt ShardOptions) (k kept, err error) {
	if err := atomicfile.RemoveStale(opt.Dir); err != nil {
		return k, err
	}
	files, err := shardFiles(opt.Dir, opt.Split)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := agree(opt, len(files) > 0); err != nil {
		return k, err
	}
	name := func(n int) string { return filepath.Join(opt.Dir, fmt.Sprintf("%s-%06d.tar", opt.Split, n)) }
	for whole := true; whole && slices.Contains(files, name(k.shards)); {
		if whole, err = k.add(src, name(k.shards)); err != nil {
			return k, err
		}
	}
	for n := range k.shards {
		files = slices.DeleteFunc(files, func(path string) bool { return path == name(n) })
	}
	for _, path := range files { // OpenShards would take them for part of the split
		if err := os.Remove(path); err != nil {
			return k, err
		}
	}
	return k, nil
}

// agree compares the settings with those of the shards that are there, and writes
// them where there are none.
func agree(opt ShardOptions, shards bool) error {
	path := filepath.Join(opt.Dir, opt.Split+".json")
	want, err := json.Marshal(settings{opt.Bytes, opt.Short, opt.Quality})
	if err != nil {
		return err
	}
	want = append(want, '\n')
	if !shards {
		return atomicfile.Write(path, 0o666, func(w io.Writer) error {
			_, err := w.Write(want)
			return err
		})
	}
	have, err := data.ReadFile(path, nil, 1<<10, "no settings of shards")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there are shards, but no %s that tells how they were packed: %w", path, ErrPacked)
	case err == nil && !bytes.Equal(have, want):
		return fmt.Errorf("%s has shards packed as %.200s, not %s: %w", opt.Dir, bytes.TrimSpace(have), bytes.TrimSpace(want), ErrPacked)
	}
	return err
}

// add counts a shard in, if it is whole.
func (k *kept) add(src Source, path string) (whole bool, err error) {
	set, err := shard.Open(path)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer set.Close()
	if set.Damage() != nil {
		return false, nil
	}
	for j := range set.Len() {
		key := set.Key(j)
		i, err := strconv.Atoi(key[:digits(key)])
		if err != nil || i < k.clips || i >= src.Len() || key != clipKey(src, i) {
			return false, fmt.Errorf("%s has a clip %q, which this dataset has not there: %w", path, key, ErrPacked)
		}
		for ; k.clips < i; k.clips++ {
			k.skipped = append(k.skipped, data.Skip{Index: k.clips, Name: src.Name(k.clips), Err: errLeftOut})
		}
		k.clips++
	}
	k.shards++
	return true, nil
}
