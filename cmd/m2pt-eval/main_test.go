package main

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"m2pt/checkpoint"
	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
)

func command(args ...string) clitest.Output { return clitest.Main(run).Run(args...) }

func TestConform(t *testing.T) { clitest.Conform(t, "m2pt-eval", run) }

// TestEqualsTraining: the figures are those of training's best checkpoint, to
// the last digit.
func TestEqualsTraining(t *testing.T) {
	aux := clitest.Experiment(t)
	for name, config := range map[string]string{
		"plain":    clitest.Experiment(t),
		"averaged": clitest.Experiment(t, "[schedule]", "warmup_epochs = 0", "[eval]", "ema = true"),
		"pathway":  clitest.Experiment(t, "pathway = { aux_config = '"+aux+"', lambda_init = 0.1 }"),
	} {
		t.Run(name, func(t *testing.T) {
			var sets []string
			if name == "averaged" {
				sets = []string{"train.ema_decay=0.9"}
			}
			want := clitest.Train(t, config, sets...)
			o := command("-checkpoint", want.Run, "-json")
			o.Want(t, cli.Done, "top-1")
			var got outcome
			if o.JSON(t, &got); got.Result != want.Best || got.Step != want.BestStep {
				t.Errorf("step %d: %+v, want step %d: %+v", got.Step, got.Result, want.BestStep, want.Best)
			}
		})
	}
}

// TestPerturbed: one changed number in one tensor changes the figures.
func TestPerturbed(t *testing.T) {
	trained := clitest.Train(t, clitest.Experiment(t))
	cp, _, err := checkpoint.Open(trained.Run)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := cp.Model()
	if err != nil {
		t.Fatal(err)
	}
	x, err := weights.Get("blocks.1.mlp.fc2.weight")
	if err != nil {
		t.Fatal(err)
	}
	values, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	values[0] += 0.5
	changed := &checkpoint.Tensors{}
	for ts := range weights.All() {
		if ts.Name == x.Name {
			ts = checkpoint.New(x.Name, x.Shape, values)
		}
		if err := changed.Add(ts); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "changed.safetensors")
	if err := checkpoint.Save(path, changed); err != nil {
		t.Fatal(err)
	}
	o := command("-checkpoint", path, "-config", filepath.Join(trained.Run, "config.toml"), "-json")
	o.Want(t, cli.Done)
	var got outcome
	if o.JSON(t, &got); got.Loss == trained.Best.Loss {
		t.Errorf("loss %v in spite of other weights", got.Loss)
	}
}

func TestPredictions(t *testing.T) {
	trained := clitest.Train(t, clitest.Experiment(t))
	path := filepath.Join(t.TempDir(), "predictions.csv")
	command("-checkpoint", trained.Run, "-predictions", path).Want(t, cli.Done)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+trained.Best.Samples || rows[0][0] != "file" || rows[1][0] != "generated/shapes/val/0" {
		t.Fatalf("%d rows, the first %q", len(rows), rows[:2])
	}
	right := 0
	for _, r := range rows[1:] {
		if (r[1] == r[3]) != (r[6] == "true") || (r[1] == r[3]) != (r[2] == r[4]) {
			t.Errorf("row %q contradicts itself", r)
		}
		if r[6] == "true" {
			right++
		}
	}
	if got := 100 * float64(right) / float64(trained.Best.Samples); got != trained.Best.Top1 {
		t.Errorf("%v percent of the rows are correct, top-1 is %v", got, trained.Best.Top1)
	}
}

// TestLogits: the tensors say what the figures do, in every format of tensors.
func TestLogits(t *testing.T) {
	trained := clitest.Train(t, clitest.Experiment(t))
	for _, name := range []string{"p.npz", "p.safetensors"} {
		path := filepath.Join(t.TempDir(), name)
		command("-checkpoint", trained.Run, "-predictions", path).Want(t, cli.Done)
		ts, err := checkpoint.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		logits, labels := tensor(t, ts, "logits"), tensor(t, ts, "label")
		table, err := logits.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		truth, err := labels.Int64s()
		if err != nil {
			t.Fatal(err)
		}
		n := trained.Best.Samples
		if len(truth) != n || !slices.Equal(logits.Shape, []int{n, len(table) / n}) || !slices.Equal(tensor(t, ts, "index").Shape, []int{n}) {
			t.Fatalf("%s: %d labels, logits %v of %d samples", name, len(truth), logits.Shape, n)
		}
		right := 0
		for i, label := range truth {
			if best, _ := answer(table[i*logits.Shape[1]:][:logits.Shape[1]]); int64(best) == label {
				right++
			}
		}
		if got := 100 * float64(right) / float64(n); got != trained.Best.Top1 {
			t.Errorf("%s: %v percent of the rows are correct, top-1 is %v", name, got, trained.Best.Top1)
		}
	}
}

// tensor is one of a file's.
func tensor(t *testing.T, ts *checkpoint.Tensors, name string) checkpoint.Tensor {
	t.Helper()
	x, err := ts.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestPredictionsElsewhere: a row per sample for every modality, however often it is
// looked at; the rows and the figures say the same.
func TestPredictionsElsewhere(t *testing.T) {
	cloud := []string{"tokenizer.kind=point", "point.points=32", "tokenizer.groups=6", "tokenizer.group_size=4", "tokenizer.widths=[4, 6, 8]", "augment.reprob=0", "augment.mixup=0"}
	clip := []string{"tokenizer.kind=video", "video.frames=4", "video.rate=1", "data.image_size=16", "tokenizer.patch_size=8", "augment.crop=none"}
	masked := []string{"task=pretrain", "mae.decoder_dim=8", "mae.decoder_depth=1", "mae.decoder_heads=2", "augment.reprob=0", "augment.mixup=0"}
	sound := []string{"tokenizer.kind=audio", "tokenizer.patch_size=8", "audio.sample_rate=8000", "audio.mel_bins=16", "audio.frames=32"}
	for _, c := range []struct {
		name        string
		train, eval []string
		columns     int
	}{
		{"sounds", sound, nil, 7},
		{"clouds", cloud, nil, 7},
		{"clouds, votes", cloud, []string{"eval.votes=3"}, 7},
		{"parts", append(cloud, "head.kind=parts", "head.widths=[8, 8, 8, 8]", "model.depth=3", "model.class_token=false"), nil, 6},
		{"clips", clip, nil, 7},
		{"clips, views", clip, []string{"eval.segments=2", "eval.crops=3"}, 7},
		{"masked pictures", masked, []string{"eval.probe=ridge"}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			trained := clitest.Train(t, clitest.Experiment(t), append(c.train, "train.epochs=1")...)
			path := filepath.Join(t.TempDir(), "predictions.csv")
			args := []string{"-checkpoint", trained.Run, "-predictions", path, "-json"}
			for _, s := range c.eval {
				args = append(args, "-set", s)
			}
			o := command(args...)
			o.Want(t, cli.Done)
			var got outcome
			o.JSON(t, &got)
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			rows, err := csv.NewReader(f).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 1+trained.Best.Samples || got.Samples != trained.Best.Samples || len(rows[0]) != c.columns {
				t.Fatalf("%d rows, the first %q; %d samples, want %d", len(rows), rows[:2], got.Samples, trained.Best.Samples)
			}
			names, share := map[string]bool{}, 0.0
			for _, r := range rows[1:] {
				names[r[0]] = true
				share += part(t, r) / float64(len(rows)-1)
			}
			want := got.Top1 / 100
			if got.Parts != nil {
				want = got.Parts.InstanceIoU
			}
			if got.Masked {
				want = got.Loss
			}
			if math.Abs(share-want) > 1e-5 || len(names) != got.Samples {
				t.Errorf("the rows of %d samples say %v, the figures %v", len(names), share, want)
			}
			code := cli.Done
			if c.columns != 7 {
				code = cli.Usage // no class, no logits
			}
			command(append(args, "-predictions", path+".npz")...).Want(t, code)
		})
	}
}

// part is what a row counts for: 1 for a right answer, or the overlap of parts.
func part(t *testing.T, row []string) float64 {
	t.Helper()
	last := row[len(row)-1]
	if right, err := strconv.ParseBool(last); err == nil && len(row) == 7 {
		return map[bool]float64{true: 1}[right]
	}
	v, err := strconv.ParseFloat(last, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSkippedSamples(t *testing.T) {
	root := clitest.Folder(t, 10)
	trained := clitest.Train(t, clitest.Experiment(t), "data.format=folder", "data.path="+root, "train.batch=4", "train.epochs=1")
	if err := os.WriteFile(filepath.Join(root, "val", "dark", "c.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := command("-checkpoint", trained.Run, "-json")
	o.Want(t, cli.Skipped, "skipped dark/c.png: ", "samples were skipped: 1")
	var got outcome
	if o.JSON(t, &got); got.Skipped != 1 || got.Samples != 9 {
		t.Errorf("outcome %+v", got)
	}
	o = command("-checkpoint", trained.Run, "-set", "data.max_skipped=0")
	o.Want(t, cli.Failed, "raise max_skipped")
}

func TestExitStatus(t *testing.T) {
	trained := clitest.Train(t, clitest.Experiment(t), "train.epochs=1")
	bare := filepath.Join(t.TempDir(), "bare.safetensors")
	if err := os.WriteFile(bare, []byte("no weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	other := clitest.Experiment(t, "[head]", "init_std = 0.1")
	for _, c := range []struct {
		name string
		code cli.Code
		want string
		args []string
	}{
		{"no such checkpoint", cli.Usage, "m2pt-eval: open checkpoint", []string{"-checkpoint", "/nosuch"}},
		{"folder without checkpoint", cli.Usage, "want a run folder", []string{"-checkpoint", t.TempDir()}},
		{"bad weights", cli.Failed, "bare.safetensors", []string{"-checkpoint", bare, "-config", other}},
		{"weights without config", cli.Usage, "name its experiment with -config", []string{"-checkpoint", bare}},
		{"unknown key", cli.Usage, "eval.bach", []string{"-checkpoint", trained.Run, "-set", "eval.bach=1"}},
		{"cuda", cli.Usage, "no CUDA", []string{"-checkpoint", trained.Run, "-device", "cuda"}},
		{"missing data", cli.Usage, "m2pt-eval: data.path: /nosuch", []string{"-checkpoint", trained.Run, "-set", "data.format=folder", "-set", "data.path=/nosuch"}},
		{"another model", cli.Failed, "shape", []string{"-checkpoint", trained.Run, "-set", "model.embed_dim=64"}},
		{"predictions nowhere", cli.Failed, "/nosuch", []string{"-checkpoint", trained.Run, "-predictions", "/nosuch/p.csv"}},
		{"logits nowhere", cli.Failed, "/nosuch", []string{"-checkpoint", trained.Run, "-predictions", "/nosuch/p.npz"}},
	} {
		t.Run(c.name, func(t *testing.T) { command(c.args...).Want(t, c.code, c.want) })
	}
}
