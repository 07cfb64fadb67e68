package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/train"
)

// newTest returns a command whose outputs are buffers.
func newTest() (c *Command, stdout, stderr *bytes.Buffer) {
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	return New(Help{Name: "m2pt-test", Usage: "[-json]", About: "Tests.", Example: "m2pt-test"}, stdout, stderr), stdout, stderr
}

func TestCodeOf(t *testing.T) {
	running := context.Background()
	stopped, cancel := context.WithCancelCause(running)
	cancel(signalled{syscall.SIGTERM})
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want Code
	}{
		{"done", running, nil, 0},
		{"error", running, errors.New("x"), 1},
		{"usage", running, fmt.Errorf("a: %w", Misused("x")), 2},
		{"missing weights", running, fmt.Errorf("a: %w", checkpoint.ErrNoCheckpoint), 2},
		{"skipped", running, SkippedError(3), 3},
		{"none skipped", running, SkippedError(0), 0},
		{"not finite", running, fmt.Errorf("a: %w", train.ErrNonFinite), 4},
		{"not finite and more", running, errors.Join(fmt.Errorf("a: %w", train.ErrNonFinite), errors.New("x")), 4},
		{"stopped by a signal", stopped, fmt.Errorf("a: %w", train.ErrStopped), 143},
		{"given up on a signal", stopped, fmt.Errorf("a: %w", context.Canceled), 143},
		{"finished in spite of a signal", stopped, nil, 0},
		{"failed after a signal", stopped, errors.New("disk full"), 1},
		{"stopped for no reason", running, train.ErrStopped, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := codeOf(c.ctx, c.err); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// TestProblems: every line of an error is one of the command's.
func TestProblems(t *testing.T) {
	c, _, stderr := newTest()
	code := c.Main(nil, func(context.Context) error { return &experiment.UsageError{Problems: []string{"one", "two"}} })
	if want := "m2pt-test: one\nm2pt-test: two\n"; code != Usage || stderr.String() != want {
		t.Errorf("exit status %d, stderr %q, want %q", code, stderr, want)
	}
}

func TestResult(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		result any
		stdout string
		code   Code
	}{
		{"asked for", []string{"-json"}, map[string]int{"a": 1}, "{\"a\":1}\n", Done},
		{"not asked for", nil, map[string]int{"a": 1}, "", Done},
		{"not a number", []string{"-json"}, math.NaN(), "", Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, stdout, stderr := newTest()
			code := cmd.Main(c.args, func(context.Context) error { return cmd.Result(c.result) })
			if code != c.code || stdout.String() != c.stdout {
				t.Errorf("exit status %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

// TestOperands: arguments that are no flags stand anywhere among the flags, and are
// as many as the command names.
func TestOperands(t *testing.T) {
	for _, c := range []struct {
		name, args string
		code       Code
		want       string
	}{
		{"ahead of flags", "a b -json", Done, "a b"},
		{"behind flags", "-json a b", Done, "a b"},
		{"on both sides", "a -json b", Done, "a b"},
		{"none", "-json", Usage, "name A and B"},
		{"one", "a", Usage, "name B"},
		{"too many", "a b c", Usage, `unexpected argument "c"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, _, stderr := newTest()
			cmd.Operands = []string{"A", "B"}
			got := ""
			code := cmd.Main(strings.Fields(c.args), func(context.Context) error { got = cmd.Operand(0) + " " + cmd.Operand(1); return nil })
			if code != c.code || !strings.Contains(got+stderr.String(), c.want) {
				t.Errorf("exit status %d, operands %q, stderr %q", code, got, stderr)
			}
		})
	}
}

// TestOverrides: flags win over -set, the later -set over the earlier.
func TestOverrides(t *testing.T) {
	c, _, _ := newTest()
	e := c.ExperimentFlags("x")
	if code := c.Main([]string{"-set", "a=1", "-device", "cuda", "-set", "b=2"}, func(context.Context) error { return nil }); code != Done {
		t.Fatalf("exit status %d", code)
	}
	if got, want := strings.Join(e.Overrides("output=x"), " "), "a=1 b=2 output=x device.name=cuda"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMissing: an auxiliary experiment needs its data while it has no result.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"aux.toml":  "output = 'aux'\n[data]\nformat = 'folder'\npath = '/nosuch/audio'\n",
		"main.toml": "[model]\ninit = '/nosuch/w.npz'\n[pathway]\naux_config = 'aux.toml'\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := experiment.Load(filepath.Join(dir, "main.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "model.init: /nosuch/w.npz does not exist\naux.data.path: /nosuch/audio does not exist"
	if got := strings.Join(Missing(cfg), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := os.Mkdir(filepath.Join(dir, "aux"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Missing(cfg); len(got) != 1 {
		t.Errorf("with a run folder of the auxiliary: %q", got)
	}
}

func TestOpenDevice(t *testing.T) {
	c, _, stderr := newTest()
	dev, err := c.OpenDevice(experiment.Device{Name: "cpu", Threads: 1, Precision: "float32"})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if !strings.HasPrefix(dev.Name(), "cpu") || stderr.Len() > 0 {
		t.Errorf("device %q, stderr %q", dev.Name(), stderr)
	}
	for _, x := range []struct {
		device experiment.Device
		want   string
	}{
		{experiment.Device{Name: "cuda:1", Precision: "float32"}, "device cuda:1: this build has no CUDA device (docs/cuda.md): choose cpu"},
		{experiment.Device{Name: "cpu", Precision: "bf16"}, `device.precision: is "bf16", but the cpu computes in float32`},
	} {
		if _, err := c.OpenDevice(x.device); codeOf(context.Background(), err) != Usage || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: error %v, want %q", x.device, err, x.want)
		}
	}
}

// TestProgressLines: a line every ten seconds, about the steps since the last.
func TestProgressLines(t *testing.T) {
	c, _, stderr := newTest()
	p := c.Progress()
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	for step := range int64(26) {
		loss := 1.0
		if step > 10 {
			loss = 3
		}
		p.Step(train.Progress{Run: "r", Step: step, Steps: 100, Loss: loss, Samples: 4, Data: time.Second / 4, Total: time.Second})
		now = now.Add(time.Second)
	}
	p.Close()
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(lines), stderr)
	}
	for i, want := range []string{
		"run=r step=10 steps=100 loss=1.0000 samples_per_s=4.0 data=25% eta=1m30s",
		"run=r step=20 steps=100 loss=3.0000 samples_per_s=4.0 data=25% eta=1m20s",
	} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %q, want %q", lines[i], want)
		}
	}
}
