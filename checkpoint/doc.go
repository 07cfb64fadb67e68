// Package checkpoint saves and loads named tensors, and whole runs made of
// them.
//
// Vocabulary: a [Tensor] is a name, a dtype, a shape and little-endian bytes in
// row-major order. [Tensors] is an ordered collection of them with unique
// names: the content of one file, whatever its format. A [Checkpoint] is a
// folder with the model, optimizer and EMA tensors of one step and a
// state.json that lists the size and SHA-256 of every file; it counts only if
// all of them hold. A [Run] is the folder that collects the checkpoints of one
// training run:
//
//	<run>/checkpoints/step-00000042/model.safetensors
//	                                optimizer.safetensors   <param>.exp_avg, <param>.exp_avg_sq
//	                                ema.safetensors
//	                                state.json
//	<run>/aux-<first 8 hex digits of its SHA-256>.safetensors
//	<run>/best, <run>/last                                  text: the name of a step folder
//
// The pointers best and last are text files, not links, because they survive
// every file system, archive and copy program; they are hints for people, and
// [Run.Latest] does not trust them.
//
// Formats: safetensors and NumPy's npz are read and written, NumPy's npy and
// PyTorch's .pth and .pt, new and old, are read. Readers treat a file as foreign:
// what they do not know is an error, memory is bounded by the size of the file (by
// 1032 times that for a deflated npz, the most deflate can expand, by some 150 for
// the pickle in a PyTorch file, and by some 30 for the header of safetensors), and
// no input makes them panic or execute anything. Files are read, on all processors,
// not mapped: a mapping turns a file that shrinks or a disk that fails into a crash
// that cannot be caught, while one read costs the same memory and lets the hash be
// taken of the very bytes that are used. Float32 tensors then share that memory.
//
// Values are stored as they are, NaN and Inf included; whether they make sense
// is for the caller to judge. The package knows nothing of models or devices.
package checkpoint

import (
	"errors"
	"fmt"
)

var (
	// ErrCorrupt marks files whose bytes contradict themselves or their hash.
	ErrCorrupt = errors.New("corrupt file")
	// ErrNoCheckpoint marks runs that have no checkpoint at all, and paths where
	// there is nothing.
	ErrNoCheckpoint = errors.New("no checkpoint")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCorrupt, fmt.Errorf(format, args...))
}
