package kernel

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func cput() int64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 3, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func TestTune(t *testing.T) {
	if os.Getenv("TUNE") == "" {
		t.Skip()
	}
	runtime.LockOSThread()
	p := NewPool(1)
	w := NewWorkspace(Best(), p)
	peak := w.FMAPeak()
	tot, n := 0.0, 0
	for _, l := range benchLayers {
		for _, f := range []Form{NT, NN, TN} {
			g := l.gemm(f)
			best := int64(1 << 60)
			for i, s := 0, time.Now(); i < 3 || time.Since(s) < 250*time.Millisecond; i++ {
				a := cput()
				w.Gemm(g)
				best = min(best, cput()-a)
			}
			pc := 100 * g.Flops() / float64(best) / peak
			tot += pc
			n++
			fmt.Printf("%v %5d %5d %5d  %5.1f GF %5.1f%%\n", f, g.M, g.N, g.K, g.Flops()/float64(best), pc)
		}
	}
	peak = max(peak, w.FMAPeak())
	fmt.Println("peak", peak, "mean", tot/float64(n))
}
