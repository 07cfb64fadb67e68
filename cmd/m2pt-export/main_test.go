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

func TestExitStatus(t *testing.T) {
	trained := clitest.Train(t, clitest.Experiment(t), "train.epochs=1")
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
		{"no such checkpoint", cli.Usage, "open checkpoint", []string{"-checkpoint", "/nosuch", "-out", "x.npz"}},
		{"unknown form", cli.Usage, ".onnx", []string{"-checkpoint", trained.Run, "-out", filepath.Join(t.TempDir(), "m.onnx")}},
		{"nowhere", cli.Failed, "nosuch", []string{"-checkpoint", trained.Run, "-out", filepath.Join(taken, "nosuch", "m.npz")}},
		{"cuda", cli.Usage, "no CUDA", []string{"-checkpoint", trained.Run, "-out", filepath.Join(t.TempDir(), "m.npz"), "-verify", "-device", "cuda"}},
	} {
		t.Run(c.name, func(t *testing.T) { command(c.args...).Want(t, c.code, c.want) })
	}
}
