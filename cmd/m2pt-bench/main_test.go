package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m2pt/bench"
	"m2pt/engine"
	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
)

func command(args ...string) clitest.Output { return clitest.Main(run).Run(args...) }

func TestConform(t *testing.T) { clitest.Conform(t, "m2pt-bench", run) }

// TestMeasures takes figures of a small model; they must exist and fit together.
func TestMeasures(t *testing.T) {
	o := command("-config", clitest.Experiment(t), "-steps", "3", "-json")
	o.Want(t, cli.Done, "samples/s", "pathway overhead")
	var r bench.Result
	o.JSON(t, &r)
	if r.SamplesPerS <= 0 || r.GFLOPS <= 0 || r.PeakGFLOPS < r.GFLOPS || r.PeakMemMB <= 0 || r.CompileMS <= 0 || r.Rounds != 3 {
		t.Errorf("result %+v", r)
	}
	if r.Interval[0] > r.PathwayOverhead || r.Interval[1] < r.PathwayOverhead {
		t.Errorf("overhead %g outside its interval %v", r.PathwayOverhead, r.Interval)
	}
	if got := 16 / r.SamplesPerS * 1e3; got < 0.99*r.StepMS || got > 1.01*r.StepMS {
		t.Errorf("%g samples/s and %g ms per step of 16 do not fit", r.SamplesPerS, r.StepMS)
	}
}

// TestAlone measures nothing beside the experiment: its training step, or its
// evaluation, which computes a third of it and keeps less.
func TestAlone(t *testing.T) {
	results := map[string]bench.Result{}
	for _, mode := range []string{"-alone", "-eval"} {
		o := command("-config", clitest.Experiment(t), "-steps", "3", mode, "-json")
		o.Want(t, cli.Done, "samples/s", "in 3 rounds")
		if strings.Contains(o.Stdout+o.Stderr, "overhead") {
			t.Errorf("%s: an overhead of nothing: %s", mode, o.Stdout)
		}
		var r bench.Result
		if o.JSON(t, &r); len(r.StepsMS) != 3 {
			t.Errorf("%s: steps %v, want 3", mode, r.StepsMS)
		}
		results[mode] = r
	}
	step, eval := results["-alone"], results["-eval"]
	if r := eval.GFLOPS * eval.StepMS / (step.GFLOPS * step.StepMS); r < 0.3 || r > 0.4 || eval.PeakMemMB >= step.PeakMemMB {
		t.Errorf("evaluation computes %.2f of a training step in %v MB, want a third in less than %v MB", r, eval.PeakMemMB, step.PeakMemMB)
	}
}

func TestPlan(t *testing.T) {
	for _, config := range []string{"vit_ti16_224", "vit_b16_224", "vit32_4"} {
		t.Run(config, func(t *testing.T) {
			o := command("-config", filepath.Join("..", "..", "configs", "bench", config+".toml"), "-plan", "-json")
			o.Want(t, cli.Done)
			for _, s := range []string{"step", "attention(heads=", ".grad", "micro", "update blocks.0.attn.qkv.weight", "adamw"} {
				if !strings.Contains(o.Stdout, s) {
					t.Errorf("plan lacks %q", s)
				}
			}
			var use engine.Usage
			if o.JSON(t, &use); use.Arena <= 0 || use.Values <= use.Arena {
				t.Errorf("memory %+v: want an arena smaller than all values", use)
			}
		})
	}
}

func TestProfile(t *testing.T) {
	o := command("-config", clitest.Experiment(t), "-steps", "2", "-profile", "-json")
	o.Want(t, cli.Done, "linear.dw", "GFLOP/s", "% of memory", "ms / floor")
	var p bench.Profile
	o.JSON(t, &p)
	sum := 0.0
	for i, s := range p.Ops {
		sum += s.Percent
		if i > 0 && s.MS > p.Ops[i-1].MS {
			t.Errorf("%s comes after %s", s.Op, p.Ops[i-1].Op)
		}
	}
	if sum < 99.9 || sum > 100.1 {
		t.Errorf("shares add up to %g %%", sum)
	}
}

// TestCPUProfile: samples are labelled with their ops.
func TestCPUProfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu.prof")
	command("-config", clitest.Experiment(t), "-steps", "200", "-alone", "-cpuprofile", path).Want(t, cli.Done, "in 200 rounds")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"samples", "linear.dw"} {
		if !bytes.Contains(profile, []byte(s)) {
			t.Errorf("no %q in a profile of %d bytes", s, len(profile))
		}
	}
}

func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"plan and profile", []string{"-plan", "-profile"}, "one of -alone, -eval, -plan and -profile at most"},
		{"alone and profile", []string{"-alone", "-profile"}, "one of -alone, -eval, -plan and -profile"},
		{"plan and CPU profile", []string{"-plan", "-cpuprofile", "x"}, "-cpuprofile without -plan"},
		{"no steps", []string{"-steps", "0"}, "-steps"},
		{"unknown key", []string{"-set", "train.bath=3"}, `did you mean "batch"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			command(append([]string{"-config", clitest.Experiment(t)}, c.args...)...).Want(t, cli.Usage, c.want)
		})
	}
}
