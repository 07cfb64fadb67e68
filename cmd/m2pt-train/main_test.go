package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
	"m2pt/train"
)

func command(args ...string) clitest.Output { return clitest.Main(run).Run(args...) }

func TestConform(t *testing.T) { clitest.Conform(t, "m2pt-train", run) }

func TestTrain(t *testing.T) {
	config := clitest.Experiment(t)
	dir := filepath.Join(t.TempDir(), "elsewhere")
	o := command("-config", config, "-out", dir, "-set", "train.epochs=1", "-json")
	o.Want(t, cli.Done, "best  top-1", "run folder: "+dir, "m2pt-eval -checkpoint "+dir, "m2pt-export -checkpoint "+dir)
	var got train.Outcome
	o.JSON(t, &got)
	if got.Run != dir || got.Steps != 4 || got.Epochs != 1 || got.Eval.Samples != 24 {
		t.Errorf("outcome %+v", got)
	}
	for _, name := range []string{"config.toml", "metrics.jsonl", "summary.csv", "best", "last", "checkpoints/step-00000004"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestTrainAuxiliary trains the auxiliary first and shows λ of every layer.
func TestTrainAuxiliary(t *testing.T) {
	aux := clitest.Experiment(t)
	config := clitest.Experiment(t, "pathway = { aux_config = '"+aux+"', layers = ['attn.qkv'] }")
	o := command("-config", config, "-set", "train.epochs=1", "-set", "aux.train.epochs=1", "-json")
	o.Want(t, cli.Done, "auxiliary experiment first", "blocks.0.attn.qkv", "blocks.1.attn.qkv", "lambda")
	var got train.Outcome
	if o.JSON(t, &got); len(got.Lambda) != 2 {
		t.Errorf("lambda %+v, want 2", got.Lambda)
	}
}

func TestExitStatus(t *testing.T) {
	config := clitest.Experiment(t)
	done := clitest.Experiment(t)
	clitest.Train(t, done)
	for _, c := range []struct {
		name string
		code cli.Code
		want []string
		args []string
	}{
		{"no config", cli.Usage, []string{"-config: name an experiment"}, []string{"-json"}},
		{"no such config", cli.Usage, []string{"nosuch.toml: no such file"}, []string{"-config", "nosuch.toml"}},
		{"unknown key", cli.Usage, []string{"-set train.epoch=1: train.epoch: unknown key", `did you mean "epochs"?`}, []string{"-config", config, "-set", "train.epoch=1"}},
		{"two problems", cli.Usage, []string{"\nm2pt-train: -set"}, []string{"-config", config, "-set", "train.epoch=1", "-set", "modle.depth=1"}},
		{"cuda", cli.Usage, []string{"device cuda:0: this build has no CUDA device (docs/cuda.md): choose cpu"}, []string{"-config", config, "-device", "cuda:0"}},
		{"bf16 on the cpu", cli.Usage, []string{"device.precision", "float32"}, []string{"-config", config, "-set", "device.precision=bf16"}},
		{"absurd sizes", cli.Usage, []string{"data.samples: is 9000000000000000000", "eval.batch: is 9000000000000"},
			[]string{"-config", config, "-set", "data.samples=9000000000000000000", "-set", "eval.batch=9000000000000"}},
		{"unknown device", cli.Usage, []string{"device.name"}, []string{"-config", config, "-device", "tpu"}},
		{"empty resume", cli.Usage, []string{"-resume: want"}, []string{"-config", config, "-resume", ""}},
		{"missing data and weights", cli.Usage, []string{"m2pt-train: data.path: /nosuch", "\nm2pt-train: model.init: /nosuch"},
			[]string{"-config", config, "-set", "data.format=folder", "-set", "data.path=/nosuch", "-set", "model.init=/nosuch"}},
		{"run folder in use", cli.Usage, []string{"holds checkpoints"}, []string{"-config", done, "-resume", "never"}},
		{"run folder of another experiment", cli.Usage, []string{"another experiment"}, []string{"-config", done, "-set", "seed=7"}},
		{"no such checkpoint", cli.Usage, []string{"open checkpoint"}, []string{"-config", config, "-resume", "/nosuch"}},
		{"batch too large", cli.Usage, []string{"train.batch 128"}, []string{"-config", config, "-set", "train.batch=128"}},
		{"not finite", cli.NonFinite, []string{"not finite", "train.clip_grad"},
			[]string{"-config", clitest.Experiment(t), "-set", "optimizer.lr=1e38", "-set", "schedule.warmup_epochs=0"}},
	} {
		t.Run(c.name, func(t *testing.T) { command(c.args...).Want(t, c.code, c.want...) })
	}
}

// TestMissingCreatesNothing: a config that cannot run leaves no run folder.
func TestMissingCreatesNothing(t *testing.T) {
	config := clitest.Experiment(t)
	command("-config", config, "-set", "model.init=/nosuch").Want(t, cli.Usage)
	if _, err := os.Stat(filepath.Join(filepath.Dir(config), "run")); !os.IsNotExist(err) {
		t.Errorf("run folder is there: %v", err)
	}
}

func TestSkippedSamples(t *testing.T) {
	config := clitest.Experiment(t, `[eval]`, `batch = 4`)
	o := command("-config", config, "-set", "data.format=folder", "-set", "data.path="+clitest.Folder(t, 10, "train", "val"),
		"-set", "train.batch=4", "-set", "train.epochs=1", "-json")
	o.Want(t, cli.Skipped, "skipped train dark/a.png: ", "skipped val dark/a.png: ", "m2pt-train: finished, but samples were skipped: 2")
	var got train.Outcome
	if o.JSON(t, &got); len(got.Skipped) != 2 || got.Eval.Samples != 9 {
		t.Errorf("outcome %+v", got)
	}
}

func TestDryRun(t *testing.T) {
	config := filepath.Join(t.TempDir(), "vit.toml")
	text := "[data]\nformat = 'folder'\npath = '/nosuch/imagenet'\n[pathway]\naux = '/nosuch/audiomae.pth'\norder = 'reversed'\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	o := command("-config", config, "-dry-run", "-json", "-device", "cuda")
	o.Want(t, cli.Done, "171,502,360 training", "86,567,656 merged", "assumed: 1000 classes", "assumed: auxiliary model 0 has 12 blocks",
		"block 0 + λ·block 11 of auxiliary 0: attn.qkv attn.proj mlp.fc1 mlp.fc2", "missing: data.path", "missing: pathway.aux")
	var got struct {
		train.Plan
		Missing []string
	}
	o.JSON(t, &got)
	want := train.Parameters{Training: 171502360, Trained: 86567656 + 48, Merged: 86567656}
	if got.Parameters != want || len(got.Pathways) != 48 || len(got.Missing) != 2 {
		t.Errorf("parameters %+v, want %+v; %d pathway layers; missing %q", got.Parameters, want, len(got.Pathways), got.Missing)
	}
	// 4.5·N·D² + ... of a ViT-B/16 at 224 pixels: 35.1 GFLOPs forward (timm), three times that to train.
	if f := got.FLOPs; f.Forward < 34e9 || f.Forward > 36e9 || f.PerSample < 102e9 || f.PerSample > 108e9 {
		t.Errorf("FLOPs %+v", f)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 0 {
		t.Errorf("dry run left %v, %v", entries, err)
	}
}

// TestDryRunWithData knows the steps of an epoch and the number of classes.
func TestDryRunWithData(t *testing.T) {
	o := command("-config", clitest.Experiment(t), "-dry-run", "-json")
	o.Want(t, cli.Done, "4 per epoch")
	var got train.Plan
	o.JSON(t, &got)
	if got.Classes != 10 || got.Steps != (train.PlanSteps{PerEpoch: 4, Total: 8}) || got.Assumed != nil {
		t.Errorf("plan %+v", got)
	}
	if strings.Contains(o.Stderr, "assumed") {
		t.Errorf("nothing was to be assumed:\n%s", o.Stderr)
	}
}
