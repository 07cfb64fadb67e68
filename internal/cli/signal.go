package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// signalled is why a context ended.
type signalled struct{ number syscall.Signal }

func (s signalled) Error() string { return fmt.Sprintf("signal %d (%v)", int(s.number), s.number) }

// untilSignal returns a context that ends at the first SIGINT, SIGTERM or SIGHUP
// (a terminal that closes). The next one ends the process at once: then the user
// no longer wants to wait.
func (c *Command) untilSignal(parent context.Context) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		first, ok := <-signals
		if !ok {
			return
		}
		cancel(signalled{first.(syscall.Signal)})
		c.Log.Warn("stopping; another signal leaves at once", "signal", first)
		if second, ok := <-signals; ok {
			os.Exit(int(Signalled(second.(syscall.Signal))))
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}
