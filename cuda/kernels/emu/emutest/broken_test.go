//go:build m2ptemu

package emutest_test

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"m2pt/cuda/kernels/emu"
	"m2pt/cuda/kernels/kerneltest"
)

// launch is a kernel of broken.cu with an output of 64 floats and, for those that read, an
// input of 256.
func launch(kernel string, blocks, threads, shared int) kerneltest.Launch {
	x := make([]float32, 256)
	for i := range x {
		x[i] = float32(i + 1)
	}
	l := kerneltest.Launch{Kernel: kernel, Grid: [3]int{blocks, 1, 1}, Block: threads, Shared: shared}
	switch kernel {
	case "no_wait":
		l.Args = []any{x}
	case "reverse", "no_syncthreads", "no_syncwarp", "reused_tile", "past_global", "misaligned", "short_wait":
		l.Args = []any{make([]float32, 256), x}
	default:
		l.Args = []any{make([]float32, 64)}
	}
	if kernel == "past_global" {
		l.Args[1] = x[:32]
	}
	return l
}

// once is the output of a kernel, its first argument, in one order.
func once(l kerneltest.Launch, seed uint64) ([]float32, error) {
	contents := make([][]byte, len(l.Args))
	for i, a := range l.Args {
		contents[i] = floatBytes(a.([]float32))
	}
	after, err := kerneltest.Once(seed, l, contents)
	if err != nil {
		return nil, err
	}
	y := make([]float32, len(after[0])/4)
	copy(floatBytes(y), after[0])
	return y, nil
}

func floatBytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// TestErrors has kernels whose launch fails, whatever the order of threads.
func TestErrors(t *testing.T) {
	if emu.Sanitizer() == "thread" {
		t.Skip("a launch that failed leaves threads behind, which the detector of races reports")
	}
	for _, c := range []struct {
		kernel                  string
		blocks, threads, shared int
		want                    string
	}{
		{"missing_thread", 1, 64, 0, "63 threads wait in __syncthreads at broken.cu:"},
		{"two_barriers", 1, 64, 0, "different __syncthreads"},
		{"missing_lane", 1, 32, 0, "20 threads wait in __shfl_xor_sync at broken.cu:"},
		{"foreign_mask", 1, 32, 0, "not in its own mask 0000ffff"},
		{"outside_mask", 1, 32, 0, "which is not in mask 0000ffff"},
		{"too_much_static", 1, 32, 0, "want at most 49152 bytes in 63 static arrays"},
		{"no_wait", 1, 32, 0, "1 asynchronous copies not waited for"},
		{"past_static", 1, 32, 0, "past a static array"},
		{"past_dynamic", 1, 32, 128, "past the dynamic array"},
		{"before_global", 1, 32, 0, "wrote outside of the 256 bytes"},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			if emu.Sanitizer() == "address" && slices.Contains(overruns, c.kernel) {
				t.Skip("the sanitizer ends the program instead")
			}
			for seed := range uint64(3) {
				_, err := once(launch(c.kernel, c.blocks, c.threads, c.shared), seed)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("order %d: error %v, want one with %q", seed, err, c.want)
				}
			}
		})
	}
}

// TestOrders has kernels whose results depend on the order of threads or are NaN, and one
// that is right.
func TestOrders(t *testing.T) {
	if emu.Sanitizer() == "thread" {
		t.Skip("the sanitizer reports them: see TestSanitizer")
	}
	for _, c := range []struct {
		kernel          string
		blocks, threads int
		depends         bool
		nan             int // elements
	}{
		{"reverse", 1, 256, false, 0},
		{"no_syncthreads", 1, 256, true, 0},
		{"no_syncwarp", 1, 32, true, 0},
		{"reused_tile", 1, 64, true, 0},
		{"racing_blocks", 8, 64, true, 0},
		{"unwritten", 1, 64, false, 4},
		{"short_wait", 1, 32, false, 32},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			var first []float32
			depends := false
			for seed := range uint64(9) {
				y, err := once(launch(c.kernel, c.blocks, c.threads, 0), seed)
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = y
				}
				depends = depends || !bytes.Equal(floatBytes(y), floatBytes(first))
				if n := nans(y); !c.depends && n != c.nan {
					t.Fatalf("order %d: %d elements are NaN, want %d", seed, n, c.nan)
				}
			}
			if depends != c.depends {
				t.Errorf("the result depends on the order: %t, want %t", depends, c.depends)
			}
		})
	}
}

func nans(x []float32) (n int) {
	for _, v := range x {
		if math.IsNaN(float64(v)) {
			n++
		}
	}
	return n
}

// overruns end a program whose kernels were compiled with the address sanitizer, races one
// with the thread sanitizer.
var (
	overruns = []string{"past_static", "past_dynamic", "past_global", "before_global", "misaligned"}
	races    = []string{"no_syncthreads", "no_syncwarp", "reused_tile", "racing_blocks"}
)

// TestSanitizer runs each kernel that a sanitizer must notice in a process of its own.
func TestSanitizer(t *testing.T) {
	const variable = "EMUTEST_KERNEL"
	if kernel := os.Getenv(variable); kernel != "" {
		if _, err := once(sized(kernel), 0); err != nil {
			t.Log(err)
		}
		return
	}
	kernels, want := overruns, "Sanitizer|runtime error"
	switch emu.Sanitizer() {
	case "":
		t.Skip("the kernels were compiled without a sanitizer: scripts/cuda-emu-check.sh has all")
	case "thread":
		kernels, want = races, "data race"
	}
	for _, kernel := range kernels {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSanitizer$")
		cmd.Env = append(os.Environ(), variable+"="+kernel)
		out, err := cmd.CombinedOutput()
		found := slices.ContainsFunc(strings.Split(want, "|"), func(s string) bool { return bytes.Contains(out, []byte(s)) })
		if err == nil || !found {
			t.Errorf("%s: %v, want the sanitizer to end it with %q:\n%s", kernel, err, want, out)
		}
	}
}

// sized is the launch of a kernel in the size that TestErrors and TestOrders give it.
func sized(kernel string) kerneltest.Launch {
	switch kernel {
	case "past_dynamic":
		return launch(kernel, 1, 32, 128)
	case "no_syncthreads":
		return launch(kernel, 1, 256, 0)
	case "reused_tile":
		return launch(kernel, 1, 64, 0)
	case "racing_blocks":
		return launch(kernel, 8, 64, 0)
	}
	return launch(kernel, 1, 32, 0)
}
