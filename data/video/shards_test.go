package video

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/data/image"
	"m2pt/data/shard"
)

// marked clips have few frames, of smooth colours that JPEG keeps; the red is 10
// times the frame plus 40 times the clip.
type marked struct {
	clips  int
	broken []int // clips that fail
	opened []int // so far
	stop   func(i int)
}

func (s *marked) Len() int          { return s.clips }
func (s *marked) Classes() []string { return []string{"a", "b", "c"} }
func (s *marked) Name(i int) string { return fmt.Sprintf("folder/clip.%d", i) }

func (s *marked) Open(i int) (Clip, int32, error) {
	s.opened = append(s.opened, i)
	if s.stop != nil {
		s.stop(i)
	}
	if slices.Contains(s.broken, i) {
		return nil, 0, fmt.Errorf("open %s: broken", s.Name(i))
	}
	return &drawnClip{&drawn{n: 3 + i%2, w: 24, h: 16, pixel: func(f, x, y int) [3]uint8 {
		return [3]uint8{uint8(40*(i%6) + 10*f), 100, 100}
	}}}, int32(i % 3), nil
}

func packOptions(dir string) ShardOptions {
	return ShardOptions{Dir: dir, Split: "train", Bytes: 12 << 10, Quality: 90, Workers: 1}
}

func pack(t *testing.T, src Source, opt ShardOptions) []data.Skip {
	t.Helper()
	skipped, err := WriteShards(context.Background(), src, opt)
	if err != nil {
		t.Fatal(err)
	}
	return skipped
}

func openShards(t *testing.T, dir, split string) *Shards {
	t.Helper()
	s, err := OpenShards(dir, split)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// files returns the content of each file in a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

// TestShards: what is packed comes back, clip by clip, but for what is broken.
func TestShards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	src := &marked{clips: 10, broken: []int{0, 4, 9}}
	done, opt := 0, packOptions(dir)
	opt.Done = func() { done++ }
	skipped := pack(t, src, opt)
	if len(skipped) != 3 || skipped[1].Index != 4 || skipped[1].Name != "folder/clip.4" || skipped[1].Err == nil || done != 10 {
		t.Errorf("skipped %v, %d done", skipped, done)
	}
	for _, split := range []string{"train"} {
		s := openShards(t, dir, split)
		if s.Len() != 7 || !slices.Equal(s.Classes(), src.Classes()) {
			t.Fatalf("%d clips of %v", s.Len(), s.Classes())
		}
		for k, i := range []int{1, 2, 3, 5, 6, 7, 8} {
			_, label, err := s.Open(k)
			if err != nil || int(label) != i%3 || !strings.HasSuffix(s.Name(k), fmt.Sprintf(":%08d-folder_clip_%d", i, i)) {
				t.Errorf("clip %d: %s, label %d, error %v", k, s.Name(k), label, err)
			}
			got := reds(t, s, k)
			if len(got) != 3+i%2 {
				t.Errorf("clip %d: %d frames", k, len(got))
			}
			for f, red := range got {
				if d := red - 40*(i%6) - 10*f; d*d > 9 {
					t.Errorf("clip %d, frame %d: red %d, want %d", k, f, red, 40*(i%6)+10*f)
				}
			}
		}
		ds := open(t, s, training(2, 8))
		read(t, ds, data.Key{Sample: 3})
	}
	for name, content := range files(t, dir) {
		if len(content) > 12<<10 {
			t.Errorf("%s has %d bytes", name, len(content))
		}
	}
	if n := len(files(t, dir)); n < 4 {
		t.Errorf("%d files: want several shards", n)
	}
}

// TestWorkers: the bytes do not depend on how many there are.
func TestWorkers(t *testing.T) {
	one, three := packOptions(t.TempDir()), packOptions(t.TempDir())
	three.Workers = 3
	pack(t, &still10{}, one)
	pack(t, &still10{}, three)
	if a, b := files(t, one.Dir), files(t, three.Dir); len(a) < 3 || !equalFiles(a, b) {
		t.Errorf("%d files, %d files, or their content differs", len(a), len(b))
	}
}

// still10 is marked without its notes, for concurrent use.
type still10 struct{}

func (still10) Len() int                        { return 10 }
func (still10) Classes() []string               { return []string{"a", "b", "c"} }
func (still10) Name(i int) string               { return fmt.Sprint(i) }
func (still10) Open(i int) (Clip, int32, error) { return (&marked{clips: 10}).Open(i) }

func equalFiles(a, b map[string]string) bool {
	for name := range a {
		if a[name] != b[name] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestResume: after an interruption the next call goes on where the last complete
// shard ends, and the shards are those of an uninterrupted one.
func TestResume(t *testing.T) {
	whole := packOptions(t.TempDir())
	pack(t, &marked{clips: 20, broken: []int{3}}, whole)
	opt := packOptions(t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	_, err := WriteShards(ctx, &marked{clips: 20, broken: []int{3}, stop: func(i int) {
		if i == 11 {
			cancel()
		}
	}}, opt)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: error %v", err)
	}
	complete := len(files(t, opt.Dir))
	if complete < 3 || complete >= len(files(t, whole.Dir)) {
		t.Fatalf("%d files after the interruption, %d without one", complete, len(files(t, whole.Dir)))
	}
	again := &marked{clips: 20, broken: []int{3}}
	pack(t, again, opt)
	if !equalFiles(files(t, opt.Dir), files(t, whole.Dir)) {
		t.Error("the shards differ from those of an uninterrupted run")
	}
	if again.opened[0] < 4 {
		t.Errorf("decodes clip %d again", again.opened[0])
	}
	once := &marked{clips: 20}
	if pack(t, once, opt); len(once.opened) > 0 {
		t.Errorf("all is there, yet %v are decoded", once.opened)
	}
	for name, src := range map[string]Source{"fewer clips": &marked{clips: 5}, "other classes": &drawn{n: 3, w: 8, h: 8, pixel: still}} {
		if _, err := WriteShards(context.Background(), src, opt); err == nil || !strings.Contains(err.Error(), "choose another folder") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResumeTells: what an earlier call left out is told again, and missing or
// damaged shards are made again.
func TestResumeTells(t *testing.T) {
	opt := packOptions(t.TempDir())
	src := &marked{clips: 20, broken: []int{0, 3, 19}}
	pack(t, src, opt)
	whole := files(t, opt.Dir)
	for name, damage := range map[string]func(path string) error{
		"nothing":     func(string) error { return nil },
		"cut off":     func(path string) error { return os.Truncate(path, int64(len(whole[filepath.Base(path)])-2000)) },
		"end mark":    func(path string) error { return os.Truncate(path, int64(len(whole[filepath.Base(path)])-1024)) },
		"empty":       func(path string) error { return os.Truncate(path, 0) },
		"not there":   os.Remove,
		"a temporary": func(path string) error { return os.WriteFile(path+".tmp-1-1", nil, 0o666) },
	} {
		for _, shard := range []string{"train-000000.tar", "train-000002.tar", fmt.Sprintf("train-%06d.tar", len(whole)-3)} {
			if err := damage(filepath.Join(opt.Dir, shard)); err != nil {
				t.Fatal(err)
			}
			skipped := pack(t, src, opt)
			if len(skipped) != 3 || skipped[0].Index != 0 || skipped[1].Index != 3 || skipped[2].Name != "folder/clip.19" || skipped[1].Err == nil {
				t.Errorf("%s %s: skipped %v", name, shard, skipped)
			}
			if !equalFiles(files(t, opt.Dir), whole) {
				t.Errorf("%s %s: the files differ", name, shard)
			}
		}
	}
}

// TestResumeRemoves: shards after a damaged one do not pass for the split meanwhile.
func TestResumeRemoves(t *testing.T) {
	opt := packOptions(t.TempDir())
	pack(t, &marked{clips: 20}, opt)
	if err := os.Remove(filepath.Join(opt.Dir, "train-000001.tar")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := WriteShards(ctx, &marked{clips: 20}, opt); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if left := files(t, opt.Dir); len(left) != 3 || left["train-000000.tar"] == "" {
		t.Errorf("%d files left, want classes.txt, train.json and the first shard", len(left))
	}
}

// TestResumeRefuses: shards packed in another way, or nobody knows how, stay.
func TestResumeRefuses(t *testing.T) {
	opt := packOptions(t.TempDir())
	pack(t, &marked{clips: 6}, opt)
	for _, c := range []struct {
		name   string
		change func(*ShardOptions)
	}{
		{"bytes", func(o *ShardOptions) { o.Bytes++ }},
		{"short", func(o *ShardOptions) { o.Short = 8 }},
		{"quality", func(o *ShardOptions) { o.Quality-- }},
		{"unknown", func(o *ShardOptions) {
			if err := os.Remove(filepath.Join(o.Dir, "train.json")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		other := opt
		c.change(&other)
		before := files(t, opt.Dir)
		if _, err := WriteShards(t.Context(), &marked{clips: 6}, other); !errors.Is(err, ErrPacked) {
			t.Errorf("%s: %v", c.name, err)
		}
		if !equalFiles(files(t, opt.Dir), before) {
			t.Errorf("%s: the files changed", c.name)
		}
	}
}

// TestShrink: larger frames are made smaller, others stay.
func TestShrink(t *testing.T) {
	for short, want := range map[int][2]int{0: {24, 16}, 8: {12, 8}, 16: {24, 16}, 40: {24, 16}} {
		opt := packOptions(t.TempDir())
		opt.Short = short
		pack(t, &marked{clips: 2}, opt)
		clip, _, err := openShards(t, opt.Dir, "train").Open(0)
		if err != nil {
			t.Fatal(err)
		}
		var p image.Picture
		if err := clip.Read([]int{1}, &p, func(int) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if [2]int{p.W, p.H} != want || p.Pix[0] < 7 || p.Pix[0] > 13 {
			t.Errorf("short side %d: %dx%d, red %d", short, p.W, p.H, p.Pix[0])
		}
	}
}

func TestWriteShardsRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ShardOptions)
		src    Source
		want   string
	}{
		"no bytes":       {func(o *ShardOptions) { o.Bytes = 0 }, &marked{clips: 2}, "0 bytes"},
		"no quality":     {func(o *ShardOptions) { o.Quality = 101 }, &marked{clips: 2}, "quality 101"},
		"no workers":     {func(o *ShardOptions) { o.Workers = 0 }, &marked{clips: 2}, "0 workers"},
		"all broken":     {func(*ShardOptions) {}, &marked{clips: 2, broken: []int{0, 1}}, "no clip can be read; the first one: open folder/clip.0: broken"},
		"clip too large": {func(o *ShardOptions) { o.Bytes = 1000 }, &marked{clips: 2}, "frames fill a shard of 1000 bytes"},
		"clip too long":  {func(*ShardOptions) {}, &drawn{n: 1 << 30, w: 8, h: 8, pixel: still}, "1073741824 frames: want at most 60000"},
	} {
		opt := packOptions(t.TempDir())
		c.change(&opt)
		if _, err := WriteShards(context.Background(), c.src, opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// foreign packs one sample with the named files.
func foreign(t *testing.T, names map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "classes.txt"), []byte("a\nb\n"))
	sample := shard.Sample{Key: "clip"}
	for ext, content := range names {
		sample.Files = append(sample.Files, shard.File{Ext: ext, Data: []byte(content)})
	}
	slices.SortFunc(sample.Files, func(a, b shard.File) int { return strings.Compare(b.Ext, a.Ext) }) // backwards
	var one iter.Seq2[shard.Sample, error] = func(yield func(shard.Sample, error) bool) { yield(sample, nil) }
	if _, _, err := shard.Write(dir, "train", 0, 1<<20, one); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestForeignShards: frames are ordered by number, other files are passed over, and
// what is missing or wrong is an error that says so.
func TestForeignShards(t *testing.T) {
	frame := func(n int) string { return string(pngFile(t, n, 8, 8)) }
	s := openShards(t, foreign(t, map[string]string{"cls": " 1\n", "9.png": frame(9), "10.png": frame(10), "2.x.png": frame(2), "json": "{}", "7z": "", "txt": "a"}), "train")
	if got := reds(t, s, 0); !slices.Equal(got, []int{2, 9, 10}) {
		t.Errorf("frames %v, want 2, 9, 10", got)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no label":        {map[string]string{"0.png": frame(0)}, "no .cls"},
		"label of text":   {map[string]string{"0.png": frame(0), "cls": "a"}, `label: "a": want 0 to 1`},
		"label too large": {map[string]string{"0.png": frame(0), "cls": "2"}, `label: "2": want 0 to 1`},
		"label too long":  {map[string]string{"0.png": frame(0), "cls": strings.Repeat("0", 99)}, "99 bytes: want a few digits"},
		"no frames":       {map[string]string{"jpg": frame(0), "cls": "1"}, "no frames"},
		"broken frame":    {map[string]string{"0.jpg": "\xff\xd8\xff\xe0", "cls": "1"}, "load frame 0.jpg of train-000000.tar:clip: decode JPEG"},
		"empty frame":     {map[string]string{"0.jpg": "", "cls": "1"}, "the file is empty"},
	} {
		s := openShards(t, foreign(t, c.files), "train")
		ds := open(t, s, training(2, 8))
		if err := ds.NewReader().Read(data.Key{}, ds.Layout().NewSample()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestOpenShardsRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []struct {
		name, content, want string
	}{
		{"other.tar", "", "classes.txt"},
		{"classes.txt", "a\nb\n", "no files test-*.tar, val-*.tar, validation-*.tar"},
		{"test-extra-000000.tar", "", "no files test-*.tar"},
		{"val-000000.tar", "not a tar file at all", "val-000000.tar"},
		{"test-000000.tar", "", "test-000000.tar"},
	} {
		write(t, filepath.Join(dir, step.name), []byte(step.content))
		if _, err := OpenShards(dir, "test"); err == nil || !strings.Contains(err.Error(), step.want) {
			t.Errorf("with %s: error %v, want %q", step.name, err, step.want)
		}
	}
}

// TestCutOffShard: clips ahead of the cut can be read, the one there cannot.
func TestCutOffShard(t *testing.T) {
	opt := packOptions(t.TempDir())
	opt.Bytes = 1 << 20
	pack(t, &marked{clips: 6}, opt)
	path := filepath.Join(opt.Dir, "train-000000.tar")
	content := files(t, opt.Dir)["train-000000.tar"]
	write(t, path, []byte(content[:len(content)/2]))
	s := openShards(t, opt.Dir, "train")
	ds := open(t, s, training(2, 8))
	for i := range s.Len() {
		err := ds.NewReader().Read(data.Key{Sample: i}, ds.Layout().NewSample())
		if last := i == s.Len()-1; (err != nil) != last {
			t.Errorf("clip %d of %d: error %v", i, s.Len(), err)
		}
	}
}
