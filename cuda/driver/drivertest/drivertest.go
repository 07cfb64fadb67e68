// Package drivertest is the conformance suite of driver.Driver.
//
// It launches one kernel only, add_f32(n, y, a, b); what kernels compute is tested beside
// them.
package drivertest

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"m2pt/cuda/driver"
	"m2pt/internal/philox"
)

// Run tests the driver that open opens, a new one for each test.
func Run(t *testing.T, open func() (driver.Driver, error)) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, device)
	}{
		{"memory", memory},
		{"out of memory", outOfMemory},
		{"launches in order", order},
		{"refused launches", refusedLaunches},
		{"products", products},
		{"refused products", refusedProducts},
		{"capture", capture},
		{"capture that fails", captureFails},
		{"closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}()
			c.run(t, device{t, d})
		})
	}
}

// device is a driver whose errors end the test.
type device struct {
	t *testing.T
	driver.Driver
}

func (d device) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d device) alloc(bytes int) driver.Pointer {
	d.t.Helper()
	p, err := d.Alloc(bytes)
	d.must(err)
	return p
}

// place allocates memory with the bytes of x.
func (d device) place(x []float32) driver.Pointer {
	d.t.Helper()
	p := d.alloc(4 * len(x))
	d.must(d.Write(p, encode(x)))
	return p
}

func (d device) read(p driver.Pointer, n int) []float32 {
	d.t.Helper()
	raw := make([]byte, 4*n)
	d.must(d.Read(raw, p))
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(binary.NativeEndian.Uint32(raw[4*i:]))
	}
	return x
}

func encode(x []float32) []byte {
	var raw []byte
	for _, v := range x {
		raw = binary.NativeEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

// normal are n numbers, the same for the same name.
func normal(name string, n int) []float32 {
	r := philox.New(1, name, 0, 0)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.Norm())
	}
	return x
}

func memory(t *testing.T, d device) {
	for _, n := range []int{1, 255, 256, 257, 100_003} {
		p := d.alloc(n)
		if p%256 != 0 {
			t.Errorf("%d bytes at %#x: want alignment to 256", n, p)
		}
		got := slices.Repeat([]byte{7}, n)
		d.must(d.Read(got, p))
		if i := slices.IndexFunc(got, func(b byte) bool { return b != 0 }); i >= 0 {
			t.Fatalf("%d bytes: byte %d is %d, want zeroed memory", n, i, got[i])
		}
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(i*31 + n)
		}
		src := slices.Clone(want)
		d.must(d.Write(p, src))
		clear(src) // may be reused at once
		d.must(d.Write(p, nil))
		d.must(d.Read(got, p))
		if !slices.Equal(got, want) {
			t.Fatalf("%d bytes come back other than they were written", n)
		}
		part := make([]byte, n-n/3)
		d.must(d.Read(part, p+driver.Pointer(n/3)))
		if !slices.Equal(part, want[n/3:]) {
			t.Fatalf("%d bytes: the middle comes back wrong", n)
		}
		d.Free(p)
	}
	d.Free(0)
	if p, err := d.Alloc(0); err == nil {
		t.Errorf("Alloc(0) = %#x, want an error", p)
	}
	if p, err := d.Alloc(-1); err == nil {
		t.Errorf("Alloc(-1) = %#x, want an error", p)
	}
}

func outOfMemory(t *testing.T, d device) {
	p, err := d.Alloc(1 << 46)
	if p != 0 || !errors.Is(err, driver.ErrMemory) {
		t.Fatalf("Alloc of 64 TiB = %#x, %v, want ErrMemory", p, err)
	}
	if !strings.Contains(err.Error(), "free") {
		t.Errorf("error %q does not tell what is free", err)
	}
	d.alloc(1 << 10) // goes on
}

// addition is y = a + b over n numbers.
func addition(n int, y, a, b driver.Pointer) driver.Launch {
	return driver.Launch{Kernel: "add_f32", Grid: [3]int{3, 1, 1}, Block: 64, Args: []uint64{uint64(n), uint64(y), uint64(a), uint64(b)}}
}

func (d device) add(n int, y, a, b driver.Pointer) driver.Run {
	d.t.Helper()
	run, err := d.Launch(addition(n, y, a, b))
	d.must(err)
	return run
}

// order runs y = 2y and y = y + x in turns, whose result depends on their order.
func order(t *testing.T, d device) {
	const n = 1003
	x := normal("x", n)
	px, py := d.place(x), d.place(x)
	double, add := d.add(n, py, py, py), d.add(n, py, py, px)
	for _, run := range []driver.Run{double, add, double, double, add} {
		d.must(run())
	}
	d.must(d.Sync())
	for i, v := range d.read(py, n) {
		if want := ((2*x[i]+x[i])*2)*2 + x[i]; v != want {
			t.Fatalf("element %d is %g, want %g", i, v, want)
		}
	}
}

func refusedLaunches(t *testing.T, d device) {
	p := d.alloc(4096)
	for _, c := range []struct {
		name   string
		change func(l *driver.Launch)
		want   string
	}{
		{"no such kernel", func(l *driver.Launch) { l.Kernel = "nothing_f32" }, "nothing_f32"},
		{"too few arguments", func(l *driver.Launch) { l.Args = l.Args[:3] }, "3 arguments, want 4"},
		{"too many arguments", func(l *driver.Launch) { l.Args = append(l.Args, 0) }, "5 arguments, want 4"},
		{"no block", func(l *driver.Launch) { l.Grid[0] = 0 }, "grid"},
		{"grid.x", func(l *driver.Launch) { l.Grid[0] = 1 << 31 }, "grid"},
		{"grid.y", func(l *driver.Launch) { l.Grid[1] = 1 << 16 }, "grid"},
		{"grid.z", func(l *driver.Launch) { l.Grid[2] = 1 << 16 }, "grid"},
		{"no thread", func(l *driver.Launch) { l.Block = 0 }, "threads"},
		{"part of a warp", func(l *driver.Launch) { l.Block = 48 }, "48 threads"},
		{"more threads than the kernel has", func(l *driver.Launch) { l.Block = 288 }, "at most 256"},
		{"less than no shared memory", func(l *driver.Launch) { l.Shared = -1 }, "shared"},
		{"too much shared memory", func(l *driver.Launch) { l.Shared = 1 << 20 }, "1048576 bytes of shared"},
	} {
		l := addition(1, p, p, p)
		c.change(&l)
		_, err := d.Launch(l)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), l.Kernel) {
			t.Errorf("%s: error %v, want one with %q and the kernel's name", c.name, err, c.want)
		}
	}
}

// capture replays two runs on inputs that changed since.
func capture(t *testing.T, d device) {
	const n = 77
	px, py := d.alloc(4*n), d.alloc(4*n)
	double, add := d.add(n, py, px, px), d.add(n, py, py, px)
	d.must(double()) // what a capture records has been run
	d.must(add())
	replay, err := d.Capture(func() error { return errors.Join(double(), add()) })
	d.must(err)
	x := normal("x", n)
	d.must(d.Write(px, encode(x)))
	if y := d.read(py, n); slices.Max(y) != 0 || slices.Min(y) != 0 {
		t.Error("the capture ran what it recorded")
	}
	for round := range 3 {
		for i := range x {
			x[i] += float32(round)
		}
		d.must(d.Write(px, encode(x)))
		d.must(replay())
		for i, v := range d.read(py, n) {
			if want := 2*x[i] + x[i]; v != want {
				t.Fatalf("replay %d: element %d is %g, want %g", round, i, v, want)
			}
		}
	}
}

func captureFails(t *testing.T, d device) {
	broken := errors.New("broken")
	if _, err := d.Capture(func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("Capture = %v, want the error of what it records", err)
	}
	p := d.place([]float32{1})
	d.must(d.add(1, p, p, p)())
	if got := d.read(p, 1)[0]; got != 2 {
		t.Errorf("after a capture that failed 1+1 is %g", got)
	}
}

func closed(t *testing.T, d device) {
	d.alloc(4096) // Close frees it
	d.must(d.Close())
	d.must(d.Close())
	if p, err := d.Alloc(4); err == nil {
		t.Errorf("Alloc on a closed driver = %#x, want an error", p)
	}
	d.Free(4)
}
