package engine

import (
	"errors"

	"m2pt/ops"
)

// Planner is a device with neither memory nor kernels: what is compiled on it
// tells its steps, FLOPs and memory, and cannot run.
type Planner struct{}

var _ Device = Planner{}

// errPlanOnly is the answer to whoever wants numbers.
var errPlanOnly = errors.New("a planned program cannot run: compile it on a device that computes")

// plannedMemory is the size of memory that is not there.
type plannedMemory int

func (m plannedMemory) Size() int { return int(m) }
func (plannedMemory) Free()       {}

// Name is "planner".
func (Planner) Name() string { return "planner" }

// Alloc returns memory that only knows its size.
func (Planner) Alloc(bytes int) (Memory, error) { return plannedMemory(bytes), nil }

// Kernel returns a kernel that fails.
func (Planner) Kernel(ops.Kind, []Tensor, []Tensor) (Kernel, error) {
	return func() error { return errPlanOnly }, nil
}

// Upload fails.
func (Planner) Upload(Tensor, []byte) error { return errPlanOnly }

// Download fails.
func (Planner) Download([]byte, Tensor) error { return errPlanOnly }

// Sync does nothing: nothing runs.
func (Planner) Sync() error { return nil }

// Close does nothing.
func (Planner) Close() error { return nil }
