package cli

import (
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/lmittmann/tint"
	"github.com/vbauerster/mpb/v8"
	"golang.org/x/term"
)

// screen is stderr, shared by log lines and a progress bar: what is written
// while a bar is up appears above it.
type screen struct {
	w        io.Writer
	terminal bool // colours and bars are welcome

	mu  sync.Mutex
	bar *mpb.Progress
}

func newScreen(w io.Writer) *screen { return &screen{w: w, terminal: isTerminal(w)} }

// isTerminal reports whether w is a terminal that understands more than plain
// lines.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Write writes whole lines.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		return s.bar.Write(p)
	}
	return s.w.Write(p)
}

// show puts a bar up, or takes it away where b is nil.
func (s *screen) show(b *mpb.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar = b
}

func newLog(s *screen) *slog.Logger {
	if s.terminal {
		return slog.New(tint.NewTextHandler(s, &tint.Options{TimeFormat: time.TimeOnly}))
	}
	return slog.New(slog.NewTextHandler(s, nil))
}
