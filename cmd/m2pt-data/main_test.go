package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data"
	"m2pt/experiment"
	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
	"m2pt/train"
)

func command(args ...string) clitest.Output { return clitest.Main(run).Run(args...) }

func TestConform(t *testing.T) {
	for _, word := range []string{"check", "stats", "generate", "shards", "h5", "fewshot"} {
		t.Run(word, func(t *testing.T) {
			clitest.Conform(t, "m2pt-data "+word, func(args []string, stdout, stderr io.Writer) cli.Code {
				return run(append([]string{word}, args...), stdout, stderr)
			})
		})
	}
}

func TestSubCommands(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code cli.Code
		want string
	}{
		{"none", nil, cli.Usage, "m2pt-data: name a sub-command: check, stats, generate, shards, h5 or fewshot"},
		{"unknown", []string{"chekc", "-config", "x"}, cli.Usage, `m2pt-data: no sub-command "chekc"`},
		{"flag ahead", []string{"-config", "x"}, cli.Usage, "-config"},
	} {
		t.Run(c.name, func(t *testing.T) { command(c.args...).Want(t, c.code, c.want) })
	}
	o := command("-h")
	o.Want(t, cli.Done)
	if !strings.Contains(o.Stdout, "check|stats|generate") || !strings.Contains(o.Stdout, "EXIT STATUS") {
		t.Errorf("help: %s", o.Stdout)
	}
}

func TestCheckGenerated(t *testing.T) {
	o := command("check", "-config", clitest.Experiment(t), "-json")
	o.Want(t, cli.Done, "train: 64 samples, 0 corrupt, 10 classes", "       7  disk")
	var got findings
	o.JSON(t, &got)
	if len(got.Splits) != 2 || got.Splits[1].Samples != 24 || len(got.Shared) != 0 || len(got.Splits[0].Twins) != 0 {
		t.Errorf("findings %+v", got)
	}
	if k := got.Splits[0].Classes; k[3].Samples != 7 || k[4].Samples != 6 {
		t.Errorf("classes %+v, want 64 samples of 10 classes in turn", k)
	}
	o = command("check", "-config", clitest.Experiment(t), "-split", "val", "-json")
	if o.JSON(t, &got); len(got.Splits) != 1 || got.Splits[0].Split != train.ValSplit {
		t.Errorf("findings %+v, want val alone", got)
	}
}

// folderArgs are the flags of an experiment with the pictures below root.
func folderArgs(t *testing.T, root string, more ...string) []string {
	return append([]string{"-config", clitest.Experiment(t), "-set", "data.format=folder", "-set", "data.path=" + root}, more...)
}

func TestCheckFolder(t *testing.T) {
	root := clitest.Folder(t, 10, "train")
	if err := os.Mkdir(filepath.Join(root, "train", "absent"), 0o755); err != nil {
		t.Fatal(err)
	}
	move(t, filepath.Join(root, "train", "light", "b.png"), filepath.Join(root, "train", "dark", "z.png"))
	var first string
	for _, workers := range []string{"1", "4"} {
		o := command(append([]string{"check"}, folderArgs(t, root, "-json", "-set", "data.workers="+workers)...)...)
		o.Want(t, cli.Skipped, "train: 10 samples, 1 corrupt, 3 classes", "corrupt dark/a.png: load ", "not JPEG, PNG",
			"classes without samples: absent", "twins: ", "has another label", "val samples in train", "samples were skipped: 1")
		if first == "" {
			first = o.Stdout
		}
		if o.Stdout != first {
			t.Errorf("%s workers: %s\nwant %s", workers, o.Stdout, first)
		}
		var got findings
		o.JSON(t, &got)
		f := got.Splits[0]
		if f.Samples != 10 || len(f.Corrupt) != 1 || f.Corrupt[0].File != "dark/a.png" || f.Classes[1].Samples != 5 || f.Classes[2].Samples != 4 {
			t.Errorf("train: %+v", f)
		}
		if want := 7; len(f.Twins) != want { // 4 readable dark ones, 4 light ones and z, of 2 contents
			t.Errorf("%d twins, want %d: %+v", len(f.Twins), want, f.Twins)
		}
		if len(got.Shared) != 10 {
			t.Errorf("%d samples of val are in train, want all 10", len(got.Shared))
		}
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// plain makes a split of n pictures of one colour each, oblong.
func plain(t *testing.T, colours ...color.NRGBA) string {
	t.Helper()
	root := t.TempDir()
	for i, k := range colours {
		m := stdimage.NewNRGBA(stdimage.Rect(0, 0, 20, 30))
		for p := range 20 * 30 {
			m.SetNRGBA(p%20, p/20, k)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		for _, split := range []string{"train", "val"} {
			path := filepath.Join(root, split, "only", fmt.Sprintf("%d.png", i))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestStatsConstant(t *testing.T) {
	root := plain(t, color.NRGBA{51, 102, 255, 255})
	args := append([]string{"stats"}, folderArgs(t, root, "-json", "-set", "augment.hflip=1", "-set", "augment.color_jitter=0.9")...)
	o := command(args...)
	o.Want(t, cli.Done, "train: 1 samples of shape [3 16 16]")
	var got measured
	if o.JSON(t, &got); !slices.Equal(got.Mean, []float64{51. / 255, 102. / 255, 1}) || !slices.Equal(got.Std, []float64{0, 0, 0}) {
		t.Errorf("mean %v, std %v", got.Mean, got.Std)
	}
	want := "[data]\nmean = [0.2000000, 0.4000000, 1.0000000]\nstd = [0.0000000, 0.0000000, 0.0000000]\n"
	if !strings.HasPrefix(o.Stdout, want) {
		t.Errorf("stdout %s, want %s", o.Stdout, want)
	}
}

// TestStatsPaste: what stats prints is a config.
func TestStatsPaste(t *testing.T) {
	root := plain(t, color.NRGBA{0, 0, 51, 255}, color.NRGBA{255, 51, 102, 255})
	o := command(append([]string{"stats", "-split", "val"}, folderArgs(t, root)...)...)
	o.Want(t, cli.Done)
	path := filepath.Join(t.TempDir(), "pasted.toml")
	if err := os.WriteFile(path, []byte(o.Stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := experiment.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := [3]float64{0.5, 0.1, 0.3}; cfg.Data.Mean != want || cfg.Data.Std != [3]float64{0.5, 0.1, 0.1} {
		t.Errorf("mean %v, std %v", cfg.Data.Mean, cfg.Data.Std)
	}
}

// TestStatsAudio: normalised by the printed figures, samples have mean 0 and the
// standard deviation one half.
func TestStatsAudio(t *testing.T) {
	cfg, config := audioConfig(t)
	o := command("stats", "-config", config, "-json")
	o.Want(t, cli.Done, "train: 64 samples of shape [64 32]")
	var got measured
	o.JSON(t, &got)
	cfg.Audio.Mean, cfg.Audio.Std = got.Mean[0], got.Std[0]
	var n, sum, squares float64
	for _, s := range samples(t, cfg, train.TrainSplit) {
		for _, v := range s.Values {
			n, sum, squares = n+1, sum+float64(v), squares+float64(v)*float64(v)
		}
	}
	if mean, std := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 1e-6 || math.Abs(std-0.5) > 1e-6 {
		t.Errorf("normalised samples have mean %v, std %v; want 0, 0.5", mean, std)
	}
	if !strings.HasPrefix(o.Stdout, "[audio]\nmean = -") {
		t.Errorf("stdout %s", o.Stdout)
	}
}

// TestStatsPoints: every axis apart, of each cloud once, and nothing to paste.
func TestStatsPoints(t *testing.T) {
	o := command("stats", "-config", cloudConfig(t), "-set", "eval.votes=3", "-json")
	o.Want(t, cli.Done, "train: 64 samples of shape [64 3]")
	var got measured
	if o.JSON(t, &got); len(got.Mean) != 3 || !(got.Std[0] > 0.1 && got.Std[1] > 0.1 && got.Std[2] > 0.1) {
		t.Errorf("mean %v, std %v", got.Mean, got.Std)
	}
	if !strings.HasPrefix(o.Stdout, "# x, y, z: mean = [") {
		t.Errorf("stdout %s", o.Stdout)
	}
}

// TestCheckClips: multi-view evaluation does not make samples more.
func TestCheckClips(t *testing.T) {
	o := command("check", "-config", clipConfig(t), "-set", "eval.segments=2", "-set", "eval.crops=3")
	o.Want(t, cli.Done, "train: 64 samples, 0 corrupt, 10 classes", "val: 24 samples, 0 corrupt")
}

// cloudConfig is an experiment with generated point clouds.
func cloudConfig(t *testing.T) string {
	return modality(t, "point = { points = 64 }\ntokenizer = { kind = 'point', groups = 8, group_size = 8, widths = [8, 8, 16] }\n")
}

// clipConfig is an experiment with generated clips.
func clipConfig(t *testing.T) string {
	return modality(t, "video = { frames = 4, rate = 2 }\ntokenizer = { kind = 'video', patch_size = 8, tubelet_size = 2 }\naugment = { reprob = 0.0 }\n")
}

// modality writes a config with the lines that make the modality.
func modality(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "modality.toml")
	text := lines + "data = { samples = 64, val_samples = 24, image_size = 16 }\nmodel = { embed_dim = 32, depth = 2, num_heads = 2 }\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func audioConfig(t *testing.T) (*experiment.Config, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sounds.toml")
	text := "data = { samples = 64, val_samples = 24 }\ntokenizer = { kind = 'audio', patch_size = 16 }\naudio = { sample_rate = 8000, mel_bins = 32, frames = 64, roll_mag_aug = true }\n" +
		"model = { embed_dim = 32, depth = 2, num_heads = 2 }\naugment = { reprob = 0.0 }\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := experiment.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, path
}

// samples reads a split as evaluation does.
func samples(t *testing.T, cfg *experiment.Config, split train.Split) map[string]*data.Sample {
	t.Helper()
	set, err := train.OpenPlain(cfg, split)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*data.Sample{}
	for i := range set.Len() {
		s := set.Layout().NewSample()
		if err := set.NewReader().Read(data.Key{Sample: i}, s); err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("%s %x %v", set.Classes()[s.Label], s.Pixels, s.Values)] = s
	}
	return all
}

// TestGenerate writes datasets, checks them and compares their samples with the
// generated ones.
func TestGenerate(t *testing.T) {
	_, sounds := audioConfig(t)
	for _, c := range []struct{ name, config, format, file string }{
		{"pictures", clitest.Experiment(t), "folder", "val/disk/000010.png"},
		{"sounds", sounds, "csv", "val/000010.wav"},
		{"clouds", cloudConfig(t), "folder", "val/*/000010.ply"},
		{"clips", clipConfig(t), "folder", "val/*/000010/000000.png"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			o := command("generate", "-config", c.config, "-out", out, "-json")
			o.Want(t, cli.Done, "64 samples for training, 24 for validation", "-set data.format="+c.format)
			var w written
			if o.JSON(t, &w); w != (written{out, c.format, 64, 24}) {
				t.Errorf("result %+v", w)
			}
			if files, err := filepath.Glob(filepath.Join(out, c.file)); err != nil || len(files) != 1 {
				t.Errorf("files %q (%v), want one %s", files, err, c.file)
			}
			sets := []string{"data.format=" + c.format, "data.path=" + out}
			o = command("check", "-config", c.config, "-set", sets[0], "-set", sets[1])
			o.Want(t, cli.Done, "train: 64 samples, 0 corrupt, 10 classes", "val: 24 samples, 0 corrupt, 10 classes")
			for _, split := range []train.Split{train.TrainSplit, train.ValSplit} {
				want, got := samples(t, load(t, c.config), split), samples(t, load(t, c.config, sets...), split)
				if len(got) != len(want) {
					t.Fatalf("%s: %d distinct samples, want %d", split, len(got), len(want))
				}
				for content := range got {
					if want[content] == nil {
						t.Fatalf("%s: a sample is not among the generated ones", split)
					}
				}
			}
			command("generate", "-config", c.config, "-out", out).Want(t, cli.Usage, "is not empty")
		})
	}
}

func load(t *testing.T, config string, sets ...string) *experiment.Config {
	t.Helper()
	cfg, err := experiment.Load(config, sets)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestGenerateStopped: what is stopped leaves nothing behind.
func TestGenerateStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	parent := t.TempDir()
	if _, err := write(ctx, load(t, clitest.Experiment(t)), filepath.Join(parent, "out")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// TestOutRefused: a folder that cannot be replaced is refused ahead of the work.
func TestOutRefused(t *testing.T) {
	config, dir := clitest.Experiment(t), t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for out, want := range map[string]string{".": "is the working directory", dir: "is the working directory", link: "is a link"} {
		command("generate", "-config", config, "-out", out).Want(t, cli.Usage, want)
	}
}

func TestExitStatus(t *testing.T) {
	config := clitest.Experiment(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		code cli.Code
		want string
		args []string
	}{
		{"no such split", cli.Usage, `-split: is "test"`, []string{"check", "-config", config, "-split", "test"}},
		{"no such split of stats", cli.Usage, "-split", []string{"stats", "-config", config, "-split", ""}},
		{"missing data", cli.Usage, "data.path: /nosuch", []string{"check", "-config", config, "-set", "data.format=folder", "-set", "data.path=/nosuch"}},
		{"missing split", cli.Usage, "open val data", []string{"check", "-config", config, "-set", "data.format=folder", "-set", "data.path=" + half(t)}},
		{"corrupt in stats", cli.Skipped, "corrupt dark/a.png", append([]string{"stats"}, folderArgs(t, clitest.Folder(t, 4, "train"))...)},
		{"nothing readable", cli.Failed, "none of its samples", append([]string{"stats"}, folderArgs(t, clitest.Folder(t, 1, "train"))...)},
		{"no folder", cli.Usage, "-out: name a folder", []string{"generate", "-config", config}},
		{"a file in the way", cli.Usage, "-out", []string{"generate", "-config", config, "-out", file}},
		{"nowhere", cli.Failed, "/nosuch", []string{"generate", "-config", config, "-out", "/nosuch/folder"}},
		{"not generated", cli.Usage, "only a generated dataset", append([]string{"generate", "-out", "x"}, folderArgs(t, clitest.Folder(t, 1))...)},
	} {
		t.Run(c.name, func(t *testing.T) { command(c.args...).Want(t, c.code, c.want) })
	}
}

// half is a dataset without a validation split.
func half(t *testing.T) string {
	root := clitest.Folder(t, 2)
	if err := os.RemoveAll(filepath.Join(root, "val")); err != nil {
		t.Fatal(err)
	}
	return root
}
