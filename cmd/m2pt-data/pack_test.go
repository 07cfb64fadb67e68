package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m2pt/data/point"
	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
	"m2pt/train"
)

func TestMain(m *testing.M) {
	if child, code := point.H5Child(); child {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// wantSame compares the samples of both splits of two forms of a dataset.
func wantSame(t *testing.T, config string, a, b []string) {
	t.Helper()
	for _, split := range bothSplits() {
		want, got := samples(t, load(t, config, a...), split), samples(t, load(t, config, b...), split)
		if len(got) != len(want) {
			t.Fatalf("%s: %d distinct samples, want %d", split, len(got), len(want))
		}
		for content := range got {
			if want[content] == nil {
				t.Fatalf("%s: a sample is not one of the dataset", split)
			}
		}
	}
}

// TestShardsPictures packs files as they are and other pictures without loss.
func TestShardsPictures(t *testing.T) {
	for _, format := range []string{"folder", "generated"} {
		t.Run(format, func(t *testing.T) {
			config, out := clitest.Experiment(t), filepath.Join(t.TempDir(), "out")
			var sets []string
			if format == "folder" {
				sets = []string{"data.format=folder", "data.path=" + clitest.Folder(t, 6)}
			}
			args := []string{"shards", "-config", config, "-out", out, "-json"}
			for _, s := range sets {
				args = append(args, "-set", s)
			}
			o := command(args...)
			o.Want(t, cli.Done, "samples for training", "-set data.format=shards")
			var w packed
			if o.JSON(t, &w); w.Format != "shards" || w.Path != out || w.Train < 6 || w.Val < 6 || len(w.Skipped) > 0 {
				t.Errorf("result %+v", w)
			}
			shards := []string{"data.format=shards", "data.path=" + out}
			wantSame(t, config, sets, shards)
			if _, err := os.Stat(filepath.Join(out, "train-000000.tar")); err != nil {
				t.Error(err)
			}
			command(args...).Want(t, cli.Usage, "is not empty")
		})
	}
}

// TestShardsCorrupt: what cannot be read is left out and told.
func TestShardsCorrupt(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o := command(append([]string{"shards", "-out", out, "-json"}, folderArgs(t, clitest.Folder(t, 6, "train"))...)...)
	o.Want(t, cli.Skipped, "left out dark/a.png: not JPEG, PNG, GIF or WebP", "5 samples for training, 6 for validation")
	var w packed
	if o.JSON(t, &w); len(w.Skipped) != 1 || w.Skipped[0].File != "dark/a.png" {
		t.Errorf("result %+v", w)
	}
	command("check", "-config", clitest.Experiment(t), "-set", "data.format=shards", "-set", "data.path="+out).
		Want(t, cli.Done, "train: 5 samples, 0 corrupt, 2 classes")
}

func TestShardsClouds(t *testing.T) {
	config, out := cloudConfig(t), filepath.Join(t.TempDir(), "out")
	command("shards", "-config", config, "-out", out, "-points", "128").Want(t, cli.Done, "64 samples for training, 24 for validation")
	wantSame(t, config, nil, []string{"data.format=shards", "data.path=" + out})
}

// TestShardsLeftOut: clouds and clips that cannot be read are left out, and told by
// the call that finds so and by those that go on.
func TestShardsLeftOut(t *testing.T) {
	for name, c := range map[string]struct{ config, item string }{
		"clouds": {cloudConfig(t), "000000.ply"},
		"clips":  {clipConfig(t), "000000/000000.png"},
	} {
		t.Run(name, func(t *testing.T) {
			from, out := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "out")
			command("generate", "-config", c.config, "-out", from).Want(t, cli.Done)
			items, err := filepath.Glob(filepath.Join(from, "train", "*", c.item))
			if err != nil || len(items) != 1 {
				t.Fatalf("items %q, %v", items, err)
			}
			if err := os.WriteFile(items[0], []byte("x\ny\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			args := []string{"shards", "-config", c.config, "-out", out, "-points", "64", "-set", "data.format=folder", "-set", "data.path=" + from}
			command(args...).Want(t, cli.Skipped, "left out", "63 samples for training, 24 for validation")
			if name == "clips" {
				command(args...).Want(t, cli.Skipped, "left out", "63 samples for training, 24 for validation")
			}
			command("check", "-config", c.config, "-set", "data.format=shards", "-set", "data.path="+out).Want(t, cli.Done, "train: 63 samples, 0 corrupt")
		})
	}
}

// TestShardsClips: packing again keeps what is there.
func TestShardsClips(t *testing.T) {
	config, out := clipConfig(t), filepath.Join(t.TempDir(), "out")
	args := []string{"shards", "-config", config, "-out", out, "-short", "12", "-quality", "100"}
	command(args...).Want(t, cli.Done, "64 samples for training, 24 for validation")
	before, err := os.Stat(filepath.Join(out, "train-000000.tar"))
	if err != nil {
		t.Fatal(err)
	}
	command(args...).Want(t, cli.Done, "64 samples for training")
	for _, other := range [][]string{{"-short", "8"}, {"-quality", "90"}, {"-size", "9"}} {
		command(append(args, other...)...).Want(t, cli.Usage, "-out: ", "choose another folder")
	}
	if after, err := os.Stat(filepath.Join(out, "train-000000.tar")); err != nil || !os.SameFile(before, after) {
		t.Errorf("the shard was written again (%v)", err)
	}
	command("check", "-config", config, "-set", "data.format=shards", "-set", "data.path="+out).
		Want(t, cli.Done, "train: 64 samples, 0 corrupt, 10 classes", "val: 24 samples, 0 corrupt")
}

func TestH5(t *testing.T) {
	const dir = "../../data/point/testdata/"
	out := filepath.Join(t.TempDir(), "out")
	args := []string{"h5", "-in", dir + "train.h5", "-in", dir + "test.h5", "-out", out, "-memory", "512", "-json"}
	o := command(args...)
	o.Want(t, cli.Done, "3 clouds of split train", "2 clouds of split test", "-set data.format=shards")
	var w converted
	if o.JSON(t, &w); w.Clouds["train"] != 3 || w.Clouds["test"] != 2 || w.Path != out {
		t.Errorf("result %+v", w)
	}
	command("check", "-config", cloudConfig(t), "-set", "data.format=shards", "-set", "data.path="+out, "-set", "point.points=8", "-set", "tokenizer.group_size=4",
		"-set", "tokenizer.groups=2").Want(t, cli.Done, "train: 3 samples, 0 corrupt, 3 classes", "val: 2 samples")
	command(args...).Want(t, cli.Usage, "is not empty")
}

// TestFewshot: the folds written are those that training draws.
func TestFewshot(t *testing.T) {
	config, out := cloudConfig(t), filepath.Join(t.TempDir(), "out")
	sizes := []string{"data.samples=60", "data.val_samples=200", "data.seed=4"}
	args := []string{"fewshot", "-config", config, "-out", out, "-way", "3,5", "-shot", "2", "-folds", "2", "-json"}
	for _, s := range sizes {
		args = append(args, "-set", s)
	}
	o := command(args...)
	o.Want(t, cli.Done, "4 folds", "-set point.way=3 -set point.shot=2 -set point.fold=0")
	var w drawn
	if o.JSON(t, &w); w.Folds != 4 {
		t.Errorf("result %+v", w)
	}
	for _, way := range []int{3, 5} {
		for fold := range 2 {
			f, err := point.ReadFold(filepath.Join(out, point.Episode{Way: way, Shot: 2, Fold: fold}.Path()))
			if err != nil {
				t.Fatal(err)
			}
			cfg := load(t, config, append(sizes, fmt.Sprint("point.way=", way), "point.shot=2", fmt.Sprint("point.fold=", fold))...)
			for split, want := range map[train.Split][]string{train.TrainSplit: f.Train, train.ValSplit: f.Test} {
				set, err := train.OpenPlain(cfg, split)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for i := range set.Len() {
					got = append(got, set.Name(i))
				}
				if !slices.Equal(got, want) || !slices.Equal(set.Classes(), f.Classes) {
					t.Errorf("%d-way fold %d, %s: training has %q of %q, the file %q of %q", way, fold, split, got, set.Classes(), want, f.Classes)
				}
			}
		}
	}
}

func TestPackExitStatus(t *testing.T) {
	pictures, clouds := clitest.Experiment(t), cloudConfig(t)
	_, sounds := audioConfig(t)
	out := filepath.Join(t.TempDir(), "out")
	bad := filepath.Join(t.TempDir(), "train.h5")
	if err := os.WriteFile(bad, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, args, want string
		code             cli.Code
	}{
		{"shards of sounds", "shards -config " + sounds + " -out " + out, "no shards of sounds", cli.Usage},
		{"shards nowhere", "shards -config " + pictures, "-out: name a folder", cli.Usage},
		{"shard size", "shards -config " + pictures + " -out x -size 0", "-size: is 0", cli.Usage},
		{"quality", "shards -config " + pictures + " -out x -quality 101", "-quality: is 101", cli.Usage},
		{"short", "shards -config " + pictures + " -out x -short -1", "-short: is -1", cli.Usage},
		{"points", "shards -config " + pictures + " -out x -points 0", "-points: is 0", cli.Usage},
		{"shards of missing data", "shards -config " + pictures + " -out x -set data.format=folder -set data.path=/nosuch", "/nosuch", cli.Usage},
		{"h5 of nothing", "h5 -out x", "-in: name an HDF5 file", cli.Usage},
		{"h5 twice", "h5 -in " + bad + " -in " + bad + " -out " + out, "named twice", cli.Usage},
		{"h5 nowhere", "h5 -in " + bad, "-out: name a folder", cli.Usage},
		{"h5 memory", "h5 -in " + bad + " -out x -memory 3", "-memory: is 3", cli.Usage},
		{"h5 of text", "h5 -in " + bad + " -out " + out, "not an HDF5 file", cli.Failed},
		{"folds of pictures", "fewshot -config " + pictures + " -out x", "few-shot tasks are of point clouds", cli.Usage},
		{"folds nowhere", "fewshot -config " + clouds, "-out: name a folder", cli.Usage},
		{"way", "fewshot -config " + clouds + " -out x -way 5,x", `-way: is "5,x"`, cli.Usage},
		{"shot", "fewshot -config " + clouds + " -out x -shot 0", `-shot: is "0"`, cli.Usage},
		{"folds", "fewshot -config " + clouds + " -out x -folds 0", "-folds: is 0", cli.Usage},
		{"too few clouds", "fewshot -config " + clouds + " -out " + out, "want fewer ways or shots, or more data", cli.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			command(strings.Fields(c.args)...).Want(t, c.code, c.want)
			if _, err := os.Stat(out); err == nil {
				t.Error("the folder is there")
			}
		})
	}
}
