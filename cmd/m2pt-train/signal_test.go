//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"m2pt/internal/cli"
	"m2pt/internal/cli/clitest"
)

// asCommand makes the test binary behave as the command.
const asCommand = "M2PT_TRAIN_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestSignal stops a long run, resumes it and stops it again.
func TestSignal(t *testing.T) {
	for _, c := range []struct {
		signal syscall.Signal
		want   cli.Code
	}{{syscall.SIGTERM, 143}, {syscall.SIGINT, 130}, {syscall.SIGHUP, 129}} {
		t.Run(c.signal.String(), func(t *testing.T) {
			config := clitest.Experiment(t)
			stderr, code := interrupted(t, "msg=evaluated", c.signal, "-config", config, "-set", "train.epochs=100000")
			if code != c.want || !strings.Contains(stderr, "stopped after saving") {
				t.Fatalf("exit status %d, want %d:\n%s", code, c.want, stderr)
			}
			saved, err := filepath.Glob(filepath.Join(filepath.Dir(config), "run", "checkpoints", "step-*"))
			if err != nil || len(saved) == 0 {
				t.Fatalf("no checkpoint: %v\n%s", err, stderr)
			}
			stderr, code = interrupted(t, "msg=resumed", c.signal, "-config", config, "-set", "train.epochs=100000")
			if code != c.want || !strings.Contains(stderr, "start_step=") {
				t.Errorf("resumed: exit status %d, want %d:\n%s", code, c.want, stderr)
			}
		})
	}
}

// interrupted runs the command and sends it a signal once it has logged a line
// that contains after.
func interrupted(t *testing.T, after string, signal syscall.Signal, args ...string) (stderr string, code cli.Code) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		seen.WriteString(lines.Text() + "\n")
		if after != "" && strings.Contains(lines.Text(), after) {
			after = ""
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // the exit status says more
	return seen.String(), cli.Code(cmd.ProcessState.ExitCode())
}
