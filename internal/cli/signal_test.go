//go:build unix

package cli

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asCommand makes the test binary a command that heeds no first signal.
const asCommand = "M2PT_CLI_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		c := New(Help{Name: "m2pt-test"}, os.Stdout, os.Stderr)
		os.Exit(int(c.Main(nil, func(context.Context) error {
			c.Printf("ready\n")
			select {}
		})))
	}
	os.Exit(m.Run())
}

// TestSecondSignal: who asks twice does not wait.
func TestSecondSignal(t *testing.T) {
	for _, second := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(second.String(), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), asCommand+"=1")
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			send := map[string]syscall.Signal{"ready": syscall.SIGTERM, "another signal leaves at once": second}
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				for said, signal := range send {
					if strings.Contains(lines.Text(), said) {
						if err := cmd.Process.Signal(signal); err != nil {
							t.Error(err)
						}
					}
				}
			}
			_ = cmd.Wait() // the exit status says more
			if got := Code(cmd.ProcessState.ExitCode()); got != Signalled(second) {
				t.Errorf("exit status %d, want %d", got, Signalled(second))
			}
		})
	}
}
