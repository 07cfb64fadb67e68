package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"m2pt/train"
)

// terminal opens a terminal of 120 columns: what is written to t is read from
// user.
func terminal(t *testing.T) (user, tty *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal to test on: %v", err)
	}
	t.Cleanup(func() { user.Close() })
	fd := int(user.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Skipf("no terminal to test on: %v", err)
	}
	t.Cleanup(func() { tty.Close() })
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 120}); err != nil {
		t.Fatal(err)
	}
	return user, tty
}

func TestIsTerminal(t *testing.T) {
	_, tty := terminal(t)
	for _, c := range []struct {
		name, term, noColor string
		w                   io.Writer
		want                bool
	}{
		{"terminal", "xterm", "", tty, true},
		{"NO_COLOR", "xterm", "1", tty, false},
		{"dumb", "dumb", "", tty, false},
		{"not a file", "xterm", "", io.Discard, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TERM", c.term)
			t.Setenv("NO_COLOR", c.noColor)
			if got := isTerminal(c.w); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestBar shows a bar for each run, with log lines and text around it.
func TestBar(t *testing.T) {
	user, tty := terminal(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	c := New(Help{Name: "m2pt-test"}, io.Discard, tty)
	p := c.Progress()
	now := time.Unix(0, 0)
	p.now = func() time.Time { now = now.Add(time.Second); return now }
	for _, run := range []string{"first", "second"} {
		for step := range int64(4) {
			p.Step(train.Progress{Run: run, Step: step + 1, Steps: 4, Loss: 2, Samples: 8, Total: time.Second, Data: time.Second / 2})
		}
	}
	got := readUntil(t, user, "second ")
	c.Log.Info("above the bar")
	p.Close()
	p.Close()
	c.Printf("below the bar\n")
	got += readUntil(t, user, "below the bar")
	for _, want := range []string{"first 4/4 [", "second 4/4 [", "loss 2.0000  8.0/s  data 50%  ETA 0s", "above the bar\r\nsecond ", "below the bar"} {
		if !strings.Contains(got, want) {
			t.Errorf("screen lacks %q:\n%q", want, got)
		}
	}
}

// readUntil reads what appears on the terminal up to and with text.
func readUntil(t *testing.T, user *os.File, text string) (seen string) {
	t.Helper()
	buf := make([]byte, 1024)
	for !strings.Contains(seen, text) {
		n, err := user.Read(buf)
		if err != nil {
			t.Fatalf("terminal: %v after %q", err, seen)
		}
		seen += string(buf[:n])
	}
	return seen
}
