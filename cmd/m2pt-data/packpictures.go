package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/data/shard"
	"m2pt/internal/philox"
	"m2pt/train"
)

// packPictures writes a split as WebDataset shards. The pictures are shuffled:
// who reads shards from end to end wants the classes mixed.
func (p *packer) packPictures(ctx context.Context, src image.Source, dir string, split train.Split) (int, []data.Skip, error) {
	err := writeFile(filepath.Join(dir, "classes.txt"), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(src.Classes(), "\n")+"\n")
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	var skipped []data.Skip
	n, _, err := shard.Write(dir, string(split), 0, p.size<<20, pictureSamples(ctx, src, &skipped, progress(p.Command, split, src.Len())))
	if err == nil && n == 0 {
		err = fmt.Errorf("pack %s: none of the %d pictures can be read", split, src.Len())
	}
	return n, skipped, err
}

// pictureSamples yields the pictures of a source; those that cannot be read are
// skipped.
func pictureSamples(ctx context.Context, src image.Source, skipped *[]data.Skip, show func(done int)) iter.Seq2[shard.Sample, error] {
	return func(yield func(shard.Sample, error) bool) {
		order := make([]int32, src.Len())
		r := philox.New(0, "shards", 0, 0)
		r.Perm(order)
		for done, i := range order {
			if err := ctx.Err(); err != nil {
				yield(shard.Sample{}, err)
				return
			}
			show(done)
			s, err := pictureSample(src, int(i))
			if err != nil {
				*skipped = append(*skipped, data.Skip{Index: int(i), Name: src.Name(int(i)), Err: err})
				continue
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// pictureSample returns the file of a picture, where it has one of its own, or a
// PNG of it.
func pictureSample(src image.Source, i int) (shard.Sample, error) {
	var file []byte
	var label int32
	var err error
	ext := "png"
	if folder, ok := src.(*image.Folder); ok {
		if file, label, err = folder.ReadFile(i, nil); err == nil {
			if ext = image.Extension(file); ext == "" {
				err = errors.New("not JPEG, PNG, GIF or WebP")
			}
		}
	} else {
		var p image.Picture
		var b bytes.Buffer
		if label, err = src.Load(i, &p); err == nil {
			err = encodePNG(&b, &p)
		}
		file = b.Bytes()
	}
	return shard.Sample{Key: fmt.Sprintf("%08d", i), Files: []shard.File{
		{Ext: ext, Data: file}, {Ext: "cls", Data: strconv.AppendInt(nil, int64(label), 10)},
	}}, err
}
