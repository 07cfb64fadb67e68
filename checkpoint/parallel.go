package checkpoint

import (
	"cmp"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// parallel calls do with 0 to n-1 on all processors. After an error it begins
// nothing more; of several it returns that of the lowest number.
func parallel(n int, do func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if errs[i] = do(i); errs[i] != nil {
					next.Store(int64(n))
				}
			}
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// piece is how many bytes of a file one processor reads at a time.
const piece = 4 << 20

// fill reads data from byte at of r on. What takes time is not the disk, where the
// file was read before, but the copy into new pages of memory: processors share it.
func fill(r io.ReaderAt, data []byte, at int64) error {
	pieces := slices.Collect(slices.Chunk(data, piece))
	return parallel(len(pieces), func(i int) error {
		n, err := r.ReadAt(pieces[i], at+int64(i)*piece)
		switch {
		case n == len(pieces[i]):
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		}
		return err
	})
}
