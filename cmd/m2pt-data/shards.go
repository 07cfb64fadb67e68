package main

import (
	"context"
	"errors"
	"io"

	"m2pt/data"
	"m2pt/data/point"
	"m2pt/data/video"
	"m2pt/experiment"
	"m2pt/internal/atomicfile"
	"m2pt/internal/cli"
	"m2pt/train"
)

func shards(args []string, stdout, stderr io.Writer) cli.Code {
	c := cli.New(cli.Help{
		Name:  "m2pt-data shards",
		Usage: "-config FILE -out DIR [-size MB] [-short PIXELS] [-quality Q] [-points N] [-set KEY=VALUE]... [-json]",
		About: `Packs both splits of the dataset of an experiment into large files that are read
fast (data.format "shards"):
  pictures      WebDataset shards DIR/train-000000.tar, ...: files of class folders as
                they are, other pictures as PNG
  clips         all frames as JPEG in such shards: training decodes no video
  point clouds  DIR/train|val/points.npy and labels.npy, N points of each
Pictures and clouds need a DIR that is new or empty, and it appears complete or not
at all. Clips, which take long, go on where an earlier call with the same -size,
-short and -quality was stopped. The exit status is 3 where a sample was left out,
by this call or an earlier one, because it cannot be read.`,
		Example: "m2pt-data shards -config configs/ut_interaction.toml -short 128 -out frames",
	}, stdout, stderr)
	x := c.ConfigFlags("pack the data of the experiment in `FILE`")
	p := &packer{Command: c}
	c.Flags.StringVar(&p.out, "out", "", "write to the folder `DIR`")
	c.Flags.Int64Var(&p.size, "size", 256, "make tar files of at most so many `MB`")
	c.Flags.IntVar(&p.short, "short", 0, "shrink frames to a short side of so many `PIXELS` (0: as they are)")
	c.Flags.IntVar(&p.quality, "quality", 95, "JPEG `QUALITY` of frames, 1 to 100")
	c.Flags.IntVar(&p.points, "points", 8192, "keep the `N` points of a cloud that are farthest from each other")
	return c.Main(args, func(ctx context.Context) error {
		cfg, err := open(x)
		if err == nil {
			err = p.check(cfg)
		}
		if err != nil {
			return err
		}
		w, err := p.pack(ctx, cfg)
		if err != nil {
			return err
		}
		for _, s := range w.Skipped {
			c.Printf("  left out %s: %s\n", s.File, s.Reason)
		}
		c.Printf("wrote %s: %d samples for training, %d for validation\nread it with -set data.format=%s -set data.path=%s\n", w.Path, w.Train, w.Val, w.Format, w.Path)
		if err := c.Result(w); err != nil {
			return err
		}
		return cli.SkippedError(len(w.Skipped))
	})
}

// packer are the options of the command.
type packer struct {
	*cli.Command
	out                    string
	size                   int64 // MB
	short, quality, points int
	workers                int
}

// packed is the command's result.
type packed struct {
	written
	Skipped []corrupt `json:"skipped"`
}

func (p *packer) check(cfg *experiment.Config) error {
	switch {
	case p.out == "":
		return cli.Misused("-out: name a folder")
	case p.size < 1 || p.size > 1<<20:
		return cli.Misused("-size: is %d: want 1 to %d MB", p.size, 1<<20)
	case p.short < 0:
		return cli.Misused("-short: is %d: want 0 or more pixels", p.short)
	case p.quality < 1 || p.quality > 100:
		return cli.Misused("-quality: is %d: want 1 to 100", p.quality)
	case p.points < 1 || p.points > 1<<20:
		return cli.Misused("-points: is %d: want 1 to %d", p.points, 1<<20)
	case cfg.Tokenizer.Kind == "audio":
		return cli.Misused(`tokenizer.kind: is "audio": there are no shards of sounds`)
	case cfg.Head.Kind == "parts":
		return cli.Misused(`head.kind: is "parts": shards have no labels of points`)
	case cfg.Tokenizer.Kind == "video":
		return nil // goes on in a folder with shards
	}
	return vacant(p.out)
}

func (p *packer) pack(ctx context.Context, cfg *experiment.Config) (w *packed, err error) {
	var fill func(dir string) (*packed, error)
	p.workers = train.Workers(cfg.Data)
	switch cfg.Tokenizer.Kind {
	case "video":
		fill, err = filler(ctx, cfg, train.Clips, p.packClips)
	case "point":
		fill, err = filler(ctx, cfg, train.Clouds, p.packClouds)
	default:
		fill, err = filler(ctx, cfg, train.Pictures, p.packPictures)
	}
	if err != nil {
		return nil, err
	}
	if cfg.Tokenizer.Kind == "video" {
		w, err = fill(p.out)
	} else {
		err = atomicfile.Folder(p.out, func(dir string) (err error) { w, err = fill(dir); return err })
	}
	if err != nil {
		return nil, err
	}
	w.Path, w.Format = p.out, "shards"
	return w, nil
}

// filler opens both splits before one of them is packed, by pack, which returns the
// number of samples: what is missing shows at once.
func filler[S any](ctx context.Context, cfg *experiment.Config, open func(*experiment.Config, train.Split) (S, error),
	pack func(ctx context.Context, src S, dir string, split train.Split) (int, []data.Skip, error)) (func(dir string) (*packed, error), error) {
	var sources []S
	for _, split := range bothSplits() {
		src, err := open(cfg, split)
		if err != nil {
			return nil, err
		}
		sources = append(sources, src)
	}
	return func(dir string) (*packed, error) {
		w := &packed{Skipped: []corrupt{}}
		for k, count := range []*int{&w.Train, &w.Val} {
			n, skipped, err := pack(ctx, sources[k], dir, bothSplits()[k])
			if err != nil {
				return nil, err
			}
			*count, w.Skipped = n, append(w.Skipped, corrupts(skipped)...)
		}
		return w, nil
	}, nil
}

func (p *packer) packClips(ctx context.Context, src video.Source, dir string, split train.Split) (int, []data.Skip, error) {
	done, show := 0, progress(p.Command, split, src.Len())
	opt := video.ShardOptions{
		Dir: dir, Split: string(split), Bytes: p.size << 20, Short: p.short, Quality: p.quality, Workers: p.workers,
		Done: func() { done++; show(done) },
	}
	skipped, err := video.WriteShards(ctx, src, opt)
	if errors.Is(err, video.ErrPacked) {
		err = cli.Misused("-out: %v", err)
	}
	return src.Len() - len(skipped), skipped, err
}

func (p *packer) packClouds(ctx context.Context, src point.Source, dir string, split train.Split) (int, []data.Skip, error) {
	skipped, err := point.WriteShards(ctx, dir, string(split), &watchedClouds{src, progress(p.Command, split, src.Len())}, p.points)
	return src.Len() - len(skipped), skipped, err
}

// watchedClouds is a Source that is read in order.
type watchedClouds struct {
	point.Source
	show func(done int)
}

func (s *watchedClouds) Load(i int, dst *point.Cloud) (int32, error) {
	s.show(i)
	return s.Source.Load(i, dst)
}
