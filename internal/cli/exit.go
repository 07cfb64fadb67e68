package cli

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"m2pt/checkpoint"
	"m2pt/experiment"
	"m2pt/train"
)

// Code is an exit status.
type Code int

// The exit statuses. Above them, 128+n: stopped by signal n.
const (
	Done      Code = iota // all is well
	Failed                // an error
	Usage                 // wrong options or config, missing data or weights
	Skipped               // finished, but samples could not be read
	NonFinite             // a loss or gradient was not finite
)

// Signalled is the exit status of a process that a signal has stopped.
func Signalled(s syscall.Signal) Code { return 128 + Code(s) }

const exitStatus = `  0      done
  1      error
  2      wrong options or config, or missing data or weights
  3      finished, but samples were skipped because they could not be read
  4      a loss or gradient was not finite
  128+n  stopped by signal n, after saving
`

// SkippedError is an error where n > 0 samples could not be read although the
// work is done.
func SkippedError(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d", errSkipped, n)
}

var errSkipped = errors.New("finished, but samples were skipped")

// Misused is an error about how the command was called.
func Misused(format string, args ...any) error {
	return &experiment.UsageError{Problems: []string{fmt.Sprintf(format, args...)}}
}

// codeOf is the exit status that err stands for; ctx tells which signal stopped
// the work.
func codeOf(ctx context.Context, err error) Code {
	var usage *experiment.UsageError
	var signal signalled
	switch {
	case err == nil:
		return Done
	case errors.As(err, &usage), errors.Is(err, checkpoint.ErrNoCheckpoint):
		return Usage
	case errors.Is(err, errSkipped):
		return Skipped
	case errors.Is(err, train.ErrNonFinite):
		return NonFinite
	case (errors.Is(err, train.ErrStopped) || errors.Is(err, context.Canceled)) && errors.As(context.Cause(ctx), &signal):
		return Signalled(signal.number)
	}
	return Failed
}
