package train

import (
	"errors"
	"log/slog"
	"time"

	"m2pt/engine"
)

// Errors that a program maps to its exit code.
var (
	// ErrNonFinite: a loss or gradient was not finite; weights are untouched.
	ErrNonFinite = errors.New("not finite")
	// ErrStopped: training ended early on request, after saving.
	ErrStopped = errors.New("stopped after saving")
)

// Options are the collaborators of a run: nothing here changes its numbers.
type Options struct {
	Device engine.Device
	Log    *slog.Logger
	// Resume is "auto" (from the run folder's newest checkpoint), "never"
	// (refuse a folder that has one), or the path of a checkpoint.
	Resume string
	// Stop asks for an early end when it is closed: the run finishes its
	// step, saves and returns ErrStopped. May be nil.
	Stop <-chan struct{}
	// Progress, where not nil, is called after every step.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Run         string // base name of the run folder
	Step, Steps int64
	Epoch       float64
	Loss        float64 // of this step
	LR          float64
	Samples     int           // of this step
	Data        time.Duration // waited for data since the last step
	Total       time.Duration // since the last step
}

// Outcome is what a finished run reports.
type Outcome struct {
	Run       string   `json:"run"`
	Steps     int64    `json:"steps"`
	StartStep int64    `json:"start_step"` // > 0 where the run was resumed
	Epochs    int      `json:"epochs"`
	Eval      Result   `json:"eval"` // the last one
	EvalStep  int64    `json:"eval_step"`
	Best      Result   `json:"best"` // of the checkpoint that the run folder stands for
	BestStep  int64    `json:"best_step"`
	Lambda    []Lambda `json:"lambda,omitempty"`
	Skipped   []string `json:"skipped,omitempty"` // samples that could not be read, and why; auxiliary runs included
	BadSteps  int64    `json:"non_finite_steps"`  // left out, where train.non_finite is "skip"
	Seconds   float64  `json:"seconds"`
}
