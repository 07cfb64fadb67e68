package video

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"

	"m2pt/data"
	"m2pt/data/shard"
)

// ShardOptions say what WriteShards makes of clips.
type ShardOptions struct {
	Dir, Split string // files Dir/<Split>-000000.tar and so on, and Dir/classes.txt
	Bytes      int64  // of a shard, at most; a clip that needs more is skipped
	Short      int    // short side that larger frames are shrunk to; 0 leaves them
	Quality    int    // of JPEG, 1 to 100
	Workers    int    // clips at work at once, at least 1
	Done       func() // called after each clip, in turn; may be nil
}

// WriteShards packs all frames of the clips of a source into shards for
// [OpenShards]. The key of a clip is its index and its name. A clip that cannot be
// read is skipped; it is an error if none can.
//
// Shards that an earlier call completed are kept and their clips not decoded again,
// so a call that was interrupted is repeated to go on; skipped has their missing
// clips too. From the first shard on that was cut off later, all are made again.
// Shards of another source in the folder, or made with other Bytes, Short or
// Quality, are an [ErrPacked].
func WriteShards(ctx context.Context, src Source, opt ShardOptions) (skipped []data.Skip, err error) {
	if opt.Bytes < 1 || opt.Short < 0 || opt.Quality < 1 || opt.Quality > 100 || opt.Workers < 1 {
		return nil, fmt.Errorf("video shards: %d bytes, short side %d, quality %d, %d workers: want positive numbers, a quality up to 100",
			opt.Bytes, opt.Short, opt.Quality, opt.Workers)
	}
	if err := data.WriteClasses(opt.Dir, src.Classes()); err != nil {
		return nil, fmt.Errorf("video shards %s: %w", opt.Dir, err)
	}
	done, err := resume(src, opt)
	if err != nil {
		return nil, fmt.Errorf("video shards %s: %w", opt.Dir, err)
	}
	p := &packing{src: src, opt: opt, next: done.clips, skipped: done.skipped}
	packed, _, err := shard.Write(opt.Dir, opt.Split, done.shards, opt.Bytes, p.samples(ctx))
	if err == nil && packed+done.shards == 0 {
		err = errors.New("there is no clip that can be read")
		if len(p.skipped) > 0 {
			err = fmt.Errorf("no clip can be read; the first one: %w", p.skipped[0].Err)
		}
	}
	if err != nil {
		return p.skipped, fmt.Errorf("video shards %s: %w", opt.Dir, err)
	}
	return p.skipped, nil
}

// clipKey is the key of clip i: its index, and of its name what is a letter, a digit
// or -.
func clipKey(src Source, i int) string {
	name := []byte(src.Name(i))
	for k, b := range name {
		if !('0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z' || b == '-') {
			name[k] = '_'
		}
	}
	return fmt.Sprintf("%08d-%s", i, name[max(len(name)-64, 0):])
}

// packing makes samples of shards.
type packing struct {
	src     Source
	opt     ShardOptions
	next    int // clip
	skipped []data.Skip
}

// maxPacked is how many frames of a clip a shard holds.
const maxPacked = 60000

// result is a clip on its way into a shard.
type result struct {
	sample shard.Sample
	err    error
}

// samples yields the clips that can be read, in order; the Workers clips to come are
// being encoded meanwhile.
func (p *packing) samples(ctx context.Context) iter.Seq2[shard.Sample, error] {
	return func(yield func(shard.Sample, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer stop()
		slots := make([]chan result, p.opt.Workers) // of clip i: i % Workers
		start := func(i int) {
			if i < p.src.Len() {
				slot := slots[i%len(slots)]
				workers.Go(func() { slot <- p.encode(ctx, i) })
			}
		}
		for k := range slots {
			slots[(p.next+k)%len(slots)] = make(chan result, 1)
			start(p.next + k)
		}
		for ; p.next < p.src.Len(); p.next++ {
			r := <-slots[p.next%len(slots)]
			start(p.next + len(slots))
			switch {
			case ctx.Err() != nil:
				yield(shard.Sample{}, ctx.Err())
				return
			case r.err != nil:
				p.skipped = append(p.skipped, data.Skip{Index: p.next, Name: p.src.Name(p.next), Err: r.err})
			case !yield(r.sample, nil):
				return
			}
			if p.opt.Done != nil {
				p.opt.Done()
			}
		}
	}
}

// encode makes the sample of clip i.
func (p *packing) encode(ctx context.Context, i int) (r result) {
	clip, label, err := p.src.Open(i)
	if err != nil {
		return result{err: err}
	}
	if n := clip.Len(); n > maxPacked {
		return result{err: fmt.Errorf("pack clip %s: %d frames: want at most %d: cut it", p.src.Name(i), n, maxPacked)}
	}
	all := make([]int, clip.Len())
	for k := range all {
		all[k] = k
	}
	e := encoder{short: p.opt.Short, quality: p.opt.Quality}
	size := int64(0)
	err = clip.Read(all, &e.picture, func(k int) error {
		file, err := e.encode()
		if size += int64(len(file)); err == nil && size > p.opt.Bytes {
			err = fmt.Errorf("%d of its %d frames fill a shard of %d bytes: cut the clip, or have its frames shrunk", k, len(all), p.opt.Bytes)
		}
		if err != nil {
			return fmt.Errorf("pack clip %s: %w", p.src.Name(i), err)
		}
		r.sample.Files = append(r.sample.Files, shard.File{Ext: fmt.Sprintf("%05d.jpg", k), Data: file})
		return ctx.Err()
	})
	if err != nil {
		return result{err: err}
	}
	r.sample.Key = clipKey(p.src, i)
	r.sample.Files = append(r.sample.Files, shard.File{Ext: "cls", Data: strconv.AppendInt(nil, int64(label), 10)})
	return r
}
