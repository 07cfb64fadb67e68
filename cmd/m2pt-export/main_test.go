package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
)

func command(args ...string) clitest.Output { return clitest.Main(run).Run(args...) }

func TestConform(t *testing.T) { clitest.Conform(t, "m2pt-export", run) }

// TestExport writes every form of a model with pathways and verifies it.
func TestExport(t *testing.T) {
	aux := clitest.Experiment(t)
	trained := clitest.Train(t, clitest.Experiment(t, "pathway = { aux_config = '"+aux+"', lambda_init = 0.1 }"))
	for _, c := range []struct{ name, out, weights string }{
		{"safetensors", "m.safetensors", "m.safetensors"},
		{"npz", "m.npz", "m.npz"},
		{"folder", "hf", "hf/model.safetensors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			o := command("-checkpoint", trained.Run, "-out", filepath.Join(dir, c.out), "-verify", "-json")
			o.Want(t, cli.Done, "8 pathway layers folded", "max|λ|", "max|Δ|")
			var got outcome
			if o.JSON(t, &got); got.Folded != 8 || got.Verified == nil || got.Verified.MaxLambda < 0.05 {
				t.Errorf("outcome %+v", got)
			}
			weights, err := checkpoint.Load(filepath.Join(dir, c.weights))
			if err != nil {
				t.Fatal(err)
			}
			if weights.Len() != got.Tensors {
				t.Errorf("%d tensors, want %d", weights.Len(), got.Tensors)
			}
			for x := range weights.All() {
				if strings.Contains(x.Name, "cross_modal_scale") || strings.Contains(x.Name, "aux_weight") {
					t.Errorf("tensor %q is left", x.Name)
				}
			}
		})
	}
}

// TestForms: what each flag writes, and what the command says of it.
func TestForms(t *testing.T) {
	aux := clitest.Experiment(t)
	trained := clitest.Train(t, clitest.Experiment(t, "pathway = { aux_config = '"+aux+"', lambda_init = 0.1 }"), "train.ema_decay=0.5", "train.keep=9")
	step := func(name string) string { return filepath.Join(trained.Run, "checkpoints", name) }
	for _, c := range []struct {
		name      string
		args      []string
		says      string
		dtype     checkpoint.Dtype
		apart     bool // λ and W′ are there
		ema       bool
		tolerance float64
	}{
		{"float16", []string{"-dtype", "float16"}, "parameters in float16, 8 pathway layers folded, running averages (EMA)", checkpoint.Float16, false, true, 2e-3},
		{"bfloat16", []string{"-dtype", "bfloat16"}, "parameters in bfloat16, 8", checkpoint.BFloat16, false, true, 2e-2},
		{"raw", []string{"-set", "eval.ema=false"}, "8 pathway layers folded, weights as trained", checkpoint.Float32, false, false, 1e-4},
		{"unmerged", []string{"-unmerged"}, "pathways unmerged, running averages (EMA)", checkpoint.Float32, true, true, 1e-4},
		{"mean", []string{"-checkpoint", step("step-00000004")}, "the mean of 2 checkpoints, running averages (EMA)", checkpoint.Float32, false, true, 1e-4},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "m.safetensors")
			o := command(append(c.args, "-checkpoint", step("step-00000008"), "-out", out, "-verify", "-json")...)
			o.Want(t, cli.Done, c.says, "verified: ")
			var got outcome
			o.JSON(t, &got)
			if got.EMA != c.ema || got.Dtype != c.dtype.String() || got.Verified == nil || got.Verified.Tolerance != c.tolerance || got.Checkpoints[len(got.Checkpoints)-1] != step("step-00000008") {
				t.Errorf("outcome %+v", got)
			}
			ts, err := checkpoint.Load(out)
			if err != nil {
				t.Fatal(err)
			}
			w, err := ts.Get("blocks.0.mlp.fc1.weight")
			if _, apart := ts.Lookup("blocks.0.mlp.fc1.cross_modal_scale"); err != nil || w.Dtype != c.dtype || apart != c.apart {
				t.Errorf("%v, λ there: %v, %v", w.Dtype, apart, err)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	o := command("-h")
	for _, s := range []string{"-dtype DTYPE", "float32, float16, bfloat16", "-unmerged", "LAYER.cross_modal_scale", "repeatable", "eval.ema=false", "masked autoencoder"} {
		if !strings.Contains(o.Stdout, s) {
			t.Errorf("help lacks %q:\n%s", s, o.Stdout)
		}
	}
}

func TestExitStatus(t *testing.T) {
	trained := clitest.Train(t, clitest.Experiment(t), "train.epochs=1")
	wide := clitest.Train(t, clitest.Experiment(t), "train.epochs=1", "model.embed_dim=64")
	taken := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(taken, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		code cli.Code
		want string
		args []string
	}{
		{"no out", cli.Usage, "-out: name", []string{"-checkpoint", trained.Run}},
		{"no checkpoint", cli.Usage, "-checkpoint: name", []string{"-out", "x.npz"}},
		{"unknown dtype", cli.Usage, `-dtype: is "half", want float32, float16, bfloat16`, []string{"-checkpoint", trained.Run, "-out", "x.npz", "-dtype", "half"}},
		{"bfloat16 for NumPy", cli.Usage, "NumPy has no bfloat16", []string{"-checkpoint", trained.Run, "-out", "x.npz", "-dtype", "bfloat16"}},
		{"unmerged folder", cli.Usage, "plain model", []string{"-checkpoint", trained.Run, "-out", filepath.Join(t.TempDir(), "x"), "-unmerged"}},
		{"unmerged mean", cli.Usage, "-unmerged: the mean", []string{"-checkpoint", trained.Run, "-checkpoint", trained.Run, "-out", "x.npz", "-unmerged"}},
		{"another's checkpoint", cli.Failed, `mean of checkpoints: tensor "`, []string{"-checkpoint", trained.Run, "-checkpoint", wide.Run, "-out", filepath.Join(t.TempDir(), "x.npz")}},
		{"no such checkpoint", cli.Usage, "open checkpoint", []string{"-checkpoint", "/nosuch", "-out", "x.npz"}},
		{"unknown form", cli.Usage, ".onnx", []string{"-checkpoint", trained.Run, "-out", filepath.Join(t.TempDir(), "m.onnx")}},
		{"nowhere", cli.Failed, "nosuch", []string{"-checkpoint", trained.Run, "-out", filepath.Join(taken, "nosuch", "m.npz")}},
		{"cuda", cli.Usage, "no CUDA", []string{"-checkpoint", trained.Run, "-out", filepath.Join(t.TempDir(), "m.npz"), "-verify", "-device", "cuda"}},
	} {
		t.Run(c.name, func(t *testing.T) { command(c.args...).Want(t, c.code, c.want) })
	}
}
