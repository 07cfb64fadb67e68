//go:build m2ptcuda

package gpu_test

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"m2pt/cuda/driver"
	"m2pt/cuda/driver/drivertest"
	"m2pt/cuda/gpu"
	"m2pt/cuda/kernels"
)

// open returns the first GPU, or the fake one that scripts/cuda-fake.sh brings. What was
// not freed shows when it is closed.
func open(t *testing.T) *gpu.Driver {
	t.Helper()
	modules, err := kernels.PTX()
	if err != nil {
		t.Fatal(err)
	}
	d, err := gpu.Open(0, modules, gpu.Measured)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func TestDriver(t *testing.T) {
	modules, err := kernels.PTX()
	if err != nil {
		t.Fatal(err)
	}
	for name, choice := range map[string]gpu.Algorithms{"measured": gpu.Measured, "repeatable": gpu.Repeatable} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, func() (driver.Driver, error) { return gpu.Open(0, modules, choice) })
		})
	}
}

// faked skips a test that only the fake driver can carry out.
func faked(t *testing.T, d driver.Driver) {
	t.Helper()
	if d.Name() != "Fake GPU" {
		t.Skipf("%s fails in no way that a test could choose", d.Name())
	}
}

// put returns memory of d with these values.
func put(t *testing.T, d driver.Driver, x []float32) driver.Pointer {
	t.Helper()
	p, err := d.Alloc(4 * max(len(x), 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Free(p) })
	if err := d.Write(p, encode(x)); err != nil {
		t.Fatal(err)
	}
	return p
}

func get(t *testing.T, d driver.Driver, p driver.Pointer, n int) []float32 {
	t.Helper()
	b := make([]byte, 4*n)
	if err := d.Read(b, p); err != nil {
		t.Fatal(err)
	}
	return decode(b)
}

func encode(x []float32) []byte {
	b := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	return b
}

func decode(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

// double binds y = x + x.
func double(t *testing.T, d driver.Driver, n int, y, x driver.Pointer) driver.Run {
	t.Helper()
	run, err := d.Launch(driver.Launch{Kernel: "add_f32", Grid: [3]int{2, 1, 1}, Block: 64,
		Args: []uint64{uint64(n), uint64(y), uint64(x), uint64(x)}})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func run(t *testing.T, runs ...driver.Run) {
	t.Helper()
	for _, r := range runs {
		if err := r(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOutOfMemoryTellsWhatIsFree(t *testing.T) {
	d := open(t)
	faked(t, d)
	t.Setenv("FAKE_CUDA_MEMORY", "67108864")
	_, err := d.Alloc(100 << 20)
	if !errors.Is(err, driver.ErrMemory) || !strings.Contains(err.Error(), "asked for 100.0 MiB, free are 64.0 MiB of 64.0 MiB") {
		t.Errorf("Alloc of too much: %v, want ErrMemory with what is free", err)
	}
	p, err := d.Alloc(60 << 20)
	if err != nil {
		t.Fatalf("after an allocation that failed: %v", err)
	}
	// Staging has no memory of the GPU left and does without.
	want := slices.Repeat([]byte{1, 2, 3, 4, 5}, 1<<20)
	if err := d.Write(p, want); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if err := d.Read(got, p); err != nil || !slices.Equal(got, want) {
		t.Errorf("what was written with little memory left is not read back: %v", err)
	}
}

// A source is changed as soon as Write returns, and uploads come faster than the GPU, which
// does nothing before it must.
func TestWritesKeepTheirOrderAndSource(t *testing.T) {
	for _, test := range []struct {
		name      string
		n, writes int
	}{{"small", 100, 200}, {"beside runs", 1 << 19, 9}, {"growing ring", 3 << 20, 3}} {
		t.Run(test.name, func(t *testing.T) {
			d := open(t)
			src := make([]float32, test.n)
			x := put(t, d, src)
			var sums []driver.Pointer
			for i := range test.writes {
				for j := range src {
					src[j] = float32(i + j%100)
				}
				if err := d.Write(x, encode(src)); err != nil {
					t.Fatal(err)
				}
				clear(src)
				y := put(t, d, make([]float32, test.n))
				run(t, double(t, d, test.n, y, x))
				sums = append(sums, y)
			}
			for i, y := range sums {
				for j, v := range get(t, d, y, test.n) {
					if want := float32(2 * (i + j%100)); v != want {
						t.Fatalf("write %d, element %d: %v, want %v", i, j, v, want)
					}
				}
			}
		})
	}
}

// The first Write makes the staging memory. Where that fails the next one makes all of it.
func TestWriteAfterStagingFailed(t *testing.T) {
	for name, test := range map[string]struct{ fail, want string }{
		"pinned memory": {"cuMemHostAlloc:1:2", "cuMemHostAlloc: CUDA_ERROR_OUT_OF_MEMORY"},
		"memory":        {"cuMemAlloc:1:101", "cuMemAlloc: CUDA_ERROR_INVALID_DEVICE"},
		"first event":   {"cuEventCreate:1:2", "cuEventCreate: CUDA_ERROR_OUT_OF_MEMORY"},
		"later event":   {"cuEventCreate:70:2", "cuEventCreate: CUDA_ERROR_OUT_OF_MEMORY"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			faked(t, d)
			const n = 1 << 19 // crosses beside runs, with both events
			x, err := d.Alloc(4 * n)
			if err != nil {
				t.Fatal(err)
			}
			src := encode(slices.Repeat([]float32{3}, n))
			t.Setenv("FAKE_CUDA_FAIL", test.fail)
			if err := d.Write(x, src); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Write: %v, want %q", err, test.want)
			}
			t.Setenv("FAKE_CUDA_FAIL", "")
			for range 70 { // more than there are parts
				if err := d.Write(x, src); err != nil {
					t.Fatalf("the Write after it: %v", err)
				}
			}
			if got := get(t, d, x, n); got[n-1] != 3 {
				t.Errorf("read back %v, want 3", got[n-1])
			}
		})
	}
}

// More than 48 KiB of shared memory must be agreed upon with the driver first.
func TestLaunchWithMuchSharedMemory(t *testing.T) {
	d := open(t)
	x := put(t, d, make([]float32, 8))
	r, err := d.Launch(driver.Launch{Kernel: "add_f32", Grid: [3]int{1, 1, 1}, Block: 64, Shared: 100 << 10,
		Args: []uint64{8, uint64(x), uint64(x), uint64(x)}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r, d.Sync)
}

func TestCaptureOfAWait(t *testing.T) {
	d := open(t)
	x := put(t, d, make([]float32, 8))
	if _, err := d.Capture(d.Sync); err == nil || !strings.Contains(err.Error(), "CUDA_ERROR_STREAM_CAPTURE") {
		t.Errorf("Capture of a wait: %v, want CUDA's error", err)
	}
	run(t, double(t, d, 8, x, x), d.Sync) // the stream is usable again
}

// Go moves a goroutine between threads; here every call comes from a new one.
func TestCallsFromManyThreads(t *testing.T) {
	d := open(t)
	elsewhere := func(call func() error) {
		t.Helper()
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocks: the thread ends with the goroutine
			done <- call()
		}()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	const n = 1000
	x := put(t, d, slices.Repeat([]float32{1}, n))
	var twice, replay driver.Run
	for range 5 {
		elsewhere(func() error { twice = double(t, d, n, x, x); return nil })
		elsewhere(twice)
		elsewhere(func() (err error) { replay, err = d.Capture(twice); return err })
		elsewhere(replay)
		elsewhere(d.Sync)
	}
	if got := get(t, d, x, n); got[n-1] != 1<<10 {
		t.Errorf("ten doublings of 1 give %v", got[n-1])
	}
}

func TestRunsDoNotAllocate(t *testing.T) {
	d := open(t)
	const n = 64
	x, y := put(t, d, make([]float32, n*n)), put(t, d, make([]float32, n*n))
	launch := double(t, d, n, x, x)
	multiply, err := d.Product(driver.Product{M: n, N: n, K: n, A: driver.Matrix{At: x}, B: driver.Matrix{At: x}, C: driver.Matrix{At: y}})
	if err != nil {
		t.Fatal(err)
	}
	replay, err := d.Capture(func() error { return errors.Join(launch(), multiply()) })
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]driver.Run{"launch": launch, "product": multiply, "replay": replay} {
		if n := testing.AllocsPerRun(100, func() { run(t, r) }); n != 0 {
			t.Errorf("a %s allocates %v times", name, n)
		}
	}
}

func TestErrorsNameTheCallAndItsObject(t *testing.T) {
	for name, test := range map[string]struct{ fail, want string }{
		"launch":  {"cuLaunchKernel:1", `launch "add_f32" (grid [2 1 1], block 64, 0 bytes shared): cuLaunchKernel: CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure`},
		"copy":    {"cuMemcpyHtoDAsync:1:700", "write 0.0 MiB to the GPU: cuMemcpyHtoDAsync: CUDA_ERROR_ILLEGAL_ADDRESS"},
		"memory":  {"cuMemAlloc:1:2", "out of GPU memory: asked for 0.0 MiB"},
		"zeros":   {"cuMemsetD8Async:1", "cuMemsetD8Async: CUDA_ERROR_LAUNCH_FAILED"},
		"wait":    {"cuStreamSynchronize:1:12345", "cuStreamSynchronize: CUDA error 12345"},
		"replay":  {"cuGraphLaunch:1", "cuGraphLaunch: CUDA_ERROR_LAUNCH_FAILED"},
		"graph":   {"cuGraphInstantiateWithFlags:1:2", "cuGraphInstantiateWithFlags: CUDA_ERROR_OUT_OF_MEMORY"},
		"thread":  {"cuCtxSetCurrent:1:201", "CUDA_ERROR_INVALID_CONTEXT"},
		"product": {"fake_enqueue:1", "product [1 1] full · [1 1] full -> full: cublasLtMatmul: CUBLAS_STATUS_EXECUTION_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			faked(t, d)
			x := put(t, d, make([]float32, 4))
			m := driver.Matrix{At: x}
			multiply, err := d.Product(driver.Product{M: 1, N: 1, K: 1, A: m, B: m, C: m})
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("FAKE_CUDA_FAIL", test.fail)
			err = everything(d, x, multiply)
			t.Setenv("FAKE_CUDA_FAIL", "")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// everything makes one call of each kind and returns the first error.
func everything(d driver.Driver, x driver.Pointer, multiply driver.Run) error {
	launch, err := d.Launch(driver.Launch{Kernel: "add_f32", Grid: [3]int{2, 1, 1}, Block: 64, Args: []uint64{4, uint64(x), uint64(x), uint64(x)}})
	if err != nil {
		return err
	}
	p, err := d.Alloc(4)
	if err != nil {
		return err
	}
	defer d.Free(p)
	if err := d.Write(x, make([]byte, 16)); err != nil {
		return err
	}
	for _, r := range []driver.Run{launch, multiply, d.Sync} {
		if err := r(); err != nil {
			return err
		}
	}
	replay, err := d.Capture(launch)
	if err != nil {
		return err
	}
	return replay()
}

func TestAnErrorOfAKernelSurfacesAtTheWait(t *testing.T) {
	d := open(t)
	faked(t, d)
	x, err := d.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	ones := put(t, d, slices.Repeat([]float32{1}, 96))
	// Far more than the memory holds: the red zone behind it notices.
	run(t, double(t, d, 96, x, ones))
	if err := d.Sync(); err == nil || !strings.Contains(err.Error(), "CUDA_ERROR_ILLEGAL_ADDRESS") {
		t.Errorf("Sync: %v, want the kernel's error", err)
	}
	if _, err := d.Alloc(64); err == nil {
		t.Error("after it the GPU goes on as if nothing had been")
	}
	if err := d.Close(); err == nil {
		t.Error("Close keeps the error to itself")
	}
}

func TestOpenRefuses(t *testing.T) {
	modules, err := kernels.PTX()
	if err != nil {
		t.Fatal(err)
	}
	faked(t, open(t))
	for name, test := range map[string]struct {
		env, value string
		index      int
		modules    [][]byte
		want       string
	}{
		"no such GPU":    {index: 1, modules: modules, want: "there is no GPU 1: the driver has 1"},
		"negative":       {index: -1, modules: modules, want: "there is no GPU -1"},
		"an old GPU":     {env: "FAKE_CUDA_CAPABILITY", value: "7", modules: modules, want: "Fake GPU has compute capability 7.x: want 8.0"},
		"no kernels":     {modules: [][]byte{[]byte("x")}, want: "this is no PTX"},
		"broken PTX":     {modules: [][]byte{[]byte(".entry f(.param .u64 a)")}, want: "CUDA_ERROR_INVALID_PTX: a PTX JIT compilation failed\nptxas fatal"},
		"kernels twice":  {modules: append(modules[:1:1], modules[0]), want: "another module has one of this name"},
		"no cuBLASLt":    {env: "M2PT_CUBLASLT", value: "/nowhere.so", modules: modules, want: "load cuBLASLt: install CUDA"},
		"not cuBLASLt":   {env: "M2PT_CUBLASLT", value: "libc.so.6", modules: modules, want: "it has no cublasLtCreate"},
		"late cuBLASLt":  {env: "FAKE_CUDA_FAIL", value: "cublasLtCreate:1:1", modules: modules, want: "libcublasLt.so.12: cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED\nlibcublasLt.so.11: "},
		"failing device": {env: "FAKE_CUDA_FAIL", value: "cuDevicePrimaryCtxRetain:1:101", modules: modules, want: "CUDA_ERROR_INVALID_DEVICE"},
		"failing stream": {env: "FAKE_CUDA_FAIL", value: "cuStreamCreate:2:2", modules: modules, want: "cuStreamCreate: CUDA_ERROR_OUT_OF_MEMORY"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.env != "" {
				t.Setenv(test.env, test.value)
			}
			d, err := gpu.Open(test.index, test.modules, gpu.Measured)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open: %v, want %q", err, test.want)
			}
		})
	}
}
