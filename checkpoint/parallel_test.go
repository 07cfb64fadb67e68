package checkpoint

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

func TestParallel(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		var calls atomic.Int64
		done := make([]bool, n)
		err := parallel(n, func(i int) error { done[i] = true; calls.Add(1); return nil })
		if err != nil || calls.Load() != int64(n) {
			t.Errorf("%d calls, want %d (%v)", calls.Load(), n, err)
		}
	}
	var calls atomic.Int64
	err := parallel(1000, func(int) error { calls.Add(1); return io.ErrClosedPipe })
	if !errors.Is(err, io.ErrClosedPipe) || calls.Load() > int64(runtime.GOMAXPROCS(0)) {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

// readerAt reads like r, from wherever.
type readerAt struct{ io.Reader }

func (r readerAt) ReadAt(p []byte, _ int64) (int, error) { return r.Read(p) }

func TestFill(t *testing.T) {
	source := make([]byte, 2*piece+5)
	for i := range source {
		source[i] = byte(i >> 16)
	}
	for _, at := range []int{0, 3, len(source)} {
		got := make([]byte, len(source)-at)
		if err := fill(bytes.NewReader(source), got, int64(at)); err != nil || !bytes.Equal(got, source[at:]) {
			t.Errorf("from %d: other bytes (%v)", at, err)
		}
	}
	if err := fill(bytes.NewReader(source), make([]byte, len(source)), 1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v of a file that has shrunk, want %v", err, io.ErrUnexpectedEOF)
	}
	if err := fill(readerAt{iotest.ErrReader(io.ErrClosedPipe)}, make([]byte, 1), 0); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v, want what the disk says", err)
	}
}
